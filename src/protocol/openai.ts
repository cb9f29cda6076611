/** OpenAI's chat completions: what we send, and what the servers of this world send back. */

export interface ChatRequest {
  readonly model: string;
  readonly messages: readonly ChatMessage[];
  readonly tools?: readonly ChatTool[];
  readonly tool_choice?: "auto" | "required" | ChatToolChoice;
  readonly parallel_tool_calls?: false;
  readonly max_tokens?: number;
  readonly max_completion_tokens?: number;
  readonly temperature?: number;
  readonly top_p?: number;
  readonly prompt_cache_key?: string;
  readonly top_k?: number;
  readonly stop?: readonly string[];
  readonly response_format?: unknown;
  readonly reasoning_effort?: string;
  readonly chat_template_kwargs?: Readonly<Record<string, unknown>>;
  readonly stream: true;
  readonly stream_options?: { readonly include_usage: true };
}

export interface ChatToolChoice {
  readonly type: "function";
  readonly function: { readonly name: string };
}

export type ChatMessage =
  | { readonly role: "system"; readonly content: string }
  | { readonly role: "user"; readonly content: string | readonly ChatPart[] }
  | {
    readonly role: "assistant";
    readonly content: string | null;
    readonly reasoning_content?: string;
    readonly reasoning?: string;
    readonly tool_calls?: readonly ChatToolCall[];
  }
  | { readonly role: "tool"; readonly tool_call_id: string; readonly content: string };

export type ChatPart =
  | { readonly type: "text"; readonly text: string }
  | { readonly type: "image_url"; readonly image_url: { readonly url: string } }
  | {
    readonly type: "file";
    readonly file: { readonly filename: string; readonly file_data: string };
  };

export interface ChatToolCall {
  readonly id: string;
  readonly type: "function";
  readonly function: { readonly name: string; readonly arguments: string };
}

export interface ChatTool {
  readonly type: "function";
  readonly function: {
    readonly name: string;
    readonly description?: string;
    readonly parameters: Readonly<Record<string, unknown>>;
  };
}

/** One streamed chunk. Every field may be missing, and servers differ in most. */
export interface ChatChunk {
  readonly choices?: readonly ChatChoice[] | null;
  readonly usage?: ChatUsage | null;
  /** llama.cpp's own counts. */
  readonly timings?: ChatTimings | null;
  readonly error?: unknown;
  /** An error's words, where they have no object of their own. */
  readonly message?: unknown;
  readonly detail?: unknown;
  /** Venice's, for what vLLM told it. */
  readonly error_message?: unknown;
  readonly error_type?: unknown;
  /** Our own server's extension: docs/mlx-server.md. */
  readonly anyclaude?: ServerEvent;
  /** The server has said that nothing follows. Not on the wire. */
  readonly isEnd?: true;
}

export interface ChatChoice {
  readonly index?: number | null;
  readonly delta?: ChatDelta | null;
  /** In a whole answer, and of some servers in a chunk. */
  readonly message?: ChatDelta | null;
  readonly finish_reason?: string | null;
  /** The stop sequence that was met: our server and vLLM say it. */
  readonly stop_reason?: string | number | null;
  /** SGLang's name for it. */
  readonly matched_stop?: string | number | null;
  readonly error?: unknown;
  /** Moonshot puts it here. */
  readonly usage?: ChatUsage | null;
}

export interface ChatDelta {
  readonly content?: string | readonly ContentPart[] | null;
  readonly reasoning_content?: string | null;
  readonly reasoning?: string | null;
  readonly reasoning_details?: readonly ReasoningDetail[] | null;
  readonly refusal?: string | null;
  readonly tool_calls?: readonly ToolCallDelta[] | null;
  /** What `tool_calls` replaced. */
  readonly function_call?: ToolCallDelta["function"];
}

/** Mistral's: text, or thinking that holds texts. */
export interface ContentPart {
  readonly type?: string;
  readonly text?: string | null;
  readonly thinking?: string | readonly ContentPart[] | null;
}

/** OpenRouter's. */
export interface ReasoningDetail {
  readonly type?: string;
  readonly text?: string | null;
  readonly summary?: string | null;
}

export interface ToolCallDelta {
  readonly index?: number | null;
  readonly id?: string | null;
  readonly function?: {
    readonly name?: string | null;
    readonly arguments?: string | Readonly<Record<string, unknown>> | null;
  } | null;
}

/** Servers send numbers, lists and null where a text belongs. */
export function textOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}

/** `prompt_tokens` holds what was read from a cache; the names for how much that was differ. */
export interface ChatUsage {
  readonly prompt_tokens?: number | null;
  readonly completion_tokens?: number | null;
  readonly prompt_tokens_details?: {
    readonly cached_tokens?: number | null;
    /** OpenRouter's and vLLM's names for what was written to a cache. */
    readonly cache_write_tokens?: number | null;
    readonly created_cache_tokens?: number | null;
  } | null;
  /** Moonshot's and Together's. */
  readonly cached_tokens?: number | null;
  /** DeepSeek's. */
  readonly prompt_cache_hit_tokens?: number | null;
  /** LiteLLM's. */
  readonly cache_read_input_tokens?: number | null;
  readonly cache_creation_input_tokens?: number | null;
}

export interface ChatTimings {
  /** Prompt tokens that were computed, and those that were cached. */
  readonly prompt_n?: number | null;
  readonly cache_n?: number | null;
  readonly predicted_n?: number | null;
}

export interface ServerMiss {
  readonly reason: string;
  readonly position: number;
  readonly message?: number | null;
  readonly part?: string | null;
}

export type ServerEvent =
  | {
    readonly event: "accepted";
    readonly prompt_tokens: number;
    readonly cached_tokens: number;
    readonly miss: ServerMiss | null;
    readonly instruction_tokens?: number | null;
  }
  | { readonly event: "progress"; readonly prefilled: number; readonly total: number }
  | {
    readonly event: "timing";
    readonly prefill_seconds: number;
    readonly decode_seconds: number;
  };
