import { ProxyError } from "../core/errors.ts";
import type { NewId } from "../core/ids.ts";
import type { MessageEvent } from "../protocol/anthropic.ts";
import { messageStart } from "../protocol/message-start.ts";
import {
  type ChatChoice,
  type ChatChunk,
  type ChatDelta,
  type ChatUsage,
  textOf,
} from "../protocol/openai.ts";
import { BlockWriter } from "./blocks.ts";
import { toStopReason } from "./stop-reason.ts";
import { type Spoken, ThinkTags } from "./think-tags.ts";
import { type ToolCallPiece, ToolCalls } from "./tool-calls.ts";
import { toUsage } from "./usage.ts";

export interface MessageHeader {
  /** As the client named it: it books usage on that name. */
  readonly model: string;
  readonly newId: NewId;
  /** Whether the server keeps every prompt it computes. */
  readonly createsCache: boolean;
}

/** Nobody checks it, but the client expects one and sends it back. */
const signature = "anyclaude";

/**
 * Turns one chat-completion stream into one message stream: legal whatever the server sends, or
 * ended by a `ProxyError`. Ids are fresh, because servers repeat theirs and the client then drops
 * the call.
 */
export async function* toMessageEvents(
  chunks: AsyncIterable<ChatChunk>,
  { model, newId, createsCache }: MessageHeader,
): AsyncGenerator<MessageEvent> {
  const answer = new AnswerWriter(newId);
  let finishReason: string | undefined;
  let stopSequence: string | null = null;
  let usage: ChatUsage | undefined;
  let started = false;

  for await (const { choices, usage: reported, anyclaude } of chunks) {
    usage = reported ?? (anyclaude?.event === "accepted" ? acceptedUsage(anyclaude) : usage);
    if (!started) {
      started = true;
      yield messageStart(newId("msg"), model, toUsage(usage, { createsCache }));
    }
    const choice = choices?.[0];
    if (!choice) continue;
    yield* answer.write(choice.delta ?? {});
    finishReason = choice.finish_reason ?? finishReason;
    stopSequence = stopSequenceOf(choice) ?? stopSequence;
  }
  if (finishReason === undefined) {
    throw new ProxyError("overloaded_error", "Backend closed the stream before its answer ended");
  }

  yield* answer.finish();
  const stop_reason = toStopReason(finishReason, { calls: answer.calls, stopSequence });
  yield {
    type: "message_delta",
    delta: { stop_reason, stop_sequence: stop_reason === "stop_sequence" ? stopSequence : null },
    usage: toUsage(usage, { createsCache }),
  };
  yield { type: "message_stop" };
}

/** Says thinking, text and calls in this order when one chunk holds several. */
class AnswerWriter {
  readonly #blocks = new BlockWriter();
  readonly #tags = new ThinkTags();
  readonly #calls = new ToolCalls();
  readonly #newId: NewId;
  /** What was said while a call was not complete yet. */
  readonly #later: Spoken[] = [];

  constructor(newId: NewId) {
    this.#newId = newId;
  }

  get calls(): number {
    return this.#calls.count;
  }

  *write(delta: ChatDelta): Generator<MessageEvent> {
    const thinking = textOf(delta.reasoning_content) || textOf(delta.reasoning);
    if (thinking) yield* this.#say({ kind: "thinking", text: thinking });
    const text = textOf(delta.content);
    if (text) {
      for (const spoken of this.#tags.feed(text)) yield* this.#say(spoken);
    }
    const calls = Array.isArray(delta.tool_calls) ? delta.tool_calls.filter(Boolean) : [];
    if (calls.length === 0) return;
    for (const spoken of this.#tags.finish()) yield* this.#say(spoken);
    for (const piece of this.#calls.feed(calls)) yield* this.#call(piece);
  }

  *finish(): Generator<MessageEvent> {
    for (const spoken of this.#tags.finish()) yield* this.#say(spoken);
    for (const piece of this.#calls.finish()) yield* this.#call(piece);
    for (const spoken of this.#later.splice(0)) yield* this.#say(spoken);
    yield* this.#blocks.close();
  }

  *#say(spoken: Spoken): Generator<MessageEvent> {
    if (this.#calls.isUnfinished) {
      this.#later.push(spoken);
      return;
    }
    const { kind, text } = spoken;
    for (const piece of this.#calls.finish()) yield* this.#call(piece);
    if (kind === "text") {
      yield* this.#blocks.write("text", openText, { type: "text_delta", text });
      return;
    }
    const signed = [{ type: "signature_delta", signature } as const];
    const delta = { type: "thinking_delta", thinking: text } as const;
    yield* this.#blocks.write("thinking", openThinking, delta, signed);
  }

  *#call({ call, name, json }: ToolCallPiece): Generator<MessageEvent> {
    const open = () => ({ type: "tool_use", id: this.#newId("toolu"), name, input: {} }) as const;
    const delta = json === ""
      ? undefined
      : { type: "input_json_delta", partial_json: json } as const;
    yield* this.#blocks.write(`call ${call}`, open, delta);
  }
}

function openText() {
  return { type: "text", text: "" } as const;
}

function openThinking() {
  return { type: "thinking", thinking: "", signature: "" } as const;
}

function acceptedUsage(
  accepted: { readonly prompt_tokens: number; readonly cached_tokens: number },
): ChatUsage {
  return {
    prompt_tokens: accepted.prompt_tokens,
    prompt_tokens_details: { cached_tokens: accepted.cached_tokens },
  };
}

function stopSequenceOf({ stop_reason }: ChatChoice): string | undefined {
  return typeof stop_reason === "string" ? stop_reason : undefined;
}
