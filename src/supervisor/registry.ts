import { rmSync, statSync } from "node:fs";
import { join } from "node:path";
import * as v from "valibot";
import { jsonFilesIn, readJsonFile, writeJsonFile } from "../core/json-file.ts";

const entrySchema = v.object({
  /** What the server was started for: model, sources, settings, as a hash. */
  identity: v.string(),
  url: v.pipe(v.string(), v.regex(/^http:\/\/127\.0\.0\.1:\d+$/)),
  token: v.pipe(v.string(), v.nonEmpty()),
  pid: v.pipe(v.number(), v.integer(), v.minValue(1)),
});

/** A server that once answered at this address. Whether it still does has to be asked. */
export type Entry = Readonly<v.InferOutput<typeof entrySchema>>;

const forgottenAfterMs = 7 * 24 * 3_600_000;

/** The entry of this identity; undefined when there is none that can be read. */
export function readEntry(folder: string, identity: string): Entry | undefined {
  const entry = readJsonFile(pathOf(folder, identity), entrySchema);
  return entry?.identity === identity ? entry : undefined;
}

/** All entries that can be read, whether their servers still run or not. */
export function readEntries(folder: string): readonly Entry[] {
  return jsonFilesIn(folder).flatMap((path) => readJsonFile(path, entrySchema) ?? []);
}

/** Complete at once, and readable by its owner alone: the token is in it. */
export function writeEntry(folder: string, entry: Entry): void {
  writeJsonFile(pathOf(folder, entry.identity), entry);
}

/** Removes what servers left that ended long ago: with each release there is a new identity. */
export function forgetOldEntries(
  folder: string,
  now: number,
  isAlive: (pid: number) => boolean,
): void {
  for (const path of jsonFilesIn(folder)) {
    const { mtimeMs = now } = statSync(path, { throwIfNoEntry: false }) ?? {};
    const entry = readJsonFile(path, entrySchema);
    if (now - mtimeMs < forgottenAfterMs || (entry && isAlive(entry.pid))) continue;
    for (const left of [path, path.replace(/json$/, "log")]) rmSync(left, { force: true });
  }
}

function pathOf(folder: string, identity: string): string {
  return join(folder, `${identity}.json`);
}
