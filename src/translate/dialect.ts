/** How a server's chat completions differ from OpenAI's, as far as a request must respect it. */
export interface Dialect {
  /** False when its model is known to read text only. */
  readonly seesImages: boolean;
  /** Takes PDF files as `file` parts. */
  readonly readsFiles: boolean;
  /** Takes `top_k`, which OpenAI does not have. */
  readonly takesTopK: boolean;
  readonly outputLimit: "max_tokens" | "max_completion_tokens";
  /** It refuses to be asked for more, however large its window is. */
  readonly mostOutputTokens?: number;
  /** Where it wants to find the thinking of earlier turns; undefined where it refuses it. */
  readonly thinking: "reasoning_content" | "reasoning" | undefined;
  /** Takes `reasoning_effort`. */
  readonly takesEffort: boolean;
  /** Hands `chat_template_kwargs` to its chat templates, where thinking can be turned off. */
  readonly takesTemplateOptions: boolean;
  /** Takes `prompt_cache_key`, by which it sends what begins alike to where that was read before. */
  readonly takesCacheKey: boolean;
  /** Turns schemas into grammars, and refuses keywords that its grammars cannot express. */
  readonly simpleSchemas: boolean;
  /** Its chat templates refuse neighbours of one role: they are told as one message. */
  readonly strictTurns: boolean;
  /** Optional parameters that it refuses. */
  readonly without: readonly OptionalParameter[];
}

export type OptionalParameter =
  | "chat_template_kwargs"
  | "parallel_tool_calls"
  | "prompt_cache_key"
  | "reasoning_effort"
  | "response_format"
  | "stop"
  | "stream_options"
  | "temperature"
  | "tool_choice"
  | "top_p";
