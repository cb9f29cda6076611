import type { PromptIdentity } from "../backend/backend.ts";
import type { Clock } from "../core/clock.ts";
import { ProxyError } from "../core/errors.ts";
import { observedBody } from "../core/observed-body.ts";
import type { Prices } from "../monitor/prices.ts";
import type { RecordSink } from "../monitor/record.ts";
import { toOrigin } from "./origin.ts";
import { type Ended, toClaudeRecord } from "./claude-record.ts";
import { UsageTap } from "./usage-tap.ts";

export interface PassthroughOptions {
  /** Anthropic's address, or the one the user had set; without `/v1`. */
  readonly baseUrl: string;
  readonly forward: (url: string, init: ForwardInit) => Promise<Response>;
  readonly clock: Clock;
  /** What a body asks for, from a copy; undefined when it cannot be read. */
  readonly identify: (body: Uint8Array) => PromptIdentity | undefined;
  readonly prices: Prices;
  readonly onRecord: RecordSink;
}

interface ForwardInit {
  readonly method: string;
  readonly headers: Headers;
  readonly body: Uint8Array<ArrayBuffer> | undefined;
  readonly signal: AbortSignal;
}

/** They describe one connection, not the request. */
const hopByHop = [
  ...["connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "te", "trailer"],
  ...["transfer-encoding", "upgrade", "host"],
];

/** `claude` mode: bytes in, bytes out. Whatever Anthropic answers is the answer. */
export async function passThrough(
  request: Request,
  options: PassthroughOptions,
): Promise<Response> {
  const { baseUrl, forward, clock } = options;
  const { pathname, search } = new URL(request.url);
  const startedAt = clock.now();
  const abort = new AbortController();
  request.signal.addEventListener("abort", () => abort.abort(), { once: true });
  const body = request.body ? new Uint8Array(await request.arrayBuffer()) : undefined;
  const isMessage = request.method === "POST" && pathname === "/v1/messages";
  const end = (ended: Ended) => {
    if (!isMessage) return;
    const endedAt = clock.now();
    const origin = toOrigin(request.headers);
    const prompt = body && options.identify(body);
    const asked = { startedAt, endedAt, origin, body, prompt };
    options.onRecord(toClaudeRecord(asked, ended, options.prices));
  };
  let upstream: Response;
  try {
    upstream = await forward(baseUrl.replace(/\/+$/, "") + pathname + search, {
      method: request.method,
      headers: without(request.headers, hopByHop),
      body,
      signal: abort.signal,
    });
  } catch (cause) {
    end({ outcome: abort.signal.aborted ? "cancelled" : "failed", status: undefined, tapped: {} });
    throw new ProxyError("api_error", "Cannot reach Anthropic", { cause });
  }
  const { status, statusText } = upstream;
  const headers = without(upstream.headers, hopByHop);
  const answer = isMessage && upstream.body
    ? tapped(upstream.body, new UsageTap(upstream.headers, () => clock.now()), {
      abort,
      end: (outcome, found) => end({ outcome, status, tapped: found }),
    })
    : upstream.body;
  return new Response(answer, { status, statusText, headers });
}

interface Tapping {
  readonly abort: AbortController;
  readonly end: (outcome: "ended" | "cancelled", found: Ended["tapped"]) => void;
}

/** The same bytes, with a copy for the tap. */
function tapped(
  bytes: ReadableStream<Uint8Array>,
  tap: UsageTap,
  { abort, end }: Tapping,
): ReadableStream<Uint8Array> {
  return observedBody(bytes, {
    chunk: (copy) => tap.feed(copy),
    leave: () => abort.abort(),
    end: async () => end(abort.signal.aborted ? "cancelled" : "ended", await tap.end()),
  });
}

function without(headers: Headers, names: readonly string[]): Headers {
  const kept = new Headers(headers);
  for (const name of names) kept.delete(name);
  return kept;
}
