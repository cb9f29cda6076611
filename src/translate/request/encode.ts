import { memo } from "../../core/memo.ts";
import type { ChatRequest } from "../../protocol/openai.ts";

/**
 * What `JSON.stringify` makes of these fields, but each message and each tool is written only once
 * in its life. Concatenated, because engines copy such a text only once, when it is sent.
 */
export function encodeChatRequest(
  fields: Partial<ChatRequest>,
  more: Readonly<Record<string, unknown>> = {},
): string {
  let json = "";
  for (const [name, value] of Object.entries({ ...fields, ...more })) {
    if (value === undefined) continue;
    json += `${json === "" ? "" : ","}${JSON.stringify(name)}:`;
    json += isListOfObjects(value) ? listOf(value) : JSON.stringify(value);
  }
  return `{${json}}`;
}

function listOf(items: readonly object[]): string {
  let json = "";
  for (const item of items) json += json === "" ? jsonOf(item) : `,${jsonOf(item)}`;
  return `[${json}]`;
}

const jsonOf = memo((item: object) => JSON.stringify(item));

function isListOfObjects(value: unknown): value is readonly object[] {
  return Array.isArray(value) && value.every((item) => typeof item === "object" && item !== null);
}
