import { memo } from "../core/memo.ts";
import type { Tool } from "../protocol/anthropic.ts";
import type { ChatTool } from "../protocol/openai.ts";
import { toChatName } from "./tool-names.ts";

/** Anthropic's search for deferred tools: elsewhere these are there from the start. */
export function isToolSearch({ type }: Tool): boolean {
  return type?.startsWith("tool_search_tool") ?? false;
}

/** Tools with a `type` of their own run at Anthropic; no other backend has them. */
export function toChatTools(tools: readonly Tool[]): readonly ChatTool[] {
  return tools.filter(({ type }) => type === undefined || type === "custom").map(toChatTool);
}

const toChatTool = memo(({ name, description, input_schema }: Tool): ChatTool => ({
  type: "function",
  function: {
    name: toChatName(name),
    ...(description === undefined ? {} : { description }),
    parameters: input_schema ?? { type: "object", properties: {} },
  },
}));
