import { readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import process from "node:process";
import * as v from "valibot";

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
  const entry = parse(join(folder, `${identity}.json`));
  return entry?.identity === identity ? entry : undefined;
}

/** All entries that can be read, whether their servers still run or not. */
export function readEntries(folder: string): readonly Entry[] {
  try {
    return readdirSync(folder).filter((name) => name.endsWith(".json"))
      .flatMap((name) => parse(join(folder, name)) ?? []);
  } catch {
    return []; // there never was a server
  }
}

/** There at once and complete, for its owner alone: the token is in it. */
export function writeEntry(folder: string, entry: Entry): void {
  const path = join(folder, `${entry.identity}.json`);
  const unfinished = `${path}.${process.pid}`;
  try {
    writeFileSync(unfinished, JSON.stringify(entry, null, 2), { mode: 0o600 });
    renameSync(unfinished, path);
  } finally {
    rmSync(unfinished, { force: true });
  }
}

/** Removes what servers left that ended long ago: with each release there is a new identity. */
export function forgetOldEntries(
  folder: string,
  now: number,
  isAlive: (pid: number) => boolean,
): void {
  for (const name of readdirSync(folder).filter((each) => each.endsWith(".json"))) {
    const path = join(folder, name);
    const { mtimeMs = now } = statSync(path, { throwIfNoEntry: false }) ?? {};
    const entry = parse(path);
    if (now - mtimeMs < forgottenAfterMs || (entry && isAlive(entry.pid))) continue;
    for (const left of [name, `${basename(name, ".json")}.log`]) {
      rmSync(join(folder, left), { force: true });
    }
  }
}

function parse(path: string): Entry | undefined {
  try {
    const result = v.safeParse(entrySchema, JSON.parse(readFileSync(path, "utf8")));
    return result.success ? result.output : undefined;
  } catch {
    return undefined; // not there, or not JSON
  }
}
