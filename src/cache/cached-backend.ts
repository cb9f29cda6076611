import type { Backend, BackendCall, ResponseCacheOutcome } from "../backend/backend.ts";
import type { Clock } from "../core/clock.ts";
import type { NewId } from "../core/ids.ts";
import type { MessageEvent, MessagesRequest } from "../protocol/anthropic.ts";
import { MessageFold } from "../protocol/message-fold.ts";
import { normalise } from "../translate/normalise.ts";
import { type Answer, decodeAnswer, encodeAnswer, isStorable, toReplay } from "./answer.ts";
import { Flight } from "./flight.ts";
import { toCacheKey } from "./key.ts";
import type { CacheKey } from "./tier.ts";
import type { TieredCache } from "./tiered.ts";

export interface CachedBackendOptions {
  readonly backend: Backend;
  readonly cache: TieredCache;
  /** Whoever answers: the model's fingerprint, or the address of a server. */
  readonly identity: string;
  readonly ttlMs: number;
  /** True when nothing stored may be given again in this run. */
  readonly isFresh: boolean;
  readonly clock: Clock;
  readonly newId: NewId;
  /** Told once per request, before it is answered. */
  readonly onLookup: (outcome: ResponseCacheOutcome) => void;
  /** Told once per request, when it is over. */
  readonly onEnd: () => void;
}

/**
 * A backend that answers the same question once: from the cache, or by sharing an answer that is
 * being made. What it gives again has fresh ids, because the client holds on to the old ones.
 */
export function createCachedBackend(options: CachedBackendOptions): Backend {
  const { backend, cache, identity, isFresh, newId } = options;
  const flights = new Map<CacheKey, Flight<MessageEvent>>();

  return {
    countTokens: (request, signal) => backend.countTokens(request, signal),
    models: (signal) => backend.models(signal),

    async *stream(request, call) {
      try {
        yield* answer(request, call);
      } finally {
        options.onEnd();
      }
    },
  };

  async function* answer(
    request: MessagesRequest,
    call: BackendCall,
  ): AsyncGenerator<MessageEvent> {
    const key = toCacheKey(normalise(request), identity);
    if (isFresh || call.isFresh) {
      tell(call, "miss");
      yield* recorded(key, request, call);
      return;
    }
    // Asked before the lookup too: a flight that lands meanwhile has no entry yet.
    const known = flights.get(key);
    const found = known ? undefined : await cache.get(key);
    if (found?.status === "hit") {
      const stored = decodeAnswer(found.entry.body);
      tell(call, found.tier, promptTokensOf(stored));
      yield* toReplay(stored, { model: request.model, newId });
      return;
    }
    const joined = known ?? flights.get(key);
    tell(call, joined ? "flight" : "miss");
    if (joined) yield* withFreshIds(joined.watch(call.signal), newId);
    else yield* start(key, request, call).watch(call.signal);
  }

  function start(key: CacheKey, request: MessagesRequest, call: BackendCall): Flight<MessageEvent> {
    const flight = new Flight<MessageEvent>(
      (signal) => recorded(key, request, { ...call, signal }),
      () => {
        if (flights.get(key) === flight) flights.delete(key);
      },
    );
    flights.set(key, flight);
    return flight;
  }

  /** Passes events on and keeps an answer that has ended as it should. */
  async function* recorded(
    key: CacheKey,
    request: MessagesRequest,
    call: BackendCall,
  ): AsyncGenerator<MessageEvent> {
    const fold = new MessageFold();
    for await (const event of backend.stream(request, call)) {
      fold.add(event);
      // Stored before the end is told: a client may ask again at once.
      if (event.type === "message_stop") await store(key, fold);
      yield event;
    }
  }

  async function store(key: CacheKey, { message, isSound }: MessageFold): Promise<void> {
    if (!message || !isSound || message.stop_reason === null) return;
    const { content, stop_reason: stopReason, stop_sequence: stopSequence, usage } = message;
    const answer = { content, stopReason, stopSequence, usage };
    if (!isStorable(answer)) return;
    const storedAt = options.clock.now();
    const expiresAt = storedAt + options.ttlMs;
    await cache.set(key, { body: encodeAnswer(answer), storedAt, expiresAt });
  }

  function tell(call: BackendCall, outcome: ResponseCacheOutcome, promptTokens?: number): void {
    call.observe({
      responseCache: outcome,
      ...(promptTokens === undefined ? {} : { promptTokens }),
    });
    options.onLookup(outcome);
  }
}

/** Undefined when the backend did not report any. */
function promptTokensOf({ usage }: Answer): number | undefined {
  const { input_tokens, cache_read_input_tokens, cache_creation_input_tokens } = usage;
  return input_tokens + cache_read_input_tokens + cache_creation_input_tokens || undefined;
}

async function* withFreshIds(
  events: AsyncIterable<MessageEvent>,
  newId: NewId,
): AsyncGenerator<MessageEvent> {
  for await (const event of events) {
    if (event.type === "message_start") {
      yield { ...event, message: { ...event.message, id: newId("msg") } };
    } else if (event.type === "content_block_start" && event.content_block.type === "tool_use") {
      yield { ...event, content_block: { ...event.content_block, id: newId("toolu") } };
    } else yield event;
  }
}
