import { ProxyError } from "../../core/errors.ts";
import type { NewId } from "../../core/ids.ts";
import type { MessageEvent } from "../../protocol/anthropic.ts";
import { messageStart } from "../../protocol/message-start.ts";
import type { ChatChoice, ChatChunk, ChatRequest } from "../../protocol/openai.ts";
import { textOf } from "../../protocol/openai.ts";
import { AnswerWriter } from "./answer.ts";
import { checkFinishReason, isCutShort, toStopReason } from "./stop-reason.ts";
import { countsIn, type TokenCounts, toUsage, withCounts } from "./usage.ts";

export interface MessageHeader {
  /** As the client named it: it books usage on that name. */
  readonly model: string;
  readonly newId: NewId;
  /** Our own server keeps every prompt it computes, and finds calls of all families by itself. */
  readonly ours: boolean;
  /** What the server was asked. */
  readonly request: ChatRequest;
  /** Told at the end of an answer that is no longer what the model said. */
  readonly onAltered: (how: Alteration) => void;
  /** The tag that ends thinking which the prompt has begun, if earlier answers showed that. */
  readonly thinkEnd: string | undefined;
  /** Told at the end when this answer shows another `thinkEnd`. */
  readonly onThinkEnd: (end: string | undefined) => void;
}

/** Calls or thinking would be told otherwise now, or the model repeated itself and was ended. */
export type Alteration = "repaired" | "ended";

/**
 * Turns one chat-completion stream into one message stream: legal whatever the server sends, or
 * ended by a `ProxyError`. Ids are fresh, because servers repeat theirs and the client then drops
 * the call.
 */
export async function* toMessageEvents(
  chunks: AsyncIterable<ChatChunk>,
  { model, newId, ours, request, onAltered, thinkEnd, onThinkEnd }: MessageHeader,
): AsyncGenerator<MessageEvent> {
  const answer = new AnswerWriter({ request, newId, separates: ours, thinkEnd });
  let finishReason = "";
  let stopSequence: string | null = null;
  let counts: TokenCounts = {};
  let started = false;

  for await (const chunk of chunks) {
    const said = countsIn(chunk);
    if (said) counts = withCounts(counts, said);
    if (!started) {
      started = true;
      yield messageStart(newId("msg"), model, toUsage(counts, { createsCache: ours }));
    }
    if (chunk.isEnd) finishReason ||= "stop";
    const choice = choiceIn(chunk);
    if (!choice) continue;
    const delta = choice.delta ?? (answer.hasSpoken ? undefined : choice.message);
    if (delta) answer.write(delta);
    // Not `yield*`: in an async generator that costs more than writing the event.
    for (const event of answer.take()) yield event;
    if (answer.reasonToEnd !== undefined) break;
    finishReason = textOf(choice.finish_reason) || finishReason;
    stopSequence = stopSequenceOf(choice, request) ?? stopSequence;
    checkFinishReason(finishReason);
  }

  if (answer.reasonToEnd !== undefined) {
    answer.breakOff(answer.reasonToEnd);
    onAltered("ended");
    finishReason = "stop";
    stopSequence = null;
  } else if (finishReason === "") {
    throw new ProxyError("overloaded_error", "Backend closed the stream before its answer ended");
  } else answer.finish(isCutShort(finishReason));
  const isMisread = answer.thinkEnd !== thinkEnd;
  if (answer.isRepaired || isMisread) onAltered("repaired");
  if (isMisread) onThinkEnd(answer.thinkEnd);
  for (const event of answer.take()) yield event;

  const { calls, hasRefused } = answer;
  const stop_reason = toStopReason(finishReason, { calls, hasRefused, stopSequence });
  yield {
    type: "message_delta",
    delta: { stop_reason, stop_sequence: stop_reason === "stop_sequence" ? stopSequence : null },
    usage: toUsage(counts, { createsCache: ours }),
  };
  yield { type: "message_stop" };
}

/** Only one was asked for; some servers give it no number. */
function choiceIn({ choices }: ChatChunk): ChatChoice | undefined {
  return Array.isArray(choices)
    ? choices.find((choice: ChatChoice | null) => choice && !((choice.index ?? 0) > 0))
    : undefined;
}

/** Servers name their own marks too, or a token: only what was asked for counts. */
function stopSequenceOf(choice: ChatChoice, { stop }: ChatRequest): string | undefined {
  const met = choice.stop_reason ?? choice.matched_stop;
  return stop?.find((sequence) => sequence === met);
}
