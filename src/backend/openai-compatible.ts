import { ProxyError } from "../core/errors.ts";
import type { NewId } from "../core/ids.ts";
import type { MessagesRequest } from "../protocol/anthropic.ts";
import type { ChatChunk, ServerEvent, ServerMiss } from "../protocol/openai.ts";
import { parseSse } from "../protocol/sse.ts";
import type { Dialect } from "../translate/dialect.ts";
import { encodeChatRequest } from "../translate/encode.ts";
import { normalise, type NormalRequest } from "../translate/normalise.ts";
import { toChatRequest } from "../translate/request.ts";
import { toMessageEvents } from "../translate/stream.ts";
import { withClientNames } from "../translate/tool-names.ts";
import type { Backend, BackendCall, ModelInfo, Observation, RequestOrigin } from "./backend.ts";
import { toProxyError } from "./upstream-error.ts";

/** The part of `fetch` that is used. */
export type Fetch = (url: string, init: RequestInit) => Promise<Response>;

/** Where a server is, and the key it wants. */
export interface ServerAddress {
  /** With or without `/v1` at its end. */
  readonly baseUrl: string;
  readonly apiKey: string | undefined;
}

export interface OpenAiOptions {
  /** Asked before each request: a server of ours that was started again is somewhere else. */
  readonly address: () => ServerAddress;
  /** What to name when the key is refused. */
  readonly keySetting: string;
  /** Our own MLX server: it says more, keeps what it computes, and comes back when it dies. */
  readonly ours: boolean;
  /** Names the project: its conversations begin alike. For our own server. */
  readonly project?: string | undefined;
  readonly fetch: Fetch;
  readonly newId: NewId;
}

/** What most servers take. */
const usual: Dialect = {
  ...{ seesImages: true, readsFiles: false, takesTopK: true, outputLimit: "max_tokens" },
  ...{ thinking: "reasoning_content", takesEffort: false, takesTemplateOptions: false },
  ...{ simpleSchemas: false, strictTurns: false, without: [] },
};

/** Any server that speaks OpenAI's chat completions. */
export function createOpenAiBackend(options: OpenAiOptions): Backend {
  const { newId, project, ours } = options;

  async function request(
    { root, headers }: Place,
    target: string,
    init: RequestInit,
  ): Promise<Response> {
    let response: Response;
    try {
      response = await options.fetch(target, { ...init, headers });
    } catch (cause) {
      if (init.signal?.aborted) throw cause;
      throw new ProxyError(
        ours ? "overloaded_error" : "api_error",
        `Cannot reach the model server at ${withoutSecrets(root)}: is it running?`,
        ours ? { cause, retryAfterSeconds: 1 } : { cause, final: true },
      );
    }
    if (response.ok) return response;
    throw toProxyError({
      status: response.status,
      body: await bodyOf(response),
      retryAfter: response.headers.get("retry-after"),
      keySetting: options.keySetting,
    });
  }

  function place(origin?: RequestOrigin): Place {
    const { baseUrl, apiKey } = options.address();
    const url = apiUrl(baseUrl);
    const headers = {
      "content-type": "application/json",
      ...(apiKey ? { authorization: `Bearer ${apiKey}` } : {}),
      ...(ours ? { "x-anyclaude": "1" } : {}),
      // Routers of clusters keep a session on the machine that has its prefix.
      ...(origin?.session ? { "x-claude-code-session-id": origin.session } : {}),
    };
    return { url, root: rootUrl(baseUrl), headers };
  }

  return {
    async *stream(message, call) {
      const normal = normalise(message);
      const chat = toChatRequest(normal, usual);
      const anyclaude = {
        ...hints(call.origin),
        ...(project ? { project } : {}),
        own_chars: ownChars(normal),
      };
      const at = place(call.origin);
      const response = await request(at, `${at.url}/chat/completions`, {
        method: "POST",
        body: encodeChatRequest(chat, ours ? { anyclaude } : {}),
        signal: call.signal,
      });
      const chunks = observed(toChunks(response, options), call);
      const header = { model: message.model, newId, createsCache: ours };
      yield* withClientNames(toMessageEvents(chunks, header), normal.tools);
    },

    async countTokens(message, signal) {
      const exact = await tokenize(message, signal).catch((error: unknown) => {
        signal.throwIfAborted();
        if (ours) throw error;
        return undefined;
      });
      return exact === undefined
        ? { inputTokens: estimate(message), exact: false }
        : { inputTokens: exact, exact: true };
    },

    async models(signal) {
      const at = place();
      const response = await request(at, `${at.url}/models`, { signal });
      const body = await bodyOf(response);
      // mlx_lm.server answers with nothing at all when no model was ever downloaded.
      const isList = typeof body === "object" && body !== null && "data" in body;
      return isList && Array.isArray(body.data) ? body.data.map(toModelInfo) : [];
    },
  };

  /** Ours and vLLM's way to count; other servers answer 404. */
  async function tokenize(message: MessagesRequest, signal: AbortSignal): Promise<number> {
    const { model, messages, tools } = toChatRequest(normalise(message), usual);
    const at = place();
    const response = await request(at, `${at.root}/tokenize`, {
      method: "POST",
      body: encodeChatRequest({ model, messages, ...(tools ? { tools } : {}) }),
      signal,
    });
    const { count } = await response.json() as { count?: unknown };
    if (typeof count !== "number") throw new ProxyError("api_error", "No count in the answer");
    return count;
  }
}

/** How to reach a server now. */
interface Place {
  readonly url: string;
  readonly root: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** `…/v1`, whichever way the user wrote it. */
export function apiUrl(baseUrl: string): string {
  const trimmed = baseUrl.replace(/\/+$/, "");
  return /\/v\d+$/.test(trimmed) ? trimmed : `${trimmed}/v1`;
}

/** Where what is not OpenAI's is served. */
export function rootUrl(baseUrl: string): string {
  return apiUrl(baseUrl).replace(/\/v1$/, "");
}

export function withoutSecrets(url: string): string {
  const parsed = new URL(url);
  parsed.username = parsed.password = parsed.search = "";
  return parsed.href.replace(/\/$/, "");
}

async function* toChunks(
  response: Response,
  { keySetting }: OpenAiOptions,
): AsyncGenerator<ChatChunk> {
  if (!response.body) throw new ProxyError("api_error", "The model server sent no answer");
  if (response.headers.get("content-type")?.includes("html")) {
    await response.body.cancel();
    throw new ProxyError("api_error", "The model server sent a web page: check its address", {
      final: true,
    });
  }
  try {
    for await (const { data } of parseSse(response.body)) {
      if (data === "[DONE]") return;
      const chunk = parseChunk(data);
      if (chunk.error) {
        throw toProxyError({ status: undefined, body: chunk, retryAfter: null, keySetting });
      }
      yield chunk;
    }
  } catch (cause) {
    if (cause instanceof ProxyError) throw cause;
    throw new ProxyError("overloaded_error", "The model server broke off its answer", { cause });
  }
}

function parseChunk(data: string): ChatChunk {
  try {
    const chunk: unknown = JSON.parse(data);
    if (typeof chunk === "object" && chunk !== null) return chunk;
  } catch {
    // Not JSON: refused below like any other nonsense.
  }
  throw new ProxyError("api_error", "The model server sent something that is not a chat chunk");
}

/** Passes chunks on and reports what they say about the server's own work. */
async function* observed(
  chunks: AsyncIterable<ChatChunk>,
  { observe }: BackendCall,
): AsyncGenerator<ChatChunk> {
  for await (const chunk of chunks) {
    const { anyclaude, usage } = chunk;
    if (anyclaude) observe(toObservation(anyclaude));
    if (typeof usage?.prompt_tokens === "number") {
      const cached = usage.prompt_tokens_details?.cached_tokens;
      observe({
        promptTokens: usage.prompt_tokens,
        ...(typeof cached === "number" ? { cachedTokens: cached } : {}),
      });
    }
    yield chunk;
  }
}

function toObservation(event: ServerEvent): Observation {
  switch (event.event) {
    case "accepted":
      return {
        promptTokens: event.prompt_tokens,
        cachedTokens: event.cached_tokens,
        ...(event.miss ? { miss: toMiss(event.miss) } : {}),
        ...(typeof event.instruction_tokens === "number"
          ? { instructionTokens: event.instruction_tokens }
          : {}),
      };
    case "timing":
      return { prefillSeconds: event.prefill_seconds, decodeSeconds: event.decode_seconds };
    default:
      return {};
  }
}

function toMiss({ reason, position, message, part }: ServerMiss) {
  const isNumbered = typeof message === "number" && part !== "instructions";
  return {
    reason,
    position,
    part: isNumbered ? `message ${message} (${part})` : part ?? undefined,
  };
}

function hints({ session, agent, requestClass }: RequestOrigin): Record<string, string> {
  return {
    ...(session ? { session } : {}),
    ...(agent ? { agent } : {}),
    ...(requestClass ? { class: requestClass } : {}),
  };
}

/**
 * Code points of what the user said, at the end of the last message. Claude Code puts reminders in
 * front of it that are the same in every new session.
 */
function ownChars({ messages }: NormalRequest): number {
  const last = messages.at(-1);
  const said = last?.role === "user" && last.content.length > 1 ? last.content.at(-1) : undefined;
  return said?.type === "text" ? [...said.text].length : 0;
}

function toModelInfo(model: Record<string, unknown>): ModelInfo {
  const length = [model["context_length"], model["max_model_len"], model["max_context_length"]]
    .find((each) => typeof each === "number");
  return { id: String(model["id"]), contextLength: length };
}

/** About four characters a token, over everything that the model would read. */
function estimate(message: MessagesRequest): number {
  const { messages, tools } = toChatRequest(normalise(message), usual);
  return Math.ceil(JSON.stringify([messages, tools ?? []]).length / 4);
}

async function bodyOf(response: Response): Promise<unknown> {
  const text = await response.text();
  try {
    return JSON.parse(text);
  } catch {
    return text.slice(0, 2000);
  }
}
