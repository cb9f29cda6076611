import { createOpenAiBackend, type OpenAiOptions } from "../../src/backend/openai-compatible.ts";
import type { Backend, BackendCall } from "../../src/backend/backend.ts";
import { silentLog } from "../../src/core/log.ts";
import { countIds } from "./count-ids.ts";
import { FakeClock } from "./fake-clock.ts";

export interface UpstreamCall {
  readonly url: string;
  readonly headers: Headers;
  readonly body: Record<string, unknown>;
  readonly signal: AbortSignal;
}

/** An OpenAI-compatible server in memory, with everything it was asked. */
export interface Upstream {
  readonly calls: UpstreamCall[];
  readonly backend: Backend;
}

export function upstream(
  answer: (call: UpstreamCall) => Response | Promise<Response>,
  { ours, ...options }: Partial<OpenAiOptions> & { readonly ours?: boolean } = {},
): Upstream {
  const calls: UpstreamCall[] = [];
  const backend = createOpenAiBackend({
    address: () => ({ baseUrl: "http://model.test", apiKey: "upstream-key" }),
    keySetting: "OPENAI_API_KEY",
    kind: ours ? "ours" : "other",
    newId: countIds(),
    clock: new FakeClock(),
    log: silentLog,
    fetch: async (url, init) => {
      const call = {
        url,
        headers: new Headers(init.headers),
        body: typeof init.body === "string" ? JSON.parse(init.body) : {},
        signal: init.signal ?? new AbortController().signal,
      };
      calls.push(call);
      return await untilAborted(call.signal, answer(call));
    },
    ...options,
  });
  return { calls, backend };
}

/** What a backend is called with; by nobody in particular, who stays. */
export function callOf(given: Partial<BackendCall> = {}): BackendCall {
  return {
    signal: new AbortController().signal,
    origin: { session: undefined, agent: undefined, requestClass: undefined },
    isFresh: false,
    observe() {},
    ...given,
  };
}

/** A streamed answer; `held` keeps the stream open after its chunks until the call is aborted. */
export function streamed(
  chunks: readonly unknown[],
  { held, done = true }: { held?: UpstreamCall; done?: boolean } = {},
): Response {
  const pieces = chunks.map(encodeChunk);
  if (done && !held) pieces.push(new TextEncoder().encode("data: [DONE]\n\n"));
  return bytes(pieces, held);
}

export function encodeChunk(chunk: unknown): Uint8Array {
  return new TextEncoder().encode(`data: ${JSON.stringify(chunk)}\n\n`);
}

/** The bytes as the network delivers them, one read for each piece. */
export function bytes(pieces: readonly Uint8Array[], held?: UpstreamCall): Response {
  const waiting = [...pieces];
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      held?.signal.addEventListener("abort", () => controller.error(held.signal.reason));
    },
    pull(controller) {
      const piece = waiting.shift();
      if (piece) controller.enqueue(piece);
      else if (!held) controller.close();
    },
  }, { highWaterMark: 0 });
  return new Response(body, { headers: { "content-type": "text/event-stream" } });
}

export function chunk(delta: unknown, finish_reason: string | null = null) {
  return { choices: [{ index: 0, delta, finish_reason }] };
}

export function text(content: string, finish_reason?: string) {
  return chunk({ content }, finish_reason);
}

export function thought(reasoning_content: string) {
  return { choices: [{ index: 0, delta: { reasoning_content } }] };
}

/** A piece of a call; an empty name goes on with the one of this index. */
export function called(index: number, id: string, name: string, args: string) {
  const named = { ...(name === "" ? {} : { name }), arguments: args };
  return { choices: [{ index: 0, delta: { tool_calls: [{ index, id, function: named }] } }] };
}

export function end(finish_reason: string) {
  return chunk({}, finish_reason);
}

export function usage(prompt_tokens: number, completion_tokens: number, cached_tokens?: number) {
  const prompt_tokens_details = cached_tokens === undefined ? undefined : { cached_tokens };
  return { choices: [], usage: { prompt_tokens, completion_tokens, prompt_tokens_details } };
}

export function never(): Promise<never> {
  return new Promise(() => {});
}

/** A network would not wait for the answer either. */
export function untilAborted<T>(signal: AbortSignal, answer: T | Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    signal.addEventListener("abort", () => reject(signal.reason), { once: true });
    Promise.resolve(answer).then(resolve, reject);
  });
}
