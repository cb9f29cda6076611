import { ArgumentScanner } from "./argument-scanner.ts";
import { canBegin, converted, type Schema, typesOfProperty } from "./argument-types.ts";
import { mendJson } from "./mended-json.ts";

/**
 * A call's arguments as they come. What is right passes at once and byte for byte; from the first
 * thing that is not, everything waits for the end, where it is either repaired or given out as it
 * was: whoever reads it gets JSON that fits, or exactly what the model wrote.
 */
export class ArgumentRepair {
  readonly #schema: () => Schema;
  readonly #scanner: ArgumentScanner;
  #given = "";
  #isAltered = false;

  /** `schema` is asked when it is needed: a call's name may come behind its arguments. */
  constructor(schema: () => Schema) {
    this.#schema = schema;
    this.#scanner = new ArgumentScanner((key) => typesOfProperty(schema(), key));
  }

  /** True when what was given out is not what the model wrote. */
  get isAltered(): boolean {
    return this.#isAltered;
  }

  /** True once nothing that belongs to the arguments can follow. */
  get isComplete(): boolean {
    return this.#scanner.isComplete;
  }

  /** Whether what has come by now may be all. */
  couldEnd(): boolean {
    const { isRight, isComplete } = this.#scanner;
    return isComplete || (!isRight && repairArguments(this.text, {}, false) !== undefined);
  }

  /** True until something was fed. */
  get isEmpty(): boolean {
    return this.#given === "" && this.#scanner.held === "";
  }

  /** All that was fed. */
  get text(): string {
    return this.#given + this.#scanner.held;
  }

  feed(piece: string): string {
    const ready = this.#scanner.feed(piece);
    this.#given += ready;
    return ready;
  }

  /** `isCut`: more was to come, so that nothing may be completed. */
  finish(isCut: boolean): string {
    const { held, isRight, isComplete } = this.#scanner;
    if (isRight && isComplete) return held;
    const repaired = repairArguments(this.text, this.#schema(), !isCut);
    if (!repaired?.startsWith(this.#given)) return held;
    this.#isAltered = repaired !== this.text;
    return repaired.slice(this.#given.length);
  }
}

/** JSON of an object that fits the schema as far as can be told; undefined: nobody knows what was meant. */
export function repairArguments(
  text: string,
  schema: Schema,
  mayClose: boolean,
): string | undefined {
  const words = text.trim();
  if (/^(?:null|None|"")$/.test(words)) return "{}";
  const inner = unwrapped(words);
  if (inner !== undefined) return repairArguments(inner, schema, mayClose);
  const start = text.length - text.trimStart().length;
  if (!words.startsWith("{")) return undefined;
  const mended = mendJson(text, start, {
    mayClose,
    member: (key, json) => fitted(key, json, schema),
  });
  if (typeof mended === "string") return undefined;
  const behind = text.slice(mended.end);
  const isNoise = /^[\s}\]]*$/.test(behind) || behind.trim() === text.slice(start, mended.end);
  if (!isNoise) return undefined;
  return text.slice(0, start) + mended.json + (behind.trim() === "" ? behind : "");
}

/** Arguments inside of a text or of a fence; some servers send all of them once more behind. */
function unwrapped(words: string): string | undefined {
  const fenced = /^```\w*\s*(\{[^]*\})\s*```$/.exec(words)?.[1];
  if (fenced !== undefined) return fenced;
  if (!words.startsWith('"')) return undefined;
  try {
    const inner: unknown = JSON.parse(words);
    return typeof inner === "string" && inner.trim().startsWith("{") ? inner : undefined;
  } catch {
    return undefined; // it is no text either
  }
}

/** What an argument becomes. One that need not be given and is null is left out. */
function fitted(key: string, json: string, schema: Schema): string | undefined {
  const types = typesOfProperty(schema, key);
  if (types === undefined || canBegin(types, json.charAt(0))) return json;
  const { required } = schema;
  if (json === "null" && !(Array.isArray(required) && required.includes(key))) return undefined;
  return converted(json, types) ?? json;
}
