import { ProxyError } from "../../core/errors.ts";
import { memo, memoStep } from "../../core/memo.ts";
import type { TextBlock } from "../../protocol/anthropic.ts";
import type { ChatMessage, ChatPart } from "../../protocol/openai.ts";
import { alternating } from "./alternating.ts";
import { isToolUse, toAssistantMessage } from "./assistant.ts";
import type { Dialect } from "../dialect.ts";
import type { NormalMessage, NormalRequest } from "./normalise.ts";
import { separator, toParts, toResult } from "./parts.ts";
import { noticeOfMissing } from "./tools.ts";

/**
 * A conversation in OpenAI's dialect, where each call has exactly one result, behind it, and nothing
 * is empty. What the next turn adds never changes what this one gave, unless this one broke off
 * before the results that the next one begins with.
 *
 * What became of a message is remembered by the messages before it and by itself, as objects.
 */
export function toChatMessages(request: NormalRequest, dialect: Dialect): readonly ChatMessage[] {
  const conversation: ChatMessage[] = [];
  const next = after(dialect);
  let turn = beginning;
  for (const message of request.messages) {
    turn = next(turn, message);
    conversation.push(...turn.said);
  }
  conversation.push(...interrupted(turn.open));
  if (conversation.length === 0) {
    throw new ProxyError("invalid_request_error", "messages: there is nothing in them to answer", {
      final: true,
    });
  }
  if (conversation.at(-1)?.role === "assistant") conversation.push(goOn);
  const chat = dialect.strictTurns ? alternating(conversation) : conversation;
  return [...toInstructions(request), ...chat];
}

/** Servers differ in whether they go on from an assistant's message; everyone can be asked to. */
const goOn: ChatMessage = {
  role: "user",
  content: "Go on from exactly where your last message stops, without repeating any of it.",
};

function toInstructions({ system, tools }: NormalRequest): readonly ChatMessage[] {
  const notice = noticeOfMissing(tools);
  if (notice !== undefined) return [instructions([...system, { type: "text", text: notice }])];
  return system.length > 0 ? [instructions(system)] : [];
}

const instructions = memo((system: readonly TextBlock[]): ChatMessage => ({
  role: "system",
  content: system.map(({ text }) => text).join(separator),
}));

/** What a conversation has come to behind one of its messages. */
interface Turn {
  /** What became of this message. */
  readonly said: readonly ChatMessage[];
  /** Calls that wait for their results. */
  readonly open: readonly OpenCall[];
  readonly calls: number;
}

interface OpenCall {
  readonly id: string;
  readonly chatId: string;
}

const beginning: Turn = { said: [], open: [], calls: 0 };

const after = memo((dialect: Dialect) =>
  memoStep((turn: Turn, message: NormalMessage) =>
    message.role === "assistant" ? answered(turn, message, dialect) : asked(turn, message, dialect)
  )
);

function answered(turn: Turn, { content }: NormalMessage, dialect: Dialect): Turn {
  const open = content.filter(isToolUse).map(({ id }, index) => ({
    id,
    chatId: toChatId(turn.calls + index),
  }));
  const message = toAssistantMessage(content, open.map(({ chatId }) => chatId), dialect);
  if (!message) return { ...turn, said: [] };
  return {
    said: [...interrupted(turn.open), message],
    open,
    calls: turn.calls + open.length,
  };
}

function asked(turn: Turn, { content }: NormalMessage, dialect: Dialect): Turn {
  const open = [...turn.open];
  const results: ChatMessage[] = [];
  const parts: ChatPart[] = [];
  for (const block of content) {
    const call = block.type === "tool_result" && open.find(({ id }) => id === block.tool_use_id);
    if (!call) {
      parts.push(...toParts(block, dialect));
      continue;
    }
    open.splice(open.indexOf(call), 1);
    const { text, shown } = toResult(block, dialect);
    results.push({ role: "tool", tool_call_id: call.chatId, content: text });
    parts.push(...shown);
  }
  if (parts.length === 0) return { ...turn, said: results, open };
  return { ...turn, said: [...results, ...interrupted(open), toUserMessage(parts)], open: [] };
}

function interrupted(open: readonly OpenCall[]): readonly ChatMessage[] {
  return open.map(({ chatId }) => ({
    role: "tool",
    tool_call_id: chatId,
    content: "[Tool use interrupted]",
  }));
}

/**
 * By position: unique, the same when a conversation is held again, and in the one form that every
 * server takes, nine letters and digits.
 */
function toChatId(position: number): string {
  return `call${String(position + 1).padStart(5, "0")}`;
}

function toUserMessage(parts: readonly ChatPart[]): ChatMessage {
  const texts = parts.flatMap((part) => part.type === "text" ? part.text : []);
  return { role: "user", content: texts.length < parts.length ? parts : texts.join(separator) };
}
