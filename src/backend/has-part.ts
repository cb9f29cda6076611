import type { ChatPart, ChatRequest } from "../protocol/openai.ts";

/** Whether any message has content of this kind. */
export function hasPart({ messages }: ChatRequest, type: ChatPart["type"]): boolean {
  return messages.some(({ content }) =>
    Array.isArray(content) && content.some((part: ChatPart) => part.type === type)
  );
}
