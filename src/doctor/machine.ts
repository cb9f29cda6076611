import { broken, type Finding, ok, warning } from "./finding.ts";

export interface Machine {
  readonly platform: string;
  readonly arch: string;
  /** The system's own version: Darwin's, or the kernel's. */
  readonly release: string;
  readonly memoryBytes: number;
}

const gib = 2 ** 30;
/** macOS 14, of which MLX's wheels are made. */
const oldestDarwin = 23;
/** A model with tool support and a prompt of Claude Code's need about this much. */
const usefulMemoryBytes = 16 * gib;

/** Whether MLX can run here, and something useful with it. */
export function examineMachine(
  { platform, arch, release, memoryBytes }: Machine,
): readonly Finding[] {
  return [examineSystem(platform, arch, release), examineMemory(memoryBytes)];
}

function examineSystem(platform: string, arch: string, release: string): Finding {
  const named = `${platform} ${release} on ${arch}`;
  const elsewhere =
    "use a server on another machine: anyclaude --mode openai --base-url http://HOST:PORT/v1";
  if (platform === "darwin" && arch === "arm64") {
    return Number.parseInt(release) >= oldestDarwin
      ? ok("System", named)
      : broken("System", `${named}: MLX needs macOS 14 or newer`, `update macOS, or ${elsewhere}`);
  }
  if (platform === "linux" && (arch === "x64" || arch === "arm64")) {
    return ok("System", `${named}; MLX computes on the CPU here`);
  }
  return broken("System", `${named}: MLX has no build for it`, elsewhere);
}

function examineMemory(bytes: number): Finding {
  const size = `${(bytes / gib).toFixed(0)} GiB`;
  return bytes >= usefulMemoryBytes ? ok("Memory", size) : warning(
    "Memory",
    `${size}: little for a model that can use tools and Claude Code's long prompts`,
    "choose a small model (anyclaude models says which fit), or a server on another machine",
  );
}
