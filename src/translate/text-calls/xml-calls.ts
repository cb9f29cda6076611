import { converted, type Schema, typesOfProperty } from "../repair/argument-types.ts";
import { mendJson } from "../repair/mended-json.ts";
import { objectOf, type Reading, type TextCall, type Written } from "./text-call.ts";

/** How a family tags its calls. All patterns are sticky but `valueEnd`, which is searched for. */
interface Tags {
  /** Its first group is the name. */
  readonly call: RegExp;
  readonly callEnd: RegExp;
  /** Its first group is the key, its second the other attributes. */
  readonly parameter: RegExp;
  readonly valueEnd: RegExp;
}

/** `<function=f><parameter=p>value</parameter></function>`, and Llama's `<function=f>{…}</function>` */
const functionTags: Tags = {
  call: /\s*<function=([^>\s]+)\s*>/y,
  callEnd: /\s*<\/function>/y,
  parameter: /\s*<parameter=([^>\s]+)\s*()>/y,
  valueEnd: /<\/parameter>/g,
};
/** `<invoke name="f"><parameter name="p">value</parameter></invoke>`, MiniMax's and DeepSeek's too. */
const invokeTags: Tags = {
  call: /\s*<(?:｜DSML｜)?invoke\s+name="([^"]+)"\s*>/y,
  callEnd: /\s*<\/(?:｜DSML｜)?invoke>/y,
  parameter: /\s*<(?:｜DSML｜)?parameter\s+name="([^"]+)"([^>]*)>/y,
  valueEnd: /<\/(?:｜DSML｜)?parameter>/g,
};
/** GLM: the name, then `<arg_key>p</arg_key><arg_value>value</arg_value>` */
const argumentTags: Tags = {
  call: /\s*([^\s<{]+)/y,
  callEnd: /\s*$/y,
  parameter: /\s*<arg_key>\s*([^<]+?)\s*()<\/arg_key>\s*<arg_value>/y,
  valueEnd: /<\/arg_value>/g,
};

export const readFunctions = (written: Written) => new TagReader(written, functionTags).calls();
export const readInvokes = (written: Written) => new TagReader(written, invokeTags).calls();
export const readArguments = (written: Written) => new TagReader(written, argumentTags).calls();

const theEnd = /\s*$/y;

class TagReader {
  readonly #written: Written;
  readonly #tags: Tags;
  #at = 0;

  constructor(written: Written, tags: Tags) {
    this.#written = written;
    this.#tags = tags;
  }

  calls(): Reading {
    const calls: TextCall[] = [];
    while (!this.#take(theEnd)) {
      const name = this.#take(this.#tags.call)?.[1];
      if (name === undefined) return undefined;
      const json = this.#arguments(this.#written.tools.schemaOf(name));
      if (json === undefined || json === "unfinished") return json;
      calls.push({ name, json });
    }
    return calls;
  }

  #arguments(schema: Schema): string | "unfinished" | undefined {
    const { text, isClosed } = this.#written;
    const given = new Map<string, string>();
    for (;;) {
      if (this.#take(this.#tags.callEnd)) return objectOf(given);
      if (this.#take(theEnd)) {
        // A tag is missing: all the same a call if nothing else is.
        const isWhole = isClosed || hasRequired(schema, given);
        return isWhole ? objectOf(given) : undefined;
      }
      const [, key, attributes = ""] = this.#take(this.#tags.parameter) ?? [];
      if (key === undefined) return given.size === 0 ? this.#json() : undefined;
      this.#tags.valueEnd.lastIndex = this.#at;
      const end = this.#tags.valueEnd.exec(text);
      if (!end) return "unfinished";
      given.set(key, toJson(text.slice(this.#at, end.index), { key, attributes, schema }));
      this.#at = this.#tags.valueEnd.lastIndex;
    }
  }

  /** The arguments as JSON instead of tags. */
  #json(): string | "unfinished" | undefined {
    this.#take(/\s*/y);
    const mended = mendJson(this.#written.text, this.#at);
    if (typeof mended === "string") return mended === "unfinished" ? mended : undefined;
    this.#at = mended.end;
    const isEnded = this.#take(this.#tags.callEnd) ?? this.#take(theEnd);
    return isEnded && mended.json.startsWith("{") ? mended.json : undefined;
  }

  #take(pattern: RegExp): RegExpExecArray | undefined {
    pattern.lastIndex = this.#at;
    const match = pattern.exec(this.#written.text);
    if (!match) return undefined;
    this.#at = pattern.lastIndex;
    return match;
  }
}

/** A text, unless the schema or the tag says that it is something else, and it is. */
function toJson(
  value: string,
  { key, attributes, schema }: { key: string; attributes: string; schema: Schema },
): string {
  const json = JSON.stringify(value.replace(/^\n/, "").replace(/\n$/, ""));
  const types = attributes.includes('string="false"') ? anythingElse : typesOfProperty(schema, key);
  return types === undefined || types.has("string") ? json : converted(json, types) ?? json;
}

const anythingElse = new Set(["number", "boolean", "null", "object", "array"]);

function hasRequired({ required }: Schema, given: ReadonlyMap<string, string>): boolean {
  return !Array.isArray(required) || required.every((key) => given.has(String(key)));
}
