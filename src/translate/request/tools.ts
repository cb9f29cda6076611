import { memo } from "../../core/memo.ts";
import type { Tool } from "../../protocol/anthropic.ts";
import type { ChatTool } from "../../protocol/openai.ts";
import type { Dialect } from "../dialect.ts";
import { toSimpleSchema } from "./simple-schema.ts";
import { toChatName } from "../tool-names.ts";

/** The tools of a request that its client runs. */
export function toChatTools(tools: readonly Tool[], dialect: Dialect): readonly ChatTool[] {
  return tools.filter(isTheClients).map(dialect.simpleSchemas ? toSimpleTool : toChatTool);
}

/**
 * Tools with a `type` of their own run at Anthropic, or have schemas that only its models know. A
 * model that is not told answers as if it had used them.
 */
export function noticeOfMissing(tools: readonly Tool[]): string | undefined {
  const missing = tools.filter((tool) => !isTheClients(tool) && !isToolSearch(tool));
  if (missing.length === 0) return undefined;
  const names = missing.map(({ name }) => name).join(", ");
  return `These tools cannot be used here: ${names}. Where one of them would be needed, say so; ` +
    "never act as if it had run, and never make up what it would give.";
}

export function isTheClients({ type }: Tool): boolean {
  return (type ?? "custom") === "custom";
}

/** Anthropic's search for deferred tools: elsewhere these are there from the start. */
export function isToolSearch({ type }: Tool): boolean {
  return type?.startsWith("tool_search_tool") ?? false;
}

const toChatTool = memo((tool: Tool): ChatTool => withSchema(tool, objectSchema(tool)));

const toSimpleTool = memo((tool: Tool): ChatTool =>
  // It stays the object that it was.
  withSchema(tool, toSimpleSchema(objectSchema(tool)) as Schema)
);

type Schema = ChatTool["function"]["parameters"];

function withSchema({ name, description }: Tool, parameters: Schema): ChatTool {
  return {
    type: "function",
    function: {
      name: toChatName(name),
      ...(description === undefined ? {} : { description }),
      parameters,
    },
  };
}

/** Servers refuse arguments that are not said to be an object with properties. */
function objectSchema({ input_schema = {} }: Tool): Schema {
  return { ...input_schema, type: "object", properties: input_schema["properties"] ?? {} };
}
