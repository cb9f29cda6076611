import { isRecord } from "../../core/is-record.ts";
import { endOf } from "../repair/end-of.ts";
import { mendJson } from "../repair/mended-json.ts";
import { type Reading, type TextCall, toArguments, type Written } from "./text-call.ts";

const between = /[\s,;]*/y;
const closers = /[\s}\]]*/y;
const argumentKeys = ["arguments", "parameters", "args", "input"];
export const nameKeys = ["name", "tool_name"];
const plainKeys = new Set([...argumentKeys, ...nameKeys, "id", "type", "index", "tool_call_id"]);

/** One call, a list of them, or several one after another, under whatever field names are in use. */
export function readJsonCalls({ text, isClosed }: Written): Reading {
  const values = valuesIn(text, isClosed);
  if (!Array.isArray(values)) return values;
  return complete(values.map(toCall));
}

/** JSON without any marker is a call only if it holds nothing that a call does not hold. */
export function readBareCalls({ text }: Written): Reading {
  const values = valuesIn(text.replace(/^```\w*/, "").replace(/```\s*$/, ""), false);
  if (!Array.isArray(values)) return undefined;
  const areBare = values.every((value) =>
    isRecord(value) && Object.keys(value).every((key) => plainKeys.has(key)) &&
    argumentKeys.some((key) => key in value)
  );
  return areBare ? complete(values.map(toCall)) : undefined;
}

export function complete(
  calls: readonly (TextCall | undefined)[],
): readonly TextCall[] | undefined {
  const found = calls.filter((call) => call !== undefined);
  return found.length === calls.length && found.length > 0 ? found : undefined;
}

function valuesIn(text: string, mayClose: boolean): unknown[] | "unfinished" | undefined {
  const values: unknown[] = [];
  let at = endOf(between, text, 0);
  while (at < text.length) {
    const mended = mendJson(text, at, { mayClose });
    if (mended === "unfinished") return mended;
    if (mended === "broken") return undefined;
    values.push(...[JSON.parse(mended.json) as unknown].flat());
    at = endOf(between, text, endOf(closers, text, mended.end));
  }
  return values;
}

function toCall(value: unknown): TextCall | undefined {
  if (!isRecord(value)) return undefined;
  const inner = isRecord(value["function"]) ? value["function"] : value;
  const name = nameKeys.map((key) => inner[key]).find((each) => typeof each === "string");
  const given = argumentKeys.map((key) => inner[key]).find((each) => each !== undefined);
  const json = toArguments(given ?? {});
  return typeof name === "string" && json !== undefined ? { name, json } : undefined;
}
