import { accessSync, constants, statSync } from "node:fs";
import { delimiter, isAbsolute, join } from "node:path";

export type Environment = Readonly<Record<string, string | undefined>>;

/** The first program of that name, as `programsNamed` finds them. */
export function findProgram(name: string, environment: Environment): string | undefined {
  return programsNamed(name, environment)[0];
}

/**
 * Programs of that name on the PATH, then in the folders into which installers put them and which a
 * PATH may lack. Never one in the working directory, even if the PATH names it: that may be
 * somebody else's.
 */
export function programsNamed(name: string, environment: Environment): readonly string[] {
  const home = environment["HOME"];
  const folders = [
    ...(environment["PATH"] ?? "").split(delimiter),
    ...(home ? [join(home, ".local", "bin")] : []),
    ...["/opt/homebrew/bin", "/usr/local/bin", "/home/linuxbrew/.linuxbrew/bin"],
  ];
  const paths = folders.filter(isAbsolute).map((folder) => join(folder, name));
  return [...new Set(paths)].filter(isExecutable);
}

export function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false; // not there, or not for us
  }
}
