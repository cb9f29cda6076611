import { spawn, spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { testPython } from "../../support/test-python.ts";
import { list, type Process } from "./processes.ts";
import { until } from "./until.ts";
import {
  anyclaudeCommand,
  networkSettings,
  observe,
  type Ran,
  root,
  type Running,
} from "./world.ts";

/**
 * The machine of somebody who has nothing but the binary, Claude Code and a Python: an empty home,
 * which is a link to a folder with a space and letters of other alphabets, and system folders.
 */
export interface Stranger extends AsyncDisposable {
  readonly home: string;
  /** Where anyclaude keeps what can be made again. */
  readonly cache: string;
  readonly project: string;
  readonly temporary: string;
  readonly env: Readonly<Record<string, string>>;
  start(args: readonly string[], options?: StartOptions): Running;
  run(args: readonly string[], options?: StartOptions): Promise<Ran>;
  /** What runs out of this home, such as installers and servers. */
  processes(): readonly Process[];
}

export interface StartOptions {
  readonly env?: Readonly<Record<string, string>>;
  /** Another program that starts it. */
  readonly by?: readonly string[];
}

/** Why the tests of first runs cannot be run; false when they can. */
export const noBinary = process.env["ANYCLAUDE_BINARY"]
  ? false
  : "they are about the binary that ANYCLAUDE_BINARY names";

/** `programs`: which of claude and python3 there are. */
export async function createStranger(
  programs: readonly ("claude" | "python3")[] = ["claude", "python3"],
): Promise<Stranger> {
  const folder = mkdtempSync(join(tmpdir(), "stranger-"));
  const [home, project, temporary, bin] = ["home", "Projekt é 日本", "temporary files", "bin"]
    .map((name) => join(folder, name)) as [string, string, string, string];
  const real = join(folder, "zu Hause ж");
  for (const each of [real, project, temporary, bin]) mkdirSync(each);
  symlinkSync(real, home);
  const paths = {
    claude: join(root, "node_modules", ".bin", "claude"),
    python3: await interpreter(),
  };
  for (const name of programs) symlinkSync(paths[name], join(bin, name));
  const env = {
    ...networkSettings(),
    HOME: home,
    PATH: `${bin}:${systemFolders(programs, folder)}`,
    TMPDIR: temporary,
    TERM: "xterm-256color",
    SHELL: "/bin/sh",
  };

  const start: Stranger["start"] = (args, { env: more = {}, by = [] } = {}) => {
    const [program = "", ...before] = [...by, ...anyclaudeCommand()];
    return observe(
      spawn(program, [...before, ...args], {
        cwd: project,
        env: { ...env, ...more },
        stdio: ["ignore", "pipe", "pipe"],
      }),
    );
  };
  const processes = () => list().filter(({ command }) => command.includes(folder));
  return {
    ...{ home, project, temporary, env, start, processes },
    cache: join(home, ".cache", "anyclaude"),
    run: (args, options) => start(args, options).exited,
    async [Symbol.asyncDispose]() {
      for (const { pid } of processes()) kill(pid);
      await until("the end of everything in this home", () => processes().length === 0);
      chmodSync(project, 0o755); // a test may have taken that away
      rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
    },
  };
}

/** Downloads of all these first runs together, so that the index is not asked for each. */
export const sharedDownloads = {
  UV_CACHE_DIR: join(root, ".cache", "e2e downloads", "uv"),
  PIP_CACHE_DIR: join(root, ".cache", "e2e downloads", "pip"),
};

/** The Python that the test environment was made with. */
async function interpreter(): Promise<string> {
  const ask = "import sys; print(sys._base_executable)";
  return spawnSync(await testPython(), ["-c", ask], { encoding: "utf8" }).stdout.trim();
}

/** Without Python, if there is to be none: the rest of them is linked into a folder. */
function systemFolders(programs: readonly string[], folder: string): string {
  if (programs.includes("python3")) return "/usr/bin:/bin";
  const bin = join(folder, "system");
  mkdirSync(bin);
  for (const name of ["sh", "bash", "cat", "sleep", "kill", "ls", "uname", "env", "stty", "curl"]) {
    const path = spawnSync("sh", ["-c", `command -v ${name}`], { encoding: "utf8" }).stdout.trim();
    if (path.startsWith("/")) symlinkSync(path, join(bin, name));
  }
  return bin;
}

function kill(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It has ended by itself.
  }
}
