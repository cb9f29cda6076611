import type { Clock } from "../core/clock.ts";
import { ProxyError } from "../core/errors.ts";
import type { Fetch } from "../core/fetch.ts";
import { hidden } from "../core/hidden.ts";
import { apiUrl, authorizationOf, rootUrl, type ServerAddress, withoutSecrets } from "./address.ts";
import type { RequestOrigin } from "./backend.ts";
import { textOf } from "./body-text.ts";
import { toTrouble, toUnreachable } from "./refusal/unreachable.ts";
import { toProxyError } from "./refusal/upstream-error.ts";

export interface ConnectionOptions {
  /** Asked before each request: a server of ours that was started again is somewhere else. */
  readonly address: () => ServerAddress;
  /** What to name when the key is refused. */
  readonly keySetting: string;
  /** Our own MLX server: it says more, keeps what it computes, and comes back when it dies. */
  readonly ours: boolean;
  readonly fetch: Fetch;
  readonly clock: Clock;
}

export interface Sending {
  readonly signal: AbortSignal;
  /** Posted as JSON; without it the request is a GET. */
  readonly body?: string;
  readonly method?: "HEAD";
  readonly origin?: RequestOrigin;
}

/** One server, and how to ask it. Whatever is no answer is a `ProxyError`. */
export class Connection {
  readonly #options: ConnectionOptions;
  /** True once it has answered: one that is gone then may be starting again. */
  #wasThere = false;

  constructor(options: ConnectionOptions) {
    this.#options = options;
  }

  /** Its address, as it may be shown. */
  get shown(): string {
    return withoutSecrets(rootUrl(this.#options.address().baseUrl));
  }

  /** Below `…/v1`: what OpenAI has too. */
  async api(path: string, sending: Sending): Promise<Response> {
    const response = await this.#send((baseUrl) => apiUrl(baseUrl, path), sending);
    const { status, headers } = response;
    const isJson = headers.get("content-type")?.includes("json") && headers.has("content-length");
    if (!isJson) return response;
    const text = await textOfWhole(response, sending);
    // Some gateways answer 200 to everything, and LM Studio to paths that it does not have.
    if (isError(toBody(text))) {
      throw this.toError(text, { retryAfter: headers.get("retry-after") });
    }
    return new Response(text, { status, headers });
  }

  /** What a server has of its own. */
  async root(path: string, sending: Sending): Promise<Response> {
    return await this.#send((baseUrl) => rootUrl(baseUrl, path), sending);
  }

  /** The JSON at one of its own paths; undefined when there is none. */
  async tryJson(path: string, sending: Sending): Promise<unknown> {
    try {
      const response = await this.root(path, sending);
      return await response.json();
    } catch {
      sending.signal.throwIfAborted();
      return undefined; // most servers do not have it
    }
  }

  async #send(toUrl: (baseUrl: string) => string, sending: Sending): Promise<Response> {
    const { ours, fetch } = this.#options;
    const address = this.#options.address();
    let response: Response;
    try {
      response = await askTwice(fetch, toUrl(address.baseUrl), {
        ...toInit(sending),
        headers: toHeaders(address, sending.origin, ours),
        // A key is for this host alone.
        redirect: "manual",
      });
    } catch (cause) {
      if (sending.signal.aborted && !isTimeout(sending.signal.reason)) throw cause;
      throw toUnreachable(cause, { server: this.shown, ours, wasThere: this.#wasThere });
    }
    this.#wasThere = true;
    const { status, headers, ok } = response;
    if (ok && !headers.get("content-type")?.includes("html")) return response;
    if (status >= 400) {
      const retryAfter = headers.get("retry-after");
      throw this.toError(await textOfWhole(response, sending), { status, retryAfter });
    }
    await response.body?.cancel();
    throw ok ? webPage(this.shown) : redirected(response, this.shown);
  }

  /** What an error means that came within an answer, or instead of one. */
  toError(said: unknown, { status, retryAfter = null }: Refused = {}): ProxyError {
    const address = this.#options.address();
    const secret = authorizationOf(address)?.replace(/^\w+ /, "");
    const text = typeof said === "string" ? said : JSON.stringify(said);
    return toProxyError({
      ...{ status, retryAfter },
      body: toBody(hidden(text, [secret], "[our key]")),
      keySetting: this.#options.keySetting,
      hasKey: address.apiKey !== undefined,
      server: this.shown,
      receivedAt: this.#options.clock.now(),
    });
  }
}

/**
 * A question again when its connection closed without an answer: it may have been an idle one.
 * llama.cpp closes those that it says it keeps, and Bun then loses one request in eight.
 */
async function askTwice(fetch: Fetch, url: string, init: RequestInit): Promise<Response> {
  try {
    return await fetch(url, init);
  } catch (error) {
    const isQuestion = init.method === "POST" && !init.signal?.aborted;
    if (!isQuestion || toTrouble(error) !== "closed") throw error;
    return await fetch(url, init);
  }
}

interface Refused {
  readonly status?: number;
  readonly retryAfter?: string | null;
}

/** Nothing where it broke off: the status says enough. */
async function textOfWhole({ body }: Response, { signal }: Sending): Promise<string> {
  try {
    return await textOf(body);
  } catch {
    signal.throwIfAborted();
    return "";
  }
}

function isError(body: unknown): boolean {
  return typeof body === "object" && body !== null && "error" in body && Boolean(body.error);
}

function toInit({ signal, body, method }: Sending): RequestInit {
  if (body === undefined) return { signal, ...(method ? { method } : {}) };
  return { signal, method: "POST", body };
}

/**
 * Routers of clusters keep a session on the machine that has its prefix. vLLM's router (policy
 * `consistent_hash`), OpenRouter and most gateways look at `x-session-id`; SGLang's gateway (policies
 * `consistent_hashing` and `manual`) at `x-smg-routing-key`; vLLM's production stack at whatever its
 * `--session-key` names.
 */
function toHeaders(
  address: ServerAddress,
  origin: RequestOrigin | undefined,
  ours: boolean,
): Record<string, string> {
  const { session, agent, requestClass } = origin ?? {};
  const authorization = authorizationOf(address);
  const named: Readonly<Record<string, string | undefined>> = {
    "content-type": "application/json",
    authorization,
    "x-anyclaude": ours ? "1" : undefined,
    "x-session-id": session,
    "x-smg-routing-key": session,
    "x-claude-code-session-id": session,
    "x-claude-code-agent-id": agent,
    "x-claude-code-request-class": requestClass,
  };
  return Object.fromEntries(
    Object.entries(named).flatMap(([name, value]) => value === undefined ? [] : [[name, value]]),
  );
}

function webPage(server: string): ProxyError {
  const sentence = `The model server at ${server} sent a web page: check its address`;
  return new ProxyError("api_error", sentence, { final: true });
}

function redirected({ status, headers }: Response, server: string): ProxyError {
  const location = headers.get("location") ?? "";
  const target = URL.canParse(location, server)
    ? withoutSecrets(new URL(location, server).href)
    : "";
  return new ProxyError(
    "api_error",
    `The model server at ${server} sends us elsewhere (${status}): ` +
      `name the address that it really has${target ? `, perhaps ${target}` : ""}`,
    { final: true },
  );
}

/** JSON, or the beginning of a text. */
export function toBody(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text.slice(0, 2000);
  }
}

function isTimeout(reason: unknown): boolean {
  return reason instanceof Error && reason.name === "TimeoutError";
}
