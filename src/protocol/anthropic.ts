/** Anthropic's Messages API as we use it. Peers may send more: unknown fields are never an error. */

export interface MessagesRequest {
  readonly model: string;
  readonly messages: readonly Message[];
  readonly system?: string | readonly TextBlock[];
  readonly tools?: readonly Tool[];
  readonly tool_choice?: ToolChoice;
  readonly max_tokens: number;
  readonly stream?: boolean;
  readonly temperature?: number;
  readonly top_p?: number;
  readonly top_k?: number;
  readonly stop_sequences?: readonly string[];
  readonly thinking?: { readonly type: string; readonly budget_tokens?: number };
  readonly output_config?: Readonly<Record<string, unknown>>;
  readonly metadata?: unknown;
}

export interface Message {
  readonly role: "user" | "assistant" | "system";
  readonly content: string | readonly ContentBlock[];
}

export interface Tool {
  readonly name: string;
  readonly type?: string;
  readonly description?: string;
  readonly input_schema?: Readonly<Record<string, unknown>>;
  readonly defer_loading?: boolean;
}

export type ToolChoice =
  | { readonly type: "auto" | "any" | "none"; readonly disable_parallel_tool_use?: boolean }
  | {
    readonly type: "tool";
    readonly name: string;
    readonly disable_parallel_tool_use?: boolean;
  };

export interface TextBlock {
  readonly type: "text";
  readonly text: string;
}

export interface ThinkingBlock {
  readonly type: "thinking";
  readonly thinking: string;
  readonly signature: string;
}

export interface ToolUseBlock {
  readonly type: "tool_use";
  readonly id: string;
  readonly name: string;
  readonly input: unknown;
}

export interface ToolResultBlock {
  readonly type: "tool_result";
  readonly tool_use_id: string;
  readonly content?: string | readonly ContentBlock[];
  readonly is_error?: boolean;
}

export interface ImageBlock {
  readonly type: "image";
  readonly source: DataSource;
}

export interface DocumentBlock {
  readonly type: "document";
  readonly source:
    | DataSource
    | { readonly type: "text"; readonly data: string }
    | { readonly type: "content"; readonly content: string | readonly ContentBlock[] };
  readonly title?: string | null;
  readonly context?: string | null;
}

/** A `file` lies at Anthropic, where nobody else can read it. */
export type DataSource =
  | { readonly type: "base64"; readonly media_type: string; readonly data: string }
  | { readonly type: "url"; readonly url: string }
  | { readonly type: "file" };

export interface SearchResultBlock {
  readonly type: "search_result";
  readonly source: string;
  readonly title: string;
  readonly content: readonly ContentBlock[];
}

/** In a result of the client's tool search: this tool's definition is wanted from now on. */
export interface ToolReferenceBlock {
  readonly type: "tool_reference";
  readonly tool_name: string;
}

/** In a system message: what can be called has changed. */
export interface ToolChangeBlock {
  readonly type: "tool_addition" | "tool_removal";
  readonly tool: { readonly type: string; readonly name?: string };
}

/** What runs at Anthropic and what it gave, among them; there will be more. */
export interface OtherBlock {
  readonly type: "redacted_thinking" | "server_tool_use" | "web_search_tool_result" | "compaction";
}

export type ContentBlock =
  | TextBlock
  | ThinkingBlock
  | ToolUseBlock
  | ToolResultBlock
  | ImageBlock
  | DocumentBlock
  | SearchResultBlock
  | ToolReferenceBlock
  | ToolChangeBlock
  | OtherBlock;

/** The three input counts are disjoint: their sum is the prompt. */
export interface Usage {
  readonly input_tokens: number;
  readonly cache_read_input_tokens: number;
  readonly cache_creation_input_tokens: number;
  readonly output_tokens: number;
}

export type StopReason = "end_turn" | "max_tokens" | "stop_sequence" | "tool_use" | "refusal";

export type AnswerBlock = TextBlock | ThinkingBlock | ToolUseBlock;

export interface MessageResponse {
  readonly id: string;
  readonly type: "message";
  readonly role: "assistant";
  readonly model: string;
  readonly content: readonly AnswerBlock[];
  readonly stop_reason: StopReason | null;
  readonly stop_sequence: string | null;
  readonly usage: Usage;
}

export type BlockDelta =
  | { readonly type: "text_delta"; readonly text: string }
  | { readonly type: "thinking_delta"; readonly thinking: string }
  | { readonly type: "signature_delta"; readonly signature: string }
  | { readonly type: "input_json_delta"; readonly partial_json: string };

export type MessageEvent =
  | { readonly type: "message_start"; readonly message: MessageResponse }
  | {
    readonly type: "content_block_start";
    readonly index: number;
    readonly content_block: AnswerBlock;
  }
  | { readonly type: "content_block_delta"; readonly index: number; readonly delta: BlockDelta }
  | { readonly type: "content_block_stop"; readonly index: number }
  | {
    readonly type: "message_delta";
    readonly delta: {
      readonly stop_reason: StopReason;
      readonly stop_sequence: string | null;
    };
    readonly usage: Usage;
  }
  | { readonly type: "message_stop" }
  | { readonly type: "ping" };
