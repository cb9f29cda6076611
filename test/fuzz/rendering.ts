import { type Answer, stopSequence } from "./answer.ts";
import { type Call, toCallDeltas } from "./call-rendering.ts";
import type { Dialect } from "./dialect.ts";
import { inTurns, piecesOf } from "./pieces.ts";
import type { Tape } from "./tape.ts";

export type Delta = Readonly<Record<string, unknown>>;

interface Chunk {
  readonly choices?: readonly Choice[] | null;
  readonly [field: string]: unknown;
}

interface Choice {
  readonly index: number;
  readonly delta: Delta | null;
  readonly finish_reason?: string | null;
  readonly stop_reason?: unknown;
}

/** The answer as the chat-completion chunks of a server that speaks this dialect. */
export function toChunks(answer: Answer, dialect: Dialect, tape: Tape): readonly Chunk[] {
  const deltas = packed(toDeltas(answer, dialect, tape), tape);
  const finish = toFinish(answer, dialect);
  const last = dialect.finish === "last chunk" ? deltas.pop() ?? {} : {};
  const toChoice = (delta: Delta) => ({ index: 0, delta: withSilence(delta, dialect) });
  const chunks: Chunk[] = deltas.map((delta) => ({ choices: [toChoice(delta)] }));
  chunks.push({ choices: [{ ...toChoice(last), ...finish }] });
  return withUsage(chunks, answer, dialect, tape).flatMap((chunk) => [...noise(tape), chunk]);
}

function toFinish({ parts, end }: Answer, { afterCalls }: Dialect): Partial<Choice> {
  if (end === "limit") return { finish_reason: "length" };
  if (end === "refusal") return { finish_reason: "content_filter" };
  if (parts.some(({ kind }) => kind === "call")) return { finish_reason: afterCalls };
  return { finish_reason: "stop", stop_reason: end === "sequence" ? stopSequence : null };
}

function toDeltas(answer: Answer, dialect: Dialect, tape: Tape): readonly Delta[] {
  const deltas: Delta[] = [];
  let calls: Call[] = [];
  let called = 0;
  for (const [position, part] of answer.parts.entries()) {
    if (part.kind === "call") {
      calls.push(part);
      continue;
    }
    const before = toCallDeltas(calls, called, dialect, tape);
    const said = toSaid(answer, position, part, dialect, tape);
    deltas.push(...dialect.textInCalls ? inTurns([before, said], tape) : [...before, ...said]);
    called += calls.length;
    calls = [];
  }
  return [...deltas, ...toCallDeltas(calls, called, dialect, tape)];
}

/** True when the thinking at its beginning can be told by tags. */
export function isTaggable({ parts: [first, next] }: Answer): boolean {
  // The blank behind the tag belongs to it, so the text may not begin with some of its own.
  return first?.kind === "thinking" && !first.text.includes("</think>") &&
    !(next?.kind === "text" && /^\s/.test(next.text));
}

function toSaid(
  answer: Answer,
  position: number,
  { kind, text }: { readonly kind: "thinking" | "text"; readonly text: string },
  dialect: Dialect,
  tape: Tape,
): readonly Delta[] {
  if (kind === "text") return piecesOf(text, dialect, tape).map((content) => ({ content }));
  const isTagged = dialect.thinking === "tags" || dialect.thinking === "end tag";
  if (isTagged && position === 0 && isTaggable(answer)) {
    const blank = "\n".repeat(tape.next(3));
    const tagged = dialect.thinking === "tags"
      ? `${blank}<think>${text}</think>${blank}`
      : `${text}</think>\n${blank}`;
    return piecesOf(tagged, dialect, tape).map((content) => ({ content }));
  }
  return piecesOf(text, dialect, tape).map((piece) => ({
    ...(dialect.thinking === "reasoning" ? {} : { reasoning_content: piece }),
    ...(dialect.thinking === "reasoning" || dialect.thinking === "both"
      ? { reasoning: piece }
      : {}),
  }));
}

/** Some servers put several kinds into one chunk: it is read as thinking, text, calls. */
function packed(deltas: readonly Delta[], tape: Tape): Delta[] {
  const chunks: Delta[] = [];
  for (const delta of deltas) {
    const last = chunks.at(-1);
    if (last && rank(last, Math.max) < rank(delta, Math.min) && tape.chance(2)) {
      chunks[chunks.length - 1] = { ...last, ...delta };
    } else chunks.push(delta);
  }
  return chunks;
}

function rank(delta: Delta, of: (...ranks: number[]) => number): number {
  const order = ["reasoning", "reasoning_content", "content", "tool_calls"];
  return of(...Object.keys(delta).map((field) => Math.max(order.indexOf(field), 1)));
}

function withSilence(delta: Delta, { silence }: Dialect): Delta {
  if (silence === "missing") return delta;
  return silence === "null"
    ? { role: "assistant", content: null, reasoning_content: null, tool_calls: null, ...delta }
    : { role: "assistant", content: "", reasoning_content: "", tool_calls: [], ...delta };
}

function withUsage(
  chunks: readonly Chunk[],
  { promptTokens, cachedTokens, outputTokens }: Answer,
  dialect: Dialect,
  tape: Tape,
): readonly Chunk[] {
  const details = { prompt_tokens_details: { cached_tokens: cachedTokens } };
  const count = (completion_tokens: number) => ({
    prompt_tokens: promptTokens,
    completion_tokens,
    total_tokens: promptTokens + completion_tokens,
  });
  const all = { ...count(outputTokens), ...details };
  const accepted = {
    choices: [],
    anyclaude: {
      ...{ event: "accepted", prompt_tokens: promptTokens, cached_tokens: cachedTokens },
      miss: null,
    },
  };
  const begun = dialect.ours ? [accepted] : [];
  // vLLM says what was cached only at the end.
  const early = tape.chance(2) ? details : {};
  const counted = chunks.map((chunk, index): Chunk => {
    const isLast = index === chunks.length - 1;
    if (isLast && dialect.usage === "finish") return { ...chunk, usage: all };
    if (dialect.usage !== "every") return tape.chance(2) ? { ...chunk, usage: null } : chunk;
    const soFar = count(Math.floor((outputTokens * (index + 1)) / chunks.length));
    return { ...chunk, usage: isLast ? all : { ...soFar, ...early } };
  });
  return [...begun, ...counted, ...(dialect.usage === "last" ? [{ choices: [], usage: all }] : [])];
}

/** Chunks that say nothing. */
function noise(tape: Tape): readonly Chunk[] {
  if (!tape.chance(4)) return [];
  return [tape.pick<Chunk>([
    { choices: [] },
    { choices: null },
    { id: "chatcmpl-1", object: "chat.completion.chunk" },
    { choices: [{ index: 0, delta: {}, finish_reason: null }] },
    { choices: [{ index: 0, delta: { role: "assistant", content: "" } }] },
    { choices: [{ index: 0, delta: null }] },
    { choices: [{ index: 0, delta: { content: null, tool_calls: [] } }], x_groq: { id: "r" } },
    { choices: [], anyclaude: { event: "progress", prefilled: 1, total: 2 } },
  ])];
}
