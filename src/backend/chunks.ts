import { ProxyError } from "../core/errors.ts";
import type { ChatChunk } from "../protocol/openai.ts";
import { parseSse } from "../protocol/sse.ts";
import { textOf } from "./body-text.ts";

const blankBytes = new Set([0x20, 0x09, 0x0a, 0x0d]);
const byteOrderMark = new Set([0xef, 0xbb, 0xbf]);

/**
 * The chunks of an answer, as events or all at once although a stream was asked for. Whatever shape
 * a server has for an error in an answer that began well, it is thrown as `toError` words it.
 */
export async function* toChunks(
  { body }: Response,
  toError: (body: unknown) => ProxyError,
): AsyncGenerator<ChatChunk> {
  if (!body) throw new ProxyError("api_error", "The model server sent no answer");
  try {
    const { first, bytes } = await peeked(body);
    if (first === "<") {
      await bytes.return?.();
      throw new ProxyError("api_error", "The model server sent a web page: check its address", {
        final: true,
      });
    }
    if (first === "{" || first === "[") {
      yield checked(JSON.parse(await textOf(bytes)), toError);
      yield { isEnd: true };
      return;
    }
    let unfinished = false;
    for await (const { event, data } of parseSse(bytes)) {
      if (data.startsWith("[DONE]")) {
        yield { isEnd: true };
        return;
      }
      if (unfinished) throw notAChunk();
      const chunk = parsed(data);
      if (event === "error") throw toError(chunk ?? data);
      if (chunk !== undefined) yield checked(chunk, toError);
      else unfinished = isBegun(data.trim(), toError);
    }
  } catch (cause) {
    if (cause instanceof ProxyError) throw cause;
    throw new ProxyError("overloaded_error", "The model server broke off its answer", { cause });
  }
}

function checked(body: unknown, toError: (body: unknown) => ProxyError): ChatChunk {
  if (typeof body !== "object" || body === null) throw notAChunk();
  const chunk = body as ChatChunk;
  const error = errorIn(chunk);
  if (error !== undefined || Array.isArray(body)) throw toError(error ?? body);
  return chunk;
}

/** Servers have many places for it; some say no more than the words. */
function errorIn(chunk: ChatChunk): unknown {
  const { error, choices, message, detail, error_message, error_type } = chunk;
  if (error) return chunk;
  const inChoice = choices?.[0]?.error;
  if (inChoice) return { error: inChoice };
  if (choices !== undefined) return undefined;
  if (typeof error_message === "string") return { message: error_message, type: error_type };
  return typeof message === "string" || typeof detail === "string" ? chunk : undefined;
}

function parsed(data: string): unknown {
  try {
    return JSON.parse(data);
  } catch {
    return undefined; // words, or what is left of a chunk
  }
}

/** Where the connection broke, the last event has no end. Otherwise words are an error. */
function isBegun(words: string, toError: (body: unknown) => ProxyError): boolean {
  if (words === "") return false;
  if (words.startsWith("{") || "[DONE]".startsWith(words)) return true;
  throw words.startsWith("<") ? notAChunk() : toError(words);
}

function notAChunk(): ProxyError {
  return new ProxyError("api_error", "The model server sent something that is not a chat chunk");
}

/** The first character that is not blank, empty without one, and the same bytes again. */
async function peeked(body: AsyncIterable<Uint8Array>) {
  const source = body[Symbol.asyncIterator]();
  const begun: IteratorResult<Uint8Array>[] = [];
  let first: number | undefined;
  while (first === undefined) {
    const result = await source.next();
    begun.push(result);
    if (result.done) break;
    first = result.value.find((byte) => !blankBytes.has(byte) && !byteOrderMark.has(byte));
  }
  const bytes: AsyncIterableIterator<Uint8Array> = {
    [Symbol.asyncIterator]: () => bytes,
    next: () => {
      const result = begun.shift();
      return result ? Promise.resolve(result) : source.next();
    },
    return: async (value?: unknown) => {
      await source.return?.();
      return { done: true, value };
    },
  };
  return { first: first === undefined ? "" : String.fromCharCode(first), bytes };
}
