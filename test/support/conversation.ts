import { serverKinds } from "../../src/backend/server-kinds.ts";
import { memo } from "../../src/core/memo.ts";
import type { ContentBlock, Message, MessagesRequest } from "../../src/protocol/anthropic.ts";
import type { ChatRequest } from "../../src/protocol/openai.ts";
import type { Dialect } from "../../src/translate/dialect.ts";
import { normalise } from "../../src/translate/request/normalise.ts";
import { toChatRequest } from "../../src/translate/request/request.ts";
import { question } from "./proxy.ts";

/** What most servers take. */
const usual: Dialect = serverKinds.other.dialect;

/** As a server of that dialect is asked; fields that are not given are those of a short question. */
export function translated(
  fields: Partial<MessagesRequest> & Record<string, unknown>,
  dialect: Partial<Dialect> = usual,
): ChatRequest {
  return toChatRequest(normalise({ ...question, ...fields }), whole(dialect));
}

/** One object for one dialect: what is remembered is remembered by it. */
const whole = memo((dialect: Partial<Dialect>): Dialect => ({ ...usual, ...dialect }));

export function chat(messages: readonly Message[], dialect: Partial<Dialect> = usual) {
  return translated({ messages }, dialect).messages;
}

type Content = string | readonly ContentBlock[];

export function user(...content: readonly ContentBlock[]): Message {
  return { role: "user", content };
}

export function assistant(...content: readonly ContentBlock[]): Message {
  return { role: "assistant", content };
}

export function system(content: Content): Message {
  return { role: "system", content };
}

export function text(value: string) {
  return { type: "text" as const, text: value };
}

export function thought(thinking: string) {
  return { type: "thinking" as const, thinking, signature: "" };
}

export function call(id: string, name = "Read") {
  return { type: "tool_use" as const, id, name, input: { path: id } };
}

export function result(tool_use_id: string, content: Content = `result of ${tool_use_id}`) {
  return { type: "tool_result" as const, tool_use_id, content };
}

/** A block that the types do not know. */
export function other(block: { readonly type: string } & Record<string, unknown>): ContentBlock {
  return block as ContentBlock;
}

export const image = {
  type: "image" as const,
  source: { type: "base64" as const, media_type: "image/png", data: "AAAA" },
};

export const pdf = {
  type: "document" as const,
  title: "Plan.pdf",
  source: { type: "base64" as const, media_type: "application/pdf", data: "JVBE" },
};
