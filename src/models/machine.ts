import { spawnSync } from "node:child_process";
import { totalmem } from "node:os";
import process from "node:process";

/** What there is to hold a model. */
export interface Machine {
  readonly memoryBytes: number;
  /** What a model may take of it, with its prompts. An estimate. */
  readonly modelBytes: number;
}

export function readMachine(): Machine {
  const memoryBytes = totalmem();
  const wiredLimitBytes = process.platform === "darwin" ? readWiredLimit() : 0;
  return toMachine(memoryBytes, process.platform, wiredLimitBytes);
}

/**
 * Metal recommends two thirds of small memories and three quarters of large ones: 11.45 of 16 GiB,
 * 17.2 of 24, 22.9 of 32, but 29.0 of 36 and 38.7 of 48 (in 10⁹ bytes, as llama.cpp printed them;
 * newer systems give small ones more). Elsewhere the system needs about a quarter.
 */
export function toMachine(
  memoryBytes: number,
  platform: NodeJS.Platform,
  wiredLimitBytes: number,
): Machine {
  if (wiredLimitBytes > 0) return { memoryBytes, modelBytes: wiredLimitBytes };
  const isSmallMac = platform === "darwin" && memoryBytes <= 34 * 2 ** 30;
  return { memoryBytes, modelBytes: Math.floor(memoryBytes * (isSmallMac ? 2 / 3 : 3 / 4)) };
}

/** What the user has allowed the GPU; 0 is the system's own limit. */
function readWiredLimit(): number {
  const { stdout } = spawnSync("/usr/sbin/sysctl", ["-n", "iogpu.wired_limit_mb"], {
    encoding: "utf8",
  });
  return (Number(stdout) || 0) * 2 ** 20;
}
