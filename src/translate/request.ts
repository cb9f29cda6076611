import type { ToolChoice } from "../protocol/anthropic.ts";
import type { ChatRequest } from "../protocol/openai.ts";
import type { Dialect } from "./dialect.ts";
import { toChatMessages } from "./messages.ts";
import type { NormalRequest } from "./normalise.ts";
import { toChatName } from "./tool-names.ts";
import { toChatTools } from "./tools.ts";
import { refuseUnreadable } from "./unreadable.ts";

/** The same question in OpenAI's dialect. Always streamed: a whole answer is folded from events. */
export function toChatRequest(request: NormalRequest, dialect: Dialect): ChatRequest {
  refuseUnreadable(request, dialect);
  const { model, max_tokens, temperature, top_p, top_k, stop_sequences, tool_choice } = request;
  const tools = tool_choice?.type === "none" ? [] : toChatTools(request.tools);
  return {
    model,
    messages: toChatMessages(request, dialect),
    ...(tools.length > 0 ? { tools, ...toChatToolChoice(tool_choice) } : {}),
    [dialect.outputLimit]: max_tokens,
    ...(temperature === undefined ? {} : { temperature }),
    ...(top_p === undefined ? {} : { top_p }),
    ...(top_k === undefined || !dialect.takesTopK ? {} : { top_k }),
    ...(stop_sequences ? { stop: stop_sequences } : {}),
    ...toResponseFormat(request.output_config),
    stream: true,
    stream_options: { include_usage: true },
  };
}

function toChatToolChoice(
  choice: ToolChoice | undefined,
): Pick<ChatRequest, "tool_choice" | "parallel_tool_calls"> {
  const parallel = choice?.disable_parallel_tool_use ? { parallel_tool_calls: false as const } : {};
  if (choice?.type === "any") return { tool_choice: "required", ...parallel };
  if (choice?.type !== "tool") return parallel;
  return {
    tool_choice: { type: "function", function: { name: toChatName(choice.name) } },
    ...parallel,
  };
}

function toResponseFormat(
  config: NormalRequest["output_config"],
): Pick<ChatRequest, "response_format"> {
  const format = config?.["format"];
  if (typeof format !== "object" || format === null || !("schema" in format)) return {};
  return {
    response_format: {
      type: "json_schema",
      json_schema: { name: "answer", schema: format.schema },
    },
  };
}
