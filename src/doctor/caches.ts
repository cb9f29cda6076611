import { existsSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { sizeOfPrefixes } from "../app/prefixes.ts";
import { responsesPath } from "../app/response-cache.ts";
import type { Paths } from "../config/paths.ts";
import { broken, type Finding, ok } from "./finding.ts";

const gib = 2 ** 30;

/** What the caches hold on disk: readable, and no more than allowed. */
export function examineCaches(
  { state, prefixes }: Paths,
  { prefixDiskGigabytes }: { readonly prefixDiskGigabytes: number },
): readonly Finding[] {
  return [
    examineAnswers(responsesPath(state)),
    examinePrefixes(prefixes, prefixDiskGigabytes),
  ];
}

function examineAnswers(path: string): Finding {
  if (!existsSync(path)) return ok("Response cache", "empty");
  try {
    const database = new DatabaseSync(path, { readOnly: true });
    try {
      const [{ quick_check: verdict } = {}] = database.prepare("PRAGMA quick_check(1)").all();
      if (verdict !== "ok") throw new Error(String(verdict));
    } finally {
      database.close();
    }
    return ok("Response cache", path);
  } catch (error) {
    return broken(
      "Response cache",
      `${path} is damaged: ${(error as Error).message}`,
      "anyclaude cache clear; answers are then asked for anew",
    );
  }
}

function examinePrefixes(folder: string, limit: number): Finding {
  const { bytes, records } = sizeOfPrefixes(folder);
  const size = `${records} records, ${(bytes / gib).toFixed(1)} of ${limit} GiB, in ${folder}`;
  return ok("Prefix cache", size);
}
