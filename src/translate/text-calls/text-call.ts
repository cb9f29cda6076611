import { isRecord } from "../../core/is-record.ts";
import type { DeclaredTools } from "../declared-tools.ts";
import { mendJson } from "../repair/mended-json.ts";

/** A call that a model wrote into its text. `json` is JSON of an object. */
export interface TextCall {
  readonly name: string;
  readonly json: string;
}

/** `unfinished`: what looked like the end may stand inside of an argument. Undefined: no call. */
export type Reading = readonly TextCall[] | "unfinished" | undefined;

export interface Written {
  /** From the opening to the end mark. */
  readonly text: string;
  readonly tools: DeclaredTools;
  /** False when the answer has ended without the end mark. */
  readonly isClosed: boolean;
}

/** Arguments as an object, or as the text of one. */
export function toArguments(value: unknown): string | undefined {
  if (typeof value === "string") {
    const mended = mendJson(value.trim(), 0);
    if (typeof mended === "string" || value.trim().length > mended.end) return undefined;
    return mended.json.startsWith("{") ? mended.json : undefined;
  }
  return isRecord(value) ? JSON.stringify(value) : undefined;
}

/** JSON of an object, from that of its members. */
export function objectOf(members: Iterable<readonly [key: string, json: string]>): string {
  const written = Array.from(members, ([key, json]) => `${JSON.stringify(key)}: ${json}`);
  return `{${written.join(", ")}}`;
}
