import type { AnswerBlock, BlockDelta, MessageEvent, MessageResponse } from "./anthropic.ts";

/** A whole message from its events, one by one. */
export class MessageFold {
  readonly #content: AnswerBlock[] = [];
  readonly #json: string[] = [];
  #message: MessageResponse | undefined;

  add(event: MessageEvent): void {
    switch (event.type) {
      case "message_start":
        this.#message = event.message;
        break;
      case "content_block_start":
        this.#content[event.index] = event.content_block;
        this.#json[event.index] = "";
        break;
      case "content_block_delta": {
        if (event.delta.type === "input_json_delta") {
          this.#json[event.index] += event.delta.partial_json;
          break;
        }
        const block = this.#content[event.index];
        if (block) this.#content[event.index] = withDelta(block, event.delta);
        break;
      }
      case "message_delta":
        if (this.#message) this.#message = { ...this.#message, ...event.delta, usage: event.usage };
    }
  }

  /** True when every tool input is JSON. */
  get isSound(): boolean {
    return this.#json.every((json) => json === "" || parsed(json) !== undefined);
  }

  /** The message so far; undefined before its start. */
  get message(): MessageResponse | undefined {
    const content = this.#content.map((block, index) => withInput(block, this.#json[index]));
    return this.#message && { ...this.#message, content };
  }
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
  const input = parsed(json) ?? { __unparsedToolInput: { raw: json, len: json.length } };
  return { ...block, input };
}

function parsed(json: string): unknown {
  try {
    return JSON.parse(json) as unknown;
  } catch {
    return undefined; // a model may write anything
  }
}
