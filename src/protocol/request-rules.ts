import { ProxyError } from "../core/errors.ts";
import type { MessagesRequest } from "./anthropic.ts";

/** Of Anthropic's own tools: what is longer is not repeated whole. */
const longestName = 128;

/** What no field shows alone: whether the parts of a request fit together. */
export function checkRequest({ messages, tools = [], tool_choice }: MessagesRequest): void {
  const names = new Set(tools.map(({ name }) => name));
  if (names.size < tools.length) throw invalid("tools: Tool names must be unique");
  if (tool_choice?.type === "tool" && !names.has(tool_choice.name)) {
    const name = JSON.stringify(tool_choice.name.slice(0, longestName));
    throw invalid(`tool_choice.name: Tool ${name} not found in provided tools`);
  }
  if (tool_choice?.type === "any" && tools.length === 0) {
    throw invalid("tool_choice: 'any' needs tools to choose from");
  }
  if (messages.every(({ content }) => content.length === 0)) {
    throw invalid("messages: at least one message must have non-empty content");
  }
}

function invalid(message: string): ProxyError {
  return new ProxyError("invalid_request_error", message);
}
