import type { NewId } from "../core/ids.ts";
import type {
  AnswerBlock,
  BlockDelta,
  MessageEvent,
  StopReason,
  Usage,
} from "../protocol/anthropic.ts";
import { messageStart } from "../protocol/message-start.ts";

/** A complete answer, as it is stored: without the ids, which are made anew at every replay. */
export interface Answer {
  readonly content: readonly AnswerBlock[];
  readonly stopReason: StopReason;
  readonly stopSequence: string | null;
  readonly usage: Usage;
  /** How long it took to make, from the question to its end. */
  readonly generationMs: number;
}

/** Only what ended well may be given again: no refusal, no truncation, nothing empty. */
export function isStorable({ content, stopReason }: Answer): boolean {
  return content.length > 0 && ["end_turn", "tool_use", "stop_sequence"].includes(stopReason);
}

export function encodeAnswer(answer: Answer): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(answer));
}

export function decodeAnswer(body: Uint8Array): Answer {
  // Only `encodeAnswer` of this version writes these bytes: the version is part of the key.
  return JSON.parse(new TextDecoder().decode(body)) as Answer;
}

/** The whole prompt counts as read from the cache: nothing of it was computed. */
export function* toReplay(
  { content, stopReason, stopSequence, usage }: Answer,
  { model, newId }: { readonly model: string; readonly newId: NewId },
): Generator<MessageEvent> {
  const replayed: Usage = {
    input_tokens: 0,
    cache_read_input_tokens: usage.input_tokens + usage.cache_read_input_tokens +
      usage.cache_creation_input_tokens,
    cache_creation_input_tokens: 0,
    output_tokens: usage.output_tokens,
  };
  yield messageStart(newId("msg"), model, replayed);
  for (const [index, block] of content.entries()) {
    yield { type: "content_block_start", index, content_block: opened(block, newId) };
    for (const delta of deltas(block)) yield { type: "content_block_delta", index, delta };
    yield { type: "content_block_stop", index };
  }
  yield {
    type: "message_delta",
    delta: { stop_reason: stopReason, stop_sequence: stopSequence },
    usage: replayed,
  };
  yield { type: "message_stop" };
}

function opened(block: AnswerBlock, newId: NewId): AnswerBlock {
  switch (block.type) {
    case "text":
      return { type: "text", text: "" };
    case "thinking":
      return { type: "thinking", thinking: "", signature: "" };
    case "tool_use":
      return { type: "tool_use", id: newId("toolu"), name: block.name, input: {} };
  }
}

function deltas(block: AnswerBlock): readonly BlockDelta[] {
  switch (block.type) {
    case "text":
      return [{ type: "text_delta", text: block.text }];
    case "thinking":
      return [
        { type: "thinking_delta", thinking: block.thinking },
        { type: "signature_delta", signature: block.signature },
      ];
    case "tool_use":
      return [{ type: "input_json_delta", partial_json: JSON.stringify(block.input) }];
  }
}
