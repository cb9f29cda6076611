/**
 * A strict reading of Anthropic's stream grammar, written from its documentation. Shares no code
 * with the translator: it parses the bytes itself and knows nothing of our types.
 */

type Json = Record<string, unknown>;

/** What is wrong with a streamed answer; empty when it is legal. */
export function illegalities(sse: string): string[] {
  const wrong: string[] = [];
  const frames = sse.split("\n\n");
  if (frames.pop() !== "") wrong.push("the last event is not ended by a blank line");
  const state = new Grammar(wrong);
  for (const frame of frames) {
    const event = parseFrame(frame, wrong);
    if (event) state.next(event);
  }
  state.end();
  return wrong;
}

class Grammar {
  readonly #wrong: string[];
  #phase: "before" | "content" | "delta" | "over" = "before";
  #blocks = 0;
  #open: string | undefined;
  #json = "";
  #signed = false;
  #calls = 0;
  readonly #ids = new Set<unknown>();

  constructor(wrong: string[]) {
    this.#wrong = wrong;
  }

  next(event: Json): void {
    if (this.#phase === "over") return this.#fail(`${String(event["type"])} after the end`);
    switch (event["type"]) {
      case "ping":
        return;
      case "error":
        this.#phase = "over";
        return this.#error(event);
      case "message_start":
        return this.#start(event["message"] as Json);
      case "content_block_start":
        return this.#openBlock(event);
      case "content_block_delta":
        return this.#delta(event);
      case "content_block_stop":
        return this.#closeBlock(event);
      case "message_delta":
        return this.#messageDelta(event);
      case "message_stop":
        if (this.#phase !== "delta") this.#fail("message_stop without message_delta");
        this.#phase = "over";
        return;
      default:
        this.#fail(`unknown event ${String(event["type"])}`);
    }
  }

  end(): void {
    if (this.#phase !== "over") this.#fail("no end: neither message_stop nor error");
  }

  #start(message: Json): void {
    if (this.#phase !== "before") this.#fail("a second message_start");
    this.#phase = "content";
    if (!/^msg_/.test(String(message["id"]))) this.#fail("message id");
    if (message["type"] !== "message" || message["role"] !== "assistant") this.#fail("message");
    if (typeof message["model"] !== "string") this.#fail("model");
    if (!Array.isArray(message["content"]) || message["content"].length > 0) this.#fail("content");
    if (message["stop_reason"] !== null) this.#fail("stop_reason at the start");
    this.#usage(message["usage"]);
  }

  #openBlock({ index, content_block }: Json): void {
    const block = content_block as Json;
    if (this.#phase !== "content") this.#fail("a block outside the content");
    if (this.#open !== undefined) this.#fail("a block inside a block");
    if (index !== this.#blocks) this.#fail(`block ${String(index)}, expected ${this.#blocks}`);
    this.#open = String(block["type"]);
    this.#json = "";
    this.#signed = false;
    const empty = { text: block["text"], thinking: block["thinking"] }[this.#open];
    if (this.#open === "tool_use") return this.#openCall(block);
    if (empty !== "") this.#fail(`${this.#open} does not begin empty`);
  }

  #openCall({ id, name, input }: Json): void {
    this.#calls += 1;
    if (typeof id !== "string" || id === "" || this.#ids.has(id)) this.#fail(`call id ${id}`);
    this.#ids.add(id);
    if (typeof name !== "string" || name === "") this.#fail("call without a name");
    if (JSON.stringify(input) !== "{}") this.#fail("input in content_block_start");
  }

  #delta({ index, delta }: Json): void {
    const { type, ...fields } = delta as Json;
    const [kind, field] = {
      text_delta: ["text", "text"],
      thinking_delta: ["thinking", "thinking"],
      signature_delta: ["thinking", "signature"],
      input_json_delta: ["tool_use", "partial_json"],
    }[String(type)] ?? [];
    if (kind === undefined || field === undefined) return this.#fail(`delta ${String(type)}`);
    if (this.#open !== kind) this.#fail(`${String(type)} in ${this.#open ?? "no block"}`);
    if (index !== this.#blocks) this.#fail(`delta for block ${String(index)}`);
    if (typeof fields[field] !== "string") this.#fail(`${String(type)} without ${field}`);
    if (type === "thinking_delta" && this.#signed) this.#fail("thinking after its signature");
    if (type === "signature_delta") this.#signed = true;
    if (type === "input_json_delta") this.#json += String(fields[field]);
  }

  #closeBlock({ index }: Json): void {
    if (this.#open === undefined) this.#fail("content_block_stop without a block");
    if (index !== this.#blocks) this.#fail(`stop of block ${String(index)}`);
    if (this.#open === "thinking" && !this.#signed) this.#fail("thinking without a signature");
    this.#open = undefined;
    this.#blocks += 1;
  }

  #messageDelta({ delta, usage }: Json): void {
    const { stop_reason, stop_sequence } = delta as Json;
    if (this.#phase !== "content") this.#fail("message_delta outside a message");
    if (this.#open !== undefined) this.#fail("message_delta inside a block");
    this.#phase = "delta";
    const reasons = ["end_turn", "max_tokens", "stop_sequence", "tool_use", "refusal"];
    if (!reasons.includes(String(stop_reason))) this.#fail(`stop reason ${String(stop_reason)}`);
    if (stop_reason === "tool_use" && this.#calls === 0) this.#fail("tool_use without a call");
    if (stop_reason === "end_turn" && this.#calls > 0) this.#fail("end_turn after a call");
    if ((stop_reason === "stop_sequence") !== (typeof stop_sequence === "string")) {
      this.#fail("stop_sequence");
    }
    this.#usage(usage);
  }

  #usage(usage: unknown): void {
    const counts = usage as Json | undefined;
    for (
      const name of [
        "input_tokens",
        "output_tokens",
        "cache_read_input_tokens",
        "cache_creation_input_tokens",
      ]
    ) {
      const count = counts?.[name];
      if (!Number.isInteger(count) || Number(count) < 0) this.#fail(`${name} ${String(count)}`);
    }
  }

  #error({ error }: Json): void {
    const { type, message } = (error ?? {}) as Json;
    if (!/^\w+_error$/.test(String(type)) && type !== "request_too_large") this.#fail("error type");
    if (typeof message !== "string" || message === "") this.#fail("error without a message");
  }

  #fail(what: string): void {
    this.#wrong.push(what);
  }
}

function parseFrame(frame: string, wrong: string[]): Json | undefined {
  const [, name, data] = /^event: (\w+)\ndata: (.*)$/.exec(frame) ?? [];
  if (name === undefined || data === undefined) {
    wrong.push(`not an event: ${frame.slice(0, 80)}`);
    return undefined;
  }
  const event = JSON.parse(data) as Json;
  if (event["type"] !== name) wrong.push(`event ${name} holds ${String(event["type"])}`);
  return event;
}
