import type { Environment } from "./find-program.ts";

/** The same path with the home folder in the place of `~`, as shells have it. */
export function withHome(path: string, { HOME = "" }: Environment): string {
  return path.replace(/^~(?=\/|$)/, HOME);
}
