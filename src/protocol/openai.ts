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
  readonly error?: unknown;
  /** Our own server's extension: docs/mlx-server.md. */
  readonly anyclaude?: ServerEvent;
}

export interface ChatChoice {
  readonly delta?: ChatDelta | null;
  readonly finish_reason?: string | null;
  /** The stop sequence that was met: our server and vLLM say it, others do not. */
  readonly stop_reason?: string | number | null;
}

export interface ChatDelta {
  readonly content?: string | null;
  readonly reasoning_content?: string | null;
  readonly reasoning?: string | null;
  readonly tool_calls?: readonly ToolCallDelta[] | null;
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

export interface ChatUsage {
  readonly prompt_tokens?: number | null;
  readonly completion_tokens?: number | null;
  readonly prompt_tokens_details?: { readonly cached_tokens?: number | null } | null;
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
