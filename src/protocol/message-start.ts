import type { MessageEvent, Usage } from "./anthropic.ts";

/** The header of a streamed answer; nothing has been generated yet. */
export function messageStart(id: string, model: string, usage?: Usage): MessageEvent {
  return {
    type: "message_start",
    message: {
      id,
      type: "message",
      role: "assistant",
      model,
      content: [],
      stop_reason: null,
      stop_sequence: null,
      usage: { ...(usage ?? unknownUsage), output_tokens: 0 },
    },
  };
}

/** Zeros make the client fall back on its own estimate. */
const unknownUsage: Usage = {
  input_tokens: 0,
  cache_read_input_tokens: 0,
  cache_creation_input_tokens: 0,
  output_tokens: 0,
};
