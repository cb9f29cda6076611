import { ProxyError } from "../core/errors.ts";
import type {
  AnswerBlock,
  BlockDelta,
  MessageEvent,
  MessageResponse,
} from "../protocol/anthropic.ts";

/** A whole message from its events. */
export async function foldMessage(events: AsyncIterable<MessageEvent>): Promise<MessageResponse> {
  let message: MessageResponse | undefined;
  const content: AnswerBlock[] = [];
  const json: string[] = [];
  for await (const event of events) {
    switch (event.type) {
      case "message_start":
        message = event.message;
        break;
      case "content_block_start":
        content[event.index] = event.content_block;
        json[event.index] = "";
        break;
      case "content_block_delta": {
        if (event.delta.type === "input_json_delta") {
          json[event.index] += event.delta.partial_json;
          break;
        }
        const block = content[event.index];
        if (block) content[event.index] = withDelta(block, event.delta);
        break;
      }
      case "message_delta":
        if (message) message = { ...message, ...event.delta, usage: event.usage };
    }
  }
  if (!message) throw new ProxyError("api_error", "The backend gave no answer");
  return { ...message, content: content.map((block, index) => withInput(block, json[index])) };
}

function withDelta(
  block: AnswerBlock,
  delta: Exclude<BlockDelta, { type: "input_json_delta" }>,
): AnswerBlock {
  if (block.type === "text" && delta.type === "text_delta") {
    return { ...block, text: block.text + delta.text };
  }
  if (block.type !== "thinking") return block;
  if (delta.type === "thinking_delta") {
    return { ...block, thinking: block.thinking + delta.thinking };
  }
  return delta.type === "signature_delta" ? { ...block, signature: delta.signature } : block;
}

/** What is no JSON reaches the client as the streaming one would show it to the model. */
function withInput(block: AnswerBlock, json: string | undefined): AnswerBlock {
  if (block.type !== "tool_use" || !json) return block;
  try {
    return { ...block, input: JSON.parse(json) as unknown };
  } catch {
    return { ...block, input: { __unparsedToolInput: { raw: json, len: json.length } } };
  }
}
