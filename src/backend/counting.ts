import { type Clock, within } from "../core/clock.ts";
import { memo } from "../core/memo.ts";
import type { ChatRequest } from "../protocol/openai.ts";
import { encodeChatRequest } from "../translate/request/encode.ts";
import type { TokenCount } from "./backend.ts";
import type { Connection } from "./connection.ts";
import { objectOf } from "./facts.ts";
import { hasPart } from "./has-part.ts";
import type { ServerKind } from "./server-kinds.ts";

export interface Counting {
  readonly connection: Connection;
  readonly kind: ServerKind;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/** A server that is busy may answer only when its work is done; the client asks for many counts. */
const patienceMs = 5000;

/** Exact where the server can count, else a stated estimate. */
export async function countTokens(chat: ChatRequest, counting: Counting): Promise<TokenCount> {
  const { clock, signal } = counting;
  const exact = await within(
    { clock, ms: patienceMs, signal },
    (signal) => ask(chat, { ...counting, signal }),
  ).catch(() => {
    signal.throwIfAborted();
    return undefined; // it cannot, or not now
  });
  return exact === undefined
    ? { inputTokens: estimate(chat), exact: false }
    : { inputTokens: exact, exact: true };
}

async function ask(chat: ChatRequest, counting: Counting): Promise<number | undefined> {
  switch (counting.kind.counts) {
    case "messages":
      return await countMessages(chat, counting);
    case "template":
      // In its prompt an image is a mark that says nothing of its size.
      return hasPart(chat, "image_url") ? undefined : await countPrompt(chat, counting);
    case undefined:
      return undefined;
  }
}

/** Ours, vLLM and SGLang take a conversation. */
async function countMessages(chat: ChatRequest, { connection, signal }: Counting) {
  const body = conversationOf(chat);
  const tokenised = await connection.root("/tokenize", { signal, body });
  const { count } = objectOf(await tokenised.json());
  return typeof count === "number" ? count : undefined;
}

/** llama.cpp renders a conversation, and tokenises what it has rendered. */
async function countPrompt(chat: ChatRequest, { connection, signal }: Counting) {
  const { model } = chat;
  const body = conversationOf(chat);
  const rendered = await connection.root("/apply-template", { signal, body });
  const { prompt: content } = objectOf(await rendered.json());
  if (typeof content !== "string") return undefined;
  const tokenised = await connection.root("/tokenize", {
    signal,
    body: JSON.stringify({ model, content, add_special: true, parse_special: true }),
  });
  const { tokens } = objectOf(await tokenised.json());
  return Array.isArray(tokens) ? tokens.length : undefined;
}

function conversationOf({ model, messages, tools }: ChatRequest): string {
  return encodeChatRequest({ model, messages, ...(tools ? { tools } : {}) });
}

const charactersPerToken = 4;
/** What the largest picture that Claude Code sends would take at Anthropic. */
const tokensPerImage = 1600;

/** About four characters a token, over everything that the model would read. */
function estimate({ messages, tools }: ChatRequest): number {
  let images = 0;
  const text = JSON.stringify([messages, tools ?? []], (key, value: unknown) => {
    if (key !== "image_url") return value;
    images += 1;
    return null;
  });
  return Math.ceil(text.length / charactersPerToken) + images * tokensPerImage;
}

/**
 * Words of a prompt, as blanks part them: a number of tokens that it surely has, because no
 * tokenizer of these models puts two words into one token. What a template may drop is left out:
 * thinking, ids, most of a schema.
 */
export function leastTokens({ messages, tools = [] }: ChatRequest): number {
  return [...messages, ...tools].reduce((sum, item) => sum + wordsIn(item).count, 0);
}

const wordsIn = memo((item: object) => {
  let count = 0;
  JSON.stringify(item, (key, value: unknown) => {
    if (typeof value !== "string") return value;
    if (alwaysSaid.has(key)) count += value.match(/(?<!\S)\S*\p{L}/gu)?.length ?? 0;
    return "";
  });
  return { count };
});

const alwaysSaid = new Set(["content", "text", "arguments", "name", "description"]);
