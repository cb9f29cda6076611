import type {
  ContentBlock,
  ImageBlock,
  TextBlock,
  ToolResultBlock,
  ToolUseBlock,
} from "../protocol/anthropic.ts";
import type { ChatMessage, ChatPart } from "../protocol/openai.ts";
import type { NormalMessage, NormalRequest } from "./normalise.ts";
import { toChatName } from "./tool-names.ts";

const interrupted = "[Tool use interrupted]";
const separator = "\n\n";

/**
 * A conversation in OpenAI's dialect, where a call has exactly one result, behind it. What the
 * next turn adds never changes what this one gave.
 */
export function toChatMessages({ system, messages }: NormalRequest): readonly ChatMessage[] {
  const chat: ChatMessage[] = [];
  if (system.length > 0) chat.push({ role: "system", content: joined(system) });
  let unanswered = new Set<string>();
  const interrupt = () => {
    for (const id of unanswered) {
      chat.push({ role: "tool", tool_call_id: id, content: interrupted });
    }
    unanswered = new Set();
  };

  for (const message of messages) {
    if (message.role === "assistant") {
      interrupt();
      chat.push(...toAssistantMessage(message));
      unanswered = new Set(message.content.filter(isToolUse).map(({ id }) => id));
      continue;
    }
    const results = message.content.filter(isToolResult)
      .filter(({ tool_use_id: id }) => unanswered.delete(id));
    for (const result of results) {
      chat.push({ role: "tool", tool_call_id: result.tool_use_id, content: toResultText(result) });
    }
    const rest = message.content.filter((block) =>
      !isToolResult(block) || !results.includes(block)
    );
    const said = toUserMessage([...results.flatMap(imagesOf), ...rest]);
    if (said.length > 0) interrupt();
    chat.push(...said);
  }
  interrupt();
  return chat;
}

function toAssistantMessage({ content }: NormalMessage): readonly ChatMessage[] {
  const thinking = content.flatMap((block) => block.type === "thinking" ? block.thinking : []);
  const text = content.flatMap((block) => block.type === "text" ? block.text : []).join("");
  const calls = content.filter(isToolUse).map(({ id, name, input }) => ({
    id,
    type: "function" as const,
    function: { name: toChatName(name), arguments: JSON.stringify(input ?? {}) },
  }));
  if (thinking.length === 0 && text === "" && calls.length === 0) return [];
  return [{
    role: "assistant",
    content: text === "" ? null : text,
    ...(thinking.length > 0 ? { reasoning_content: thinking.join("") } : {}),
    ...(calls.length > 0 ? { tool_calls: calls } : {}),
  }];
}

function toUserMessage(content: readonly ContentBlock[]): readonly ChatMessage[] {
  const parts = content.flatMap(toParts);
  if (parts.length === 0) return [];
  const texts = parts.filter((part) => part.type === "text");
  return [{ role: "user", content: texts.length < parts.length ? parts : joined(texts) }];
}

function toParts(block: ContentBlock): readonly ChatPart[] {
  switch (block.type) {
    case "text":
      return [{ type: "text", text: block.text }];
    case "image":
      return [{ type: "image_url", image_url: { url: toImageUrl(block) } }];
    case "tool_result":
      // Its call is not in the conversation: still worth reading.
      return [{ type: "text", text: toResultText(block) }];
    case "document":
      return [{ type: "text", text: "[A document that this model cannot read]" }];
    default:
      return [];
  }
}

function toImageUrl({ source }: ImageBlock): string {
  return source.type === "url" ? source.url : `data:${source.media_type};base64,${source.data}`;
}

/** `is_error` has no place in this dialect; the client's texts say it themselves. */
function toResultText({ content, is_error }: ToolResultBlock): string {
  const blocks = typeof content === "string" ? [] : content ?? [];
  const texts = blocks.flatMap((block) => {
    if (block.type === "text") return block.text;
    if (block.type === "image") return "[Image: see below]";
    return block.type === "tool_reference"
      ? `${toChatName(block.tool_name)} can be called now.`
      : [];
  });
  const text = texts.join(separator);
  return text === "" && is_error ? "Error" : text;
}

function imagesOf({ content }: ToolResultBlock): readonly ContentBlock[] {
  return typeof content === "string" ? [] : (content ?? []).filter(({ type }) => type === "image");
}

function joined(texts: readonly Pick<TextBlock, "text">[]): string {
  return texts.map(({ text }) => text).join(separator);
}

function isToolUse(block: ContentBlock): block is ToolUseBlock {
  return block.type === "tool_use";
}

function isToolResult(block: ContentBlock): block is ToolResultBlock {
  return block.type === "tool_result";
}
