import { memoStep } from "../../core/memo.ts";
import type { ChatMessage, ChatPart } from "../../protocol/openai.ts";
import { separator } from "./parts.ts";

/**
 * The conversation for templates that want the roles to take turns: what one role says twice is one
 * message, and what the user adds to results is part of the last one, because to many templates
 * results are no turn.
 */
export function alternating(chat: readonly ChatMessage[]): readonly ChatMessage[] {
  const turns: ChatMessage[] = [];
  for (const message of chat) {
    const last = turns.pop();
    turns.push(...(last ? joined(last, message) : [message]));
  }
  return turns;
}

const joined = memoStep(join);

function join(last: ChatMessage, next: ChatMessage): readonly ChatMessage[] {
  if (last.role === "user" && next.role === "user") {
    return [{ role: "user", content: joinContents(last.content, next.content) }];
  }
  if (last.role === "assistant" && next.role === "assistant") {
    const content = [last.content, next.content].filter(Boolean).join(separator);
    return [{ ...last, ...next, content: content || next.content }];
  }
  if (last.role !== "tool" || next.role !== "user") return [last, next];
  // Results hold only text.
  if (typeof next.content !== "string") return [last, show, next];
  return [{ ...last, content: `${last.content}\n\nThe user adds:\n${next.content}` }];
}

const show: ChatMessage = { role: "assistant", content: "Let me see." };

type Content = string | readonly ChatPart[];

function joinContents(last: Content, next: Content): Content {
  if (typeof last === "string" && typeof next === "string") return `${last}${separator}${next}`;
  return [last, next].flatMap((content) =>
    typeof content === "string" ? { type: "text" as const, text: content } : content
  );
}
