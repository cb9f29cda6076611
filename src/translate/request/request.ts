import { hash } from "node:crypto";
import { ProxyError } from "../../core/errors.ts";
import type { Tool, ToolChoice } from "../../protocol/anthropic.ts";
import type { ChatRequest } from "../../protocol/openai.ts";
import type { Dialect } from "../dialect.ts";
import { toChatMessages } from "./messages.ts";
import type { NormalRequest } from "./normalise.ts";
import { toSimpleSchema } from "./simple-schema.ts";
import { toChatName } from "../tool-names.ts";
import { isTheClients, toChatTools } from "./tools.ts";
import { refuseUnreadable } from "./unreadable.ts";

/**
 * The same question in OpenAI's dialect. Always streamed: a whole answer is folded from events.
 * `session` names the conversation it belongs to.
 */
export function toChatRequest(
  request: NormalRequest,
  dialect: Dialect,
  session?: string,
): ChatRequest {
  refuseUnreadable(request, dialect);
  const { model, max_tokens, temperature, top_p, top_k, stop_sequences } = request;
  return without(dialect.without, {
    model,
    messages: toChatMessages(request, dialect),
    ...toToolFields(request, dialect),
    [dialect.outputLimit]: Math.min(max_tokens, dialect.mostOutputTokens ?? Infinity),
    ...(temperature === undefined ? {} : { temperature }),
    ...(top_p === undefined ? {} : { top_p }),
    ...(top_k === undefined || !dialect.takesTopK ? {} : { top_k }),
    ...(stop_sequences ? { stop: stop_sequences } : {}),
    ...toResponseFormat(request, dialect),
    ...toThinkingFields(request, dialect),
    ...(session && dialect.takesCacheKey ? { prompt_cache_key: toCacheKey(session) } : {}),
    stream: true,
    stream_options: { include_usage: true },
  });
}

/** OpenAI refuses a longer one. */
const longestCacheKey = 64;

function toCacheKey(session: string): string {
  return session.length > longestCacheKey ? hash("sha256", session) : session;
}

function without(refused: Dialect["without"], chat: ChatRequest): ChatRequest {
  if (refused.length === 0) return chat;
  const names: readonly string[] = refused;
  // Only optional fields are refused.
  return Object.fromEntries(
    Object.entries(chat).filter(([name]) => !names.includes(name)),
  ) as ChatRequest;
}

type ToolFields = Pick<ChatRequest, "tools" | "tool_choice" | "parallel_tool_calls">;

function toToolFields({ tools, tool_choice: choice }: NormalRequest, dialect: Dialect): ToolFields {
  const chatTools = choice?.type === "none" ? [] : toChatTools(tools, dialect);
  if (choice?.type === "tool") checkNamed(choice.name, tools);
  if (choice?.type === "any" && chatTools.length === 0) {
    throw refused("tool_choice: a call is wanted, but there is no tool that can be called here");
  }
  if (chatTools.length === 0) return {};
  return {
    tools: chatTools,
    ...toChatToolChoice(choice),
    ...(choice?.disable_parallel_tool_use ? { parallel_tool_calls: false } : {}),
  };
}

function checkNamed(name: string, tools: readonly Tool[]): void {
  const tool = tools.find((each) => each.name === name);
  if (!tool) throw refused(`tool_choice.name: there is no tool ${JSON.stringify(name)}`);
  if (isTheClients(tool)) return;
  throw refused(`tool_choice.name: ${JSON.stringify(name)} is Anthropic's and cannot be used here`);
}

function refused(message: string): ProxyError {
  return new ProxyError("invalid_request_error", message, { final: true });
}

function toChatToolChoice(choice: ToolChoice | undefined): Pick<ChatRequest, "tool_choice"> {
  if (choice?.type === "any") return { tool_choice: "required" };
  if (choice?.type !== "tool") return {};
  return { tool_choice: { type: "function", function: { name: toChatName(choice.name) } } };
}

function toResponseFormat(
  { output_config }: NormalRequest,
  { simpleSchemas }: Dialect,
): Pick<ChatRequest, "response_format"> {
  const format = output_config?.["format"];
  if (typeof format !== "object" || format === null || !("schema" in format)) return {};
  const schema = simpleSchemas ? toSimpleSchema(format.schema) : format.schema;
  return { response_format: { type: "json_schema", json_schema: { name: "answer", schema } } };
}

/** Known everywhere; Anthropic has finer ones. */
const efforts: ReadonlyMap<unknown, string> = new Map([
  ...["low", "medium", "high"].map((effort) => [effort, effort] as const),
  ...["xhigh", "max"].map((effort) => [effort, "high"] as const),
]);

/** How much to think; no thinking at all where that can be said, else as little as can be. */
function toThinkingFields(
  { thinking, output_config }: NormalRequest,
  { takesEffort, takesTemplateOptions }: Dialect,
): Pick<ChatRequest, "reasoning_effort" | "chat_template_kwargs"> {
  const isOff = thinking?.type === "disabled";
  const effort = isOff ? "low" : efforts.get(output_config?.["effort"]);
  return {
    ...(takesEffort && effort ? { reasoning_effort: effort } : {}),
    ...(takesTemplateOptions && isOff ? { chat_template_kwargs: { enable_thinking: false } } : {}),
  };
}
