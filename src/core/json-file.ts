import { readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import * as v from "valibot";

/** Paths of the JSON files in a folder; none when there is no such folder. */
export function jsonFilesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder).filter((name) => name.endsWith(".json"))
      .map((name) => join(folder, name));
  } catch {
    return []; // never made
  }
}

/** Undefined when there is none, or something else is in it. */
export function readJsonFile<Schema extends v.GenericSchema>(
  path: string,
  schema: Schema,
): v.InferOutput<Schema> | undefined {
  try {
    const result = v.safeParse(schema, JSON.parse(readFileSync(path, "utf8")));
    return result.success ? result.output : undefined;
  } catch {
    return undefined; // not there, or not JSON
  }
}

/** There at once and complete, for its owner alone. */
export function writeJsonFile(path: string, value: unknown): void {
  const unfinished = `${path}.${process.pid}`;
  try {
    writeFileSync(unfinished, JSON.stringify(value, null, 2), { mode: 0o600 });
    renameSync(unfinished, path);
  } finally {
    rmSync(unfinished, { force: true });
  }
}
