import { type Understood, understood } from "../support/told.ts";
import { type Answer, type Part, stopSequence } from "./answer.ts";
import type { Dialect } from "./dialect.ts";

/** What a client makes of an answer. */
export interface Told extends Omit<Understood, "blocks"> {
  /** Neighbours of one kind are one. */
  readonly parts: readonly Part[];
}

/** What is to come of an answer; from the answer, not from what its server sends. */
export function toExpected(
  { parts, end, promptTokens, cachedTokens, outputTokens }: Answer,
  { ours }: Dialect,
): Told {
  const called = parts.some(({ kind }) => kind === "call");
  const ended = called ? "tool_use" : end === "sequence" ? "stop_sequence" : "end_turn";
  const stopReason = { limit: "max_tokens", refusal: "refusal", turn: ended, sequence: ended }[end];
  const computed = promptTokens - cachedTokens;
  return {
    // Blanks alone are not worth a block.
    parts: merged(merged(parts).filter((part) => part.kind === "call" || part.text.trim() !== "")),
    stopReason,
    stopSequence: stopReason === "stop_sequence" ? stopSequence : null,
    usage: {
      input_tokens: ours ? 0 : computed,
      cache_read_input_tokens: cachedTokens,
      cache_creation_input_tokens: ours ? computed : 0,
      output_tokens: outputTokens,
    },
    error: undefined,
  };
}

/** Read from the stream, without any of the proxy's code. */
export function toTold(sse: string): Told {
  const { blocks, ...rest } = understood(sse);
  const parts = blocks.map(({ type, name, text, thinking, partial_json = "" }): Part =>
    type === "tool_use"
      ? { kind: "call", name, json: partial_json }
      : { kind: type, text: text ?? thinking ?? "" }
  );
  return { parts: merged(parts), ...rest };
}

/** The same input written in one way; as it was where it is no JSON. */
export function compact(parts: readonly Part[]): readonly Part[] {
  return parts.map((part) => part.kind === "call" ? { ...part, json: compacted(part.json) } : part);
}

/**
 * The same without the order of kinds among one another, and without blanks: those in front of
 * what is said within a call may be told in front of the call, and go.
 */
export function byKind(parts: readonly Part[]) {
  const said = (wanted: "thinking" | "text") =>
    parts.flatMap((part) => part.kind === wanted ? part.text : []).join("").replace(/\s/g, "");
  return {
    thinking: said("thinking"),
    text: said("text"),
    calls: parts.filter((part) => part.kind === "call"),
  };
}

/** True when these parts may be followed by more, so that they become the whole. */
export function isBeginning(parts: readonly Part[], whole: readonly Part[]): boolean {
  const [some, all] = [byKind(parts), byKind(whole)];
  return all.text.startsWith(some.text) && all.thinking.startsWith(some.thinking) &&
    some.calls.every(({ name, json }, index) => {
      const call = all.calls[index];
      return call?.name === name &&
        (call.json.startsWith(json) || compacted(call.json).startsWith(json));
    });
}

function merged(parts: readonly Part[]): readonly Part[] {
  const whole: Part[] = [];
  for (const part of parts) {
    const last = whole.at(-1);
    if (last && last.kind !== "call" && last.kind === part.kind) {
      whole[whole.length - 1] = { ...last, text: last.text + part.text };
    } else whole.push(part);
  }
  return whole;
}

function compacted(json: string): string {
  try {
    return JSON.stringify(JSON.parse(json || "{}"));
  } catch {
    return json; // cut by the limit
  }
}
