import { ProxyError } from "../core/errors.ts";

export interface UpstreamFailure {
  /** Undefined for an error object inside a stream. */
  readonly status: number | undefined;
  readonly body: unknown;
  readonly retryAfter: string | null;
  /** Named in the error when the upstream wants another key. */
  readonly keySetting: string;
}

/** How servers say that a prompt is too long. The client compacts only on Anthropic's words. */
const overflowWording = [
  /context_length_exceeded/i,
  /maximum context length/i,
  /exceeds? the (available )?context (size|length|window)/i,
  /context (size|length|window).*(exceed|too small|too long|overflow)/i,
  /(prompt|input|request).*(too long|longer than|exceeds).*(context|token)/i,
  /exceed_context_size/i,
  /context length of only \d+ tokens/i,
];

/** What the client is told, chosen by what it then does (claude-code-client, section 4). */
export function toProxyError(failure: UpstreamFailure): ProxyError {
  const { status, retryAfter, keySetting } = failure;
  const message = messageOf(failure.body);
  const isQuota = status === 401 || status === 403 || status === 429;
  if (!isQuota && overflowWording.some((wording) => wording.test(message))) {
    return overflow(failure.body);
  }
  if (status === 401 || status === 403) {
    // Passed on as it is, the client would retry for minutes and then ask for a login.
    return new ProxyError(
      "invalid_request_error",
      `The model server refused our key (${status}): check ${keySetting}`,
      { final: true },
    );
  }
  // Asked again, our server would say the same until it is started with another model.
  if (codeOf(failure.body) === "model_failed") {
    return new ProxyError("api_error", message, { final: true });
  }
  const retry = toRetry(retryAfter);
  if (status === 429) return new ProxyError("rate_limit_error", message, retry);
  if (status === 503 || status === 529 || status === 502 || status === 504 || status === 408) {
    return new ProxyError("overloaded_error", message, retry);
  }
  if (status === 404) return new ProxyError("not_found_error", message, { final: true });
  if (status === 413) return new ProxyError("request_too_large", message);
  if (status !== undefined && status < 500) {
    return new ProxyError("invalid_request_error", message, { final: true });
  }
  return new ProxyError("api_error", message, retry);
}

/** Server-sent or plain, nested or flat, object or text: the words of an error. */
export function messageOf(body: unknown): string {
  if (typeof body === "string") {
    const text = body.trim();
    return text === "" || text.startsWith("<") ? "The model server failed without a reason" : text;
  }
  if (typeof body !== "object" || body === null) return "The model server failed without a reason";
  const { error, message, detail, code } = body as Record<string, unknown>;
  if (error !== undefined && error !== null) return messageOf(error);
  const words = [message, detail].find((each) => typeof each === "string");
  return words === undefined ? JSON.stringify(body) : `${words}${code ? ` (${String(code)})` : ""}`;
}

function codeOf(body: unknown): unknown {
  return (body as { readonly error?: { readonly code?: unknown } | null } | null)?.error?.code;
}

function overflow(body: unknown): ProxyError {
  const { prompt, maximum } = tokensIn(body);
  const output = Number(
    messageOf(body).match(/(\d+) (?:tokens )?(?:in|for) the completion|too large: (\d+)/)
      ?.slice(1).find(Boolean),
  );
  if (prompt !== undefined && maximum !== undefined && output && prompt + 1000 < maximum) {
    // The prompt fits: on these words the client asks for fewer tokens instead of compacting.
    return new ProxyError(
      "invalid_request_error",
      `input length and \`max_tokens\` exceed context limit: ${prompt} + ${output} > ${maximum}`,
    );
  }
  const counts = prompt !== undefined && maximum !== undefined
    ? `: ${prompt} tokens > ${maximum} maximum`
    : "";
  return new ProxyError("invalid_request_error", `prompt is too long${counts}`);
}

function tokensIn(body: unknown): { prompt: number | undefined; maximum: number | undefined } {
  const error = (body as { error?: Record<string, unknown> } | null)?.error;
  const [prompt, maximum] = [
    error?.["prompt_tokens"] ?? error?.["n_prompt_tokens"],
    error?.["max_tokens"] ?? error?.["n_ctx"],
  ];
  if (typeof prompt === "number" && typeof maximum === "number") return { prompt, maximum };
  const message = messageOf(body);
  const found = (pattern: RegExp) => {
    const digits = message.match(pattern)?.[1];
    return digits === undefined ? undefined : Number(digits);
  };
  return {
    prompt: found(/(\d+) (?:in the messages|tokens from the input)/i) ?? found(
      /(?:resulted in|requested|has|contains|with|of|first|input) \(?(?:about )?(\d+)(?: input)? tokens/i,
    ),
    maximum: found(/context length (?:is|of|of only|\() ?(\d+)/i) ??
      found(/context size \(?(\d+)/i),
  };
}

function toRetry(retryAfter: string | null): { readonly retryAfterSeconds?: number } {
  const seconds = Number(retryAfter);
  return retryAfter !== null && Number.isFinite(seconds) ? { retryAfterSeconds: seconds } : {};
}
