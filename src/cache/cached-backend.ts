import type { Backend, BackendCall, Observation } from "../backend/backend.ts";
import type { Clock } from "../core/clock.ts";
import type { NewId } from "../core/ids.ts";
import type { MessageEvent, MessagesRequest } from "../protocol/anthropic.ts";
import { MessageFold } from "../protocol/message-fold.ts";
import { normalise } from "../translate/request/normalise.ts";
import { type Answer, decodeAnswer, encodeAnswer, isStorable, toReplay } from "./answer.ts";
import { Flight } from "./flight.ts";
import { toCacheKey, toPromptIdentity } from "./key.ts";
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
}

/**
 * A backend that answers the same question once: from the cache, or by sharing an answer that is
 * being made. What it gives again has fresh ids, because the client holds on to the old ones.
 */
export function createCachedBackend(options: CachedBackendOptions): Backend {
  const { backend, cache, identity, isFresh, clock, newId } = options;
  const flights = new Map<CacheKey, Flight<MessageEvent>>();

  return {
    countTokens: (request, signal) => backend.countTokens(request, signal),
    models: (signal) => backend.models(signal),

    stream: answer,
  };

  async function* answer(
    request: MessagesRequest,
    call: BackendCall,
  ): AsyncGenerator<MessageEvent> {
    const prompt = toPromptIdentity(normalise(request));
    const key = toCacheKey(prompt, identity);
    call.observe({ prompt });
    if (isFresh || call.isFresh) {
      call.observe({ responseCache: "miss", responseMiss: "bypassed" });
      yield* recorded(key, request, call);
      return;
    }
    // Asked before the lookup too: a flight that lands meanwhile has no entry yet.
    const known = flights.get(key);
    const found = known ? undefined : await cache.get(key);
    if (found?.status === "hit") {
      const { tier, evicted, entry } = found;
      const stored = decodeAnswer(entry.body);
      const { generationMs } = stored;
      call.observe({ responseCache: tier, evicted, generationMs, ...promptTokensOf(stored) });
      yield* toReplay(stored, { model: request.model, newId });
      return;
    }
    const joined = known ?? flights.get(key);
    if (joined) {
      call.observe({ responseCache: "flight" });
      yield* withFreshIds(joined.watch(call.signal), newId);
      return;
    }
    call.observe({ responseCache: "miss", responseMiss: found?.reason ?? "absent" });
    yield* start(key, request, call).watch(call.signal);
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
    const startedAt = clock.now();
    const fold = new MessageFold();
    let isAltered = false;
    const observe = (observation: Observation) => {
      isAltered ||= observation.altered !== undefined;
      call.observe(observation);
    };
    for await (const event of backend.stream(request, { ...call, observe })) {
      fold.add(event);
      // Stored before the end is told: a client may ask again at once.
      if (event.type === "message_stop" && !isAltered) {
        const answer = toAnswer(fold, clock.now() - startedAt);
        if (answer) call.observe(await store(key, answer));
      }
      yield event;
    }
  }

  async function store(key: CacheKey, answer: Answer): Promise<Observation> {
    const storedAt = clock.now();
    const expiresAt = storedAt + options.ttlMs;
    return await cache.set(key, { body: encodeAnswer(answer), storedAt, expiresAt });
  }
}

/** Undefined when it may not be given again. */
function toAnswer({ message, isSound }: MessageFold, generationMs: number): Answer | undefined {
  if (!message || !isSound || message.stop_reason === null) return undefined;
  const { content, stop_reason: stopReason, stop_sequence: stopSequence, usage } = message;
  const answer = { content, stopReason, stopSequence, usage, generationMs };
  return isStorable(answer) ? answer : undefined;
}

/** Nothing when the backend did not report any. */
function promptTokensOf({ usage }: Answer): Observation {
  const { input_tokens, cache_read_input_tokens, cache_creation_input_tokens } = usage;
  const promptTokens = input_tokens + cache_read_input_tokens + cache_creation_input_tokens;
  return promptTokens > 0 ? { promptTokens } : {};
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
