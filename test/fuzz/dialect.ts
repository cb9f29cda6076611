import fc from "fast-check";

/** How a server tells an answer. Only what still has one meaning: see `isClear`. */
export interface Dialect {
  /** `end tag`: the prompt has begun it, which earlier answers have shown. */
  readonly thinking: "reasoning_content" | "reasoning" | "both" | "tags" | "end tag";
  readonly arguments: "whole" | "pieces" | "object";
  readonly index: "right" | "zero" | "none";
  readonly ids: "first" | "every" | "same" | "fresh" | "none";
  readonly names: "first" | "every" | "late";
  /** Pieces of neighbouring calls take turns, or stand in one chunk. */
  readonly calls: "in turn" | "interleaved" | "together";
  /** Pieces of text may come between the pieces of a call. */
  readonly textInCalls: boolean;
  readonly emptyInput: "{}" | "" | "null" | "missing";
  /** What stands in the fields that have nothing to say. */
  readonly silence: "missing" | "null" | "empty";
  readonly finish: "own chunk" | "last chunk";
  /** The reason given after calls. */
  readonly afterCalls: "tool_calls" | "stop" | "function_call";
  readonly usage: "last" | "finish" | "every" | "never";
  /** Our own server says more about its work. */
  readonly ours: boolean;
  /** Texts are cut at UTF-16 units, as servers in JavaScript do. */
  readonly halves: boolean;
}

export const dialects: fc.Arbitrary<Dialect> = fc.record({
  thinking: fc.constantFrom("reasoning_content", "reasoning", "both", "tags"),
  arguments: fc.constantFrom("whole", "pieces", "object"),
  index: fc.constantFrom("right", "zero", "none"),
  ids: fc.constantFrom("first", "every", "same", "fresh", "none"),
  names: fc.constantFrom("first", "every", "late"),
  calls: fc.constantFrom("in turn", "interleaved", "together"),
  textInCalls: fc.boolean(),
  emptyInput: fc.constantFrom("{}", "", "null", "missing"),
  silence: fc.constantFrom("missing", "null", "empty"),
  finish: fc.constantFrom("own chunk", "last chunk"),
  afterCalls: fc.constantFrom("tool_calls", "stop", "function_call"),
  usage: fc.constantFrom("last", "finish", "every", "never"),
  ours: fc.boolean(),
  halves: fc.boolean(),
}).filter(isClear);

/** True when every call can be told from the one before it. */
function isClear({ index, ids, names, calls, emptyInput, ...dialect }: Dialect): boolean {
  // A call between the halves of a character ends the block of the first one.
  if (dialect.textInCalls && dialect.halves) return false;
  // A fresh id beside the name of the call before: the same call or another one.
  if (names === "every" && ids === "fresh") return false;
  if (index === "right") return true;
  if (index === "none" && ids === "fresh" && dialect.arguments === "pieces") return false;
  // A beginning is known by its name, and by what came before being complete.
  if (names === "late" || calls === "interleaved") return false;
  if (calls === "together" && index === "zero") return false;
  return emptyInput === "{}";
}
