import { isRecord } from "../../core/is-record.ts";
import type { ContentBlock, ToolUseBlock } from "../../protocol/anthropic.ts";
import { type ChatMessage, type ChatToolCall, textOf } from "../../protocol/openai.ts";
import type { Dialect } from "../dialect.ts";
import { separator } from "./parts.ts";
import { toChatName } from "../tool-names.ts";

/** What the model said in one turn; undefined when none of it can be told. */
export function toAssistantMessage(
  content: readonly ContentBlock[],
  callIds: readonly string[],
  dialect: Dialect,
): ChatMessage | undefined {
  const thinking = dialect.thinking && toThinking(content);
  const text = toText(content);
  const calls = content.filter(isToolUse).map((use, index) =>
    toCall(use, callIds[index] ?? use.id)
  );
  if (!thinking && text === "" && calls.length === 0) return undefined;
  return {
    role: "assistant",
    content: text === "" && calls.length > 0 ? null : text,
    ...(thinking ? { [dialect.thinking]: thinking } : {}),
    ...(calls.length > 0 ? { tool_calls: calls } : {}),
  };
}

export function isToolUse(block: ContentBlock): block is ToolUseBlock {
  return block.type === "tool_use";
}

function toThinking(content: readonly ContentBlock[]): string {
  return content.map((block) => block.type === "thinking" ? block.thinking : "").join("");
}

/** Its words are one text, as they were said; what ran at Anthropic is told between them. */
function toText(content: readonly ContentBlock[]): string {
  let text = "";
  let wasSaid = true;
  for (const block of content) {
    const isSaid = block.type === "text";
    const piece = isSaid ? block.text : toNote(block);
    if (piece === "") continue;
    text += text === "" || (isSaid && wasSaid) ? piece : `${separator}${piece}`;
    wasSaid = isSaid;
  }
  return text;
}

/** Of tools that ran at Anthropic, and of what a conversation there was summed up to. */
function toNote(block: ContentBlock): string {
  const { type, name, input, content } = block as ForeignBlock;
  if (type === "compaction") return textOf(content);
  if (type.endsWith("_tool_use")) return `[Called ${textOf(name)}: ${toReadable(input)}]`;
  return type.endsWith("_tool_result") ? `[Result: ${toReadable(content)}]` : "";
}

interface ForeignBlock {
  readonly type: string;
  readonly name?: unknown;
  readonly input?: unknown;
  readonly content?: unknown;
}

/** As JSON, without what only Anthropic can read. */
function toReadable(value: unknown): string {
  return JSON.stringify(
    value ?? {},
    (name, property) =>
      name.startsWith("encrypted_") || property?.type === "base64" ? undefined : property,
  );
}

function toCall({ name, input }: ToolUseBlock, id: string): ChatToolCall {
  // Templates take nothing but objects.
  const json = JSON.stringify(isRecord(input) ? input : { input: input ?? undefined });
  return { id, type: "function", function: { name: toChatName(name), arguments: json } };
}
