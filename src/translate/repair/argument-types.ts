import { mendJson } from "./mended-json.ts";

/** Of a tool's arguments. */
export type Schema = Readonly<Record<string, unknown>>;

/** The types that a schema allows, by JSON schema's names; undefined where it does not say. */
export type Types = ReadonlySet<string> | undefined;

const numeric = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/;
const plain = new Set(["number", "boolean"]);
const names = ["string", "number", "integer", "boolean", "null", "object", "array"];
const firsts: readonly (readonly [characters: string, types: readonly string[]])[] = [
  ['"', ["string"]],
  ["{", ["object"]],
  ["[", ["array"]],
  ["tf", ["boolean"]],
  ["n", ["null"]],
  ["-0123456789", ["number", "integer"]],
];

export function typesOf(schema: unknown): Types {
  if (typeof schema !== "object" || schema === null) return undefined;
  const { type, anyOf, oneOf, nullable, enum: values } = schema as Record<string, unknown>;
  const choices = anyOf ?? oneOf;
  if (type === undefined && Array.isArray(choices)) return union(choices.map(typesOf));
  const found: unknown = type ?? (Array.isArray(values) ? values.map(typeOf) : []);
  const types = new Set([found].flat().map(String));
  if (nullable === true) types.add("null");
  return types.size > 0 && [...types].every((each) => names.includes(each)) ? types : undefined;
}

export function typesOfProperty({ properties }: Schema, key: string): Types {
  if (typeof properties !== "object" || properties === null) return undefined;
  return Object.hasOwn(properties, key)
    ? typesOf((properties as Record<string, unknown>)[key])
    : undefined;
}

/** Whether JSON of these types can begin with this character. */
export function canBegin(types: Types, character: string): boolean {
  const begun = firsts.find(([characters]) => characters.includes(character))?.[1];
  return begun !== undefined && (types === undefined || begun.some((each) => types.has(each)));
}

/**
 * JSON of a type that is allowed, from JSON of one that is not: where a model put quotes around a
 * value, or forgot them. Undefined where that cannot be what it meant.
 */
export function converted(json: string, types: ReadonlySet<string>): string | undefined {
  if (json.startsWith('"')) return unquoted((JSON.parse(json) as string).trim(), types);
  const isPlain = canBegin(plain, json.charAt(0));
  const isText = [...types].every((each) => each === "string" || each === "null");
  return isPlain && isText && types.has("string") ? JSON.stringify(json) : undefined;
}

function unquoted(text: string, types: ReadonlySet<string>): string | undefined {
  if (types.has("boolean") && /^(?:true|false)$/i.test(text)) return text.toLowerCase();
  if (types.has("null") && /^(?:null|None)$/.test(text)) return "null";
  if (numeric.test(text)) {
    if (types.has("number")) return text;
    return types.has("integer") && Number.isInteger(Number(text)) ? text : undefined;
  }
  const nested = text.startsWith("{") ? "object" : text.startsWith("[") ? "array" : undefined;
  if (nested === undefined || !types.has(nested)) return undefined;
  const mended = mendJson(text, 0);
  return typeof mended === "object" && mended.end === text.length ? mended.json : undefined;
}

function union(choices: readonly Types[]): Types {
  const all = new Set<string>();
  for (const types of choices) {
    if (types === undefined) return undefined;
    for (const each of types) all.add(each);
  }
  return all;
}

function typeOf(value: unknown): string {
  if (value === null) return "null";
  return Array.isArray(value) ? "array" : typeof value;
}
