import { spawnSync } from "node:child_process";

/** Why no program can be given a disk of its own; false when it can. */
export const noOwnDisk = canMount() ? false : "this machine lets no user mount a disk of their own";

/** Whether users can mount what they like, each for their own programs; `flags` are unshare's. */
export function canMount(...flags: readonly string[]): boolean {
  const mount = ["mount", "-t", "tmpfs", "none", "/mnt"];
  return spawnSync("unshare", ["-rm", ...flags, ...mount]).status === 0;
}

/** What starts a program behind this script, with a disk of its own where the script mounts one. */
export function withOwnDisk(script: string): readonly string[] {
  return ["unshare", "-rm", "sh", "-c", `${script} exec "$@"`, "sh"];
}
