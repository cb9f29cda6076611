import { accessSync, constants, mkdirSync, statfsSync, statSync } from "node:fs";
import { dirname } from "node:path";
import type { Paths } from "../config/paths.ts";
import { toShellWord } from "../core/shell-word.ts";
import { broken, type Finding, ok, warning } from "./finding.ts";

/** The Python environment takes 370 MB, and as much again while it is being made. */
const environmentBytes = 2 ** 30;
const gib = 2 ** 30;

/** Where things are kept: there, ours alone, with room. */
export function examineFolders({ state, cache, configFile }: Paths): readonly Finding[] {
  return [
    examineFolder("State", state),
    examineFolder("Cache", cache),
    ...examinePrivacy("Config", configFile),
    examineRoom(cache),
  ];
}

function examineFolder(subject: string, folder: string): Finding {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    accessSync(folder, constants.W_OK | constants.X_OK);
  } catch (error) {
    return broken(
      subject,
      `${folder} cannot be used: ${(error as Error).message}`,
      `make it a folder of yours (chown, chmod u+rwx), or name another place in ANYCLAUDE_HOME`,
    );
  }
  return examinePrivacy(subject, folder)[0] ?? ok(subject, folder);
}

/** Nothing when there is nothing yet, or nobody else can read it. */
function examinePrivacy(subject: string, path: string): readonly Finding[] {
  const mode = statSync(path, { throwIfNoEntry: false })?.mode;
  if (mode === undefined || (mode & 0o077) === 0) return [];
  return [
    warning(
      subject,
      `${path} can be read by other users, and holds keys or what was said`,
      `chmod go-rwx ${toShellWord(path)}`,
    ),
  ];
}

function examineRoom(folder: string): Finding {
  let existing = folder;
  while (!statSync(existing, { throwIfNoEntry: false })) existing = dirname(existing);
  const { bavail, bsize } = statfsSync(existing);
  const free = bavail * bsize;
  const room = `${(free / gib).toFixed(1)} GiB free for ${folder}`;
  return free >= environmentBytes ? ok("Disk", room) : broken(
    "Disk",
    `${room}: the Python environment alone takes about half a GiB`,
    "make room (anyclaude cache shows what caches take, anyclaude cache clear empties them)",
  );
}
