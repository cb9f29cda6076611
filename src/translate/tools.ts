import type { Tool } from "../protocol/anthropic.ts";
import type { ChatTool } from "../protocol/openai.ts";

/** Tools with a `type` of their own run at Anthropic; no other backend has them. */
export function toChatTools(tools: readonly Tool[]): readonly ChatTool[] {
  return tools
    .filter(({ type }) => type === undefined || type === "custom")
    .map(({ name, description, input_schema }) => ({
      type: "function",
      function: {
        name,
        ...(description === undefined ? {} : { description }),
        parameters: input_schema ?? { type: "object", properties: {} },
      },
    }));
}
