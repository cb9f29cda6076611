import { ProxyError, type ProxyErrorOptions } from "../../core/errors.ts";
import { type ErrorWords, toErrorWords } from "./error-words.ts";
import { isQuota, toOverflow, toOverflowMessage } from "./overflow.ts";
import { toRetryAfter } from "./retry-after.ts";

export interface UpstreamFailure {
  /** Undefined for an error object inside a stream. */
  readonly status: number | undefined;
  readonly body: unknown;
  readonly retryAfter: string | null;
  /** Named in the error when the upstream wants another key. */
  readonly keySetting: string;
  /** False when no key was sent. */
  readonly hasKey?: boolean;
  /** Its address, as it may be shown. */
  readonly server?: string;
  /** In epoch milliseconds. */
  readonly receivedAt?: number;
}

/** What the client is told, chosen by what it then does (claude-code-client, section 4). */
export function toProxyError(failure: UpstreamFailure): ProxyError {
  const words = toErrorWords(failure.body);
  const status = toStatus(failure.status, words);
  const overflow = toOverflow(words);
  if (overflow) return new ProxyError("invalid_request_error", toOverflowMessage(overflow));
  const message = toSentence(words, failure);
  const retry = toRetry(failure, words);
  switch (status) {
    case 401:
    case 403:
      // As 401 the client would retry for minutes and then ask for a login; a 400 it asks six times.
      return final("permission_error", keySentence(status, failure));
    case 402:
      return final("billing_error", `${who(failure)} wants to be paid: ${message}`);
    case 404:
      return notFound(words, message, failure);
    case 413:
      // A limit per minute that the request alone exceeds is no window either.
      return isQuota(words)
        ? final("rate_limit_error", message)
        : new ProxyError("request_too_large", message);
    case 429:
      return isHopeless(words)
        ? final("rate_limit_error", message)
        : new ProxyError("rate_limit_error", message, retry);
    case 408:
    case 502:
    case 503:
    case 504:
    case 529:
      // Asked again, our server would say the same until it is started with another model.
      return words.code === "model_failed"
        ? final("api_error", message)
        : new ProxyError("overloaded_error", message, retry);
  }
  const isRefused = status === undefined ? isAboutRequest(words) : status < 500;
  if (isRefused || isAboutRequest(words)) return final("invalid_request_error", message);
  return new ProxyError("api_error", message, retry);
}

/** Also of a server's own words in a stream, or behind a gateway that answers 200 to all. */
function toStatus(status: number | undefined, { code }: ErrorWords): number | undefined {
  if (status !== undefined) return status;
  const named = Number(code);
  return named >= 400 && named < 600 ? named : undefined;
}

/** Some answer 500 to what they will never take. */
function isAboutRequest({ type }: ErrorWords): boolean {
  return type === "invalid_request_error" || type === "BadRequestError";
}

/** No waiting mends an empty account, or a request larger than what a minute allows. */
function isHopeless({ message, code, type }: ErrorWords): boolean {
  if ([code, type].includes("insufficient_quota")) return true;
  const [, limit, requested] = /\blimit:? (\d+),.*\brequested:? (\d+)/i.exec(message) ?? [];
  return /request too large/i.test(message) && Number(requested) > Number(limit);
}

/** The client takes a 404 for a wrong model: what has no words of its own is a wrong path. */
function notFound(words: ErrorWords, message: string, failure: UpstreamFailure): ProxyError {
  const isPath = words.message === "" || /^\W*(404\W*)?(page )?not found\W*$/i.test(words.message);
  return isPath
    ? final("invalid_request_error", `${who(failure)} has no such path (404): check its address`)
    : final("not_found_error", message);
}

function keySentence(status: number, failure: UpstreamFailure): string {
  return failure.hasKey === false
    ? `${who(failure)} wants a key (${status}): set ${failure.keySetting}`
    : `${who(failure)} refused our key (${status}): check ${failure.keySetting}`;
}

function toSentence({ message, code }: ErrorWords, failure: UpstreamFailure): string {
  const { status } = failure;
  if (message === "") {
    return `${who(failure)} failed without a reason${status === undefined ? "" : ` (${status})`}`;
  }
  return code === undefined || message.includes(String(code)) ? message : `${message} (${code})`;
}

function who({ server }: UpstreamFailure): string {
  return server === undefined ? "The model server" : `The model server at ${server}`;
}

function toRetry(failure: UpstreamFailure, { message }: ErrorWords): ProxyErrorOptions {
  const { retryAfter, receivedAt = NaN } = failure;
  const seconds = toRetryAfter({ retryAfter, message, receivedAt });
  return seconds === undefined ? {} : { retryAfterSeconds: seconds };
}

function final(type: ProxyError["type"], message: string): ProxyError {
  return new ProxyError(type, message, { final: true });
}
