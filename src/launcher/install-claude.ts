import { spawn } from "node:child_process";
import { type Environment, findProgram } from "../core/find-program.ts";

/** A way to install Claude Code that its makers name. */
export interface InstallWay {
  /** What a user would type. */
  readonly shown: string;
  readonly program: string;
  readonly args: readonly string[];
}

const script = "curl -fsSL https://claude.ai/install.sh | bash";

const ways: readonly (InstallWay & { readonly alsoNeeds?: string })[] = [
  {
    shown: script,
    program: "bash",
    alsoNeeds: "curl",
    args: ["-c", `set -o pipefail; ${script}`],
  },
  {
    shown: "brew install --cask claude-code",
    program: "brew",
    args: ["install", "--cask", "claude-code"],
  },
  {
    shown: "npm install -g @anthropic-ai/claude-code",
    program: "npm",
    args: ["install", "-g", "@anthropic-ai/claude-code"],
  },
];

/** Those that can be gone on this machine, the one that is recommended first. */
export function waysToInstall(environment: Environment): readonly InstallWay[] {
  return ways.flatMap(({ alsoNeeds, program, ...way }) => {
    const path = findProgram(program, environment);
    const isPossible = !alsoNeeds || findProgram(alsoNeeds, environment);
    return path && isPossible ? [{ ...way, program: path }] : [];
  });
}

/** For a machine that has nothing to install with, or nobody to ask. */
export const allWays: readonly string[] = ways.map(({ shown }) => shown);

/** In the user's terminal, which it may ask things in. Resolves to the exit code. */
export function installClaude({ program, args }: InstallWay, env: Environment): Promise<number> {
  return new Promise((resolve) => {
    const child = spawn(program, [...args], { env, stdio: "inherit" });
    child.on("error", () => resolve(1));
    child.on("close", (code) => resolve(code ?? 1));
  });
}
