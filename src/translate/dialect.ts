/** How a server's chat completions differ from OpenAI's, as far as a request must respect it. */
export interface Dialect {
  /** False when its model is known to read text only. */
  readonly seesImages: boolean;
  /** Takes PDF files as `file` parts. */
  readonly readsFiles: boolean;
  /** Takes `top_k`, which OpenAI does not have. */
  readonly takesTopK: boolean;
  readonly outputLimit: "max_tokens" | "max_completion_tokens";
  /** Where it wants to find the thinking of earlier turns; undefined where it refuses it. */
  readonly thinking: "reasoning_content" | "reasoning" | undefined;
  /** Turns schemas into grammars, and refuses keywords that its grammars cannot express. */
  readonly simpleSchemas: boolean;
  /** Its chat templates refuse neighbours of one role: they are told as one message. */
  readonly strictTurns: boolean;
  /** Optional parameters that it refuses. */
  readonly without: readonly OptionalParameter[];
}

export type OptionalParameter =
  | "parallel_tool_calls"
  | "response_format"
  | "stop"
  | "stream_options"
  | "temperature"
  | "tool_choice"
  | "top_p";
