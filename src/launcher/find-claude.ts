import { accessSync, constants, statSync } from "node:fs";
import { delimiter, join } from "node:path";
import { UserError } from "../core/user-error.ts";

export interface ClaudeSearch {
  /** From the config; nothing else is tried then. */
  readonly configured: string | undefined;
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/** Where Claude Code is: as configured, on the PATH, in this checkout, in the usual places. */
export function findClaude({ configured, environment }: ClaudeSearch): string {
  if (configured) {
    if (isExecutable(configured)) return configured;
    throw new UserError(`Cannot start Claude Code at ${configured}: there is no such program`);
  }
  const home = environment["HOME"] ?? "";
  const folders = [
    ...(environment["PATH"] ?? "").split(delimiter).filter((folder) => folder !== ""),
    join(import.meta.dirname ?? ".", "..", "..", "node_modules", ".bin"),
    join(home, ".local", "bin"),
    join(home, ".claude", "local"),
    "/opt/homebrew/bin",
    "/usr/local/bin",
  ];
  const found = folders.map((folder) => join(folder, "claude")).find(isExecutable);
  if (found) return found;
  throw new UserError(
    "Cannot find Claude Code: there is no `claude` on the PATH or in the usual places; install it " +
      "with `npm install -g @anthropic-ai/claude-code` or with " +
      "`curl -fsSL https://claude.ai/install.sh | bash`, or name it as claudePath in the config",
  );
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}
