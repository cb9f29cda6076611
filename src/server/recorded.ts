import type { Observation, RequestOrigin } from "../backend/backend.ts";
import type { Clock } from "../core/clock.ts";
import { ProxyError } from "../core/errors.ts";
import { type RecordSink, type RequestRecord, toShortIdentity } from "../monitor/record.ts";
import type { MessageEvent } from "../protocol/anthropic.ts";

export interface RecordedRequest {
  readonly mode: RequestRecord["mode"];
  readonly model: string;
  readonly origin: RequestOrigin;
  readonly clock: Clock;
  /** Aborted when the client leaves. */
  readonly signal: AbortSignal;
  readonly onRecord: RecordSink;
}

/** Watches one request and hands over exactly one record when it is over, however it ends. */
export class RequestRecorder {
  readonly #request: RecordedRequest;
  readonly #startedAt: number;
  #seen: Observation = {};
  #outputTokens: number | undefined;
  #firstTokenAt: number | undefined;
  #outcome: RequestRecord["outcome"] = "cancelled";
  #status: number | undefined;

  constructor(request: RecordedRequest) {
    this.#request = request;
    this.#startedAt = request.clock.now();
  }

  readonly observe = (observation: Observation): void => {
    this.#seen = { ...this.#seen, ...observation };
  };

  /** What the response cache had; undefined before the lookup, and when there is no cache. */
  get responseCache(): Observation["responseCache"] {
    return this.#seen.responseCache;
  }

  async *watch(events: AsyncIterable<MessageEvent>): AsyncGenerator<MessageEvent> {
    try {
      for await (const event of events) {
        if (event.type === "content_block_start") {
          this.#firstTokenAt ??= this.#request.clock.now();
        } else if (event.type === "message_delta" && this.#seen.promptTokens !== undefined) {
          this.#outputTokens = event.usage.output_tokens;
        } else if (event.type === "message_stop") this.#outcome = "answered";
        yield event;
      }
    } catch (error) {
      // What fails because the client has left is not a failure.
      if (!this.#request.signal.aborted) {
        this.#outcome = "failed";
        this.#status = error instanceof ProxyError ? error.status : 500;
      }
      throw error;
    } finally {
      this.#request.onRecord(this.#finished());
    }
  }

  #finished(): RequestRecord {
    const { mode, model, origin, clock } = this.#request;
    const { promptTokens, cachedTokens, instructionTokens, prompt, evicted, miss } = this.#seen;
    return {
      startedAt: this.#startedAt,
      mode,
      model,
      session: origin.session,
      agent: origin.agent,
      requestClass: origin.requestClass,
      outcome: this.#outcome,
      status: this.#status,
      responseCache: this.#seen.responseCache,
      responseMiss: this.#seen.responseMiss,
      isStored: this.#seen.isStored ?? false,
      evictedFromMemory: evicted?.memory ?? 0,
      evictedFromDisk: evicted?.disk ?? 0,
      ...toShortIdentity(prompt),
      instructionTokens,
      instructionTokensReused: instructionTokens === undefined || cachedTokens === undefined
        ? undefined
        : Math.min(instructionTokens, cachedTokens),
      promptTokens,
      prefixTokensReused: cachedTokens,
      prefixTokensCreated: promptTokens === undefined || cachedTokens === undefined
        ? undefined
        : promptTokens - cachedTokens,
      outputTokens: this.#outputTokens,
      missReason: miss?.reason,
      missPosition: miss?.position,
      missPart: miss?.part,
      timeToFirstTokenMs: this.#firstTokenAt && this.#firstTokenAt - this.#startedAt,
      prefillSeconds: this.#seen.prefillSeconds,
      decodeSeconds: this.#seen.decodeSeconds,
      durationMs: clock.now() - this.#startedAt,
      generationMs: this.#seen.generationMs,
      promptCost: undefined,
    };
  }
}
