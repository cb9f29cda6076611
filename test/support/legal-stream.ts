/**
 * A strict reading of Anthropic's stream grammar, written from its documentation and from what the
 * client does with each event. Shares no code with the translator: it parses the bytes itself and
 * knows nothing of our types. Stricter than Anthropic in one point: it sends empty pieces of JSON.
 */

type Json = Readonly<Record<string, unknown>>;
type Complain = (what: string, excuse?: Excuse) => void;

/** What the upstream itself may have got wrong: the client is told it as it was. */
export const allExcuses = [
  "broken arguments",
  "falling usage",
  "half characters",
  "replacement characters",
] as const;

export type Excuse = (typeof allExcuses)[number];

/** What is wrong with a streamed answer; empty when it is legal. */
export function illegalities(
  answer: string | Uint8Array,
  excuses: readonly Excuse[] = [],
): string[] {
  const wrong: string[] = [];
  const complain: Complain = (what, excuse) => {
    if (excuse === undefined || !excuses.includes(excuse)) wrong.push(what);
  };
  const text = typeof answer === "string" ? answer : decoded(answer, complain);
  if (text.includes("\ufffd")) complain("a replacement character", "replacement characters");
  const frames = text.split("\n\n");
  if (frames.pop() !== "") complain("the last event is not ended by a blank line");
  const grammar = new Grammar(complain);
  for (const frame of frames) {
    const event = parseFrame(frame, complain);
    if (event) grammar.next(event);
  }
  grammar.end();
  return wrong;
}

/** The kind of block in which a delta may come, and the field that holds its piece. */
const deltas: Readonly<Record<string, readonly [kind: string, field: string]>> = {
  text_delta: ["text", "text"],
  thinking_delta: ["thinking", "thinking"],
  signature_delta: ["thinking", "signature"],
  input_json_delta: ["tool_use", "partial_json"],
};
/** Those that end an answer wherever it stands, be it within a call. */
const cuts = ["max_tokens", "model_context_window_exceeded", "refusal"];
const stopReasons = ["end_turn", "stop_sequence", "tool_use", ...cuts];
const promptCounts = [
  "input_tokens",
  "cache_read_input_tokens",
  "cache_creation_input_tokens",
] as const;
const errorTypes = [
  "invalid_request_error",
  "authentication_error",
  "billing_error",
  "permission_error",
  "not_found_error",
  "request_too_large",
  "rate_limit_error",
  "api_error",
  "timeout_error",
  "overloaded_error",
];

interface Block {
  readonly kind: string;
  /** All pieces of its text, thinking or JSON. */
  told: string;
  isSigned: boolean;
}

class Grammar {
  readonly #complain: Complain;
  #phase: "before" | "content" | "delta" | "over" = "before";
  #open: Block | undefined;
  #blocks = 0;
  #calls = 0;
  #usage: Json = {};
  readonly #ids = new Set<unknown>();
  /** Indexes of calls whose input is no JSON object. */
  readonly #broken: number[] = [];

  constructor(complain: Complain) {
    this.#complain = complain;
  }

  next(event: Json): void {
    const { type } = event;
    if (this.#phase === "over") return this.#complain(`${String(type)} after the end`);
    if (this.#phase === "before" && type !== "message_start" && type !== "error") {
      return this.#complain(`${String(type)} before message_start`);
    }
    switch (type) {
      case "ping":
        return;
      case "error":
        return this.#error(objectOf(event["error"]));
      case "message_start":
        return this.#start(objectOf(event["message"]));
      case "content_block_start":
        return this.#openBlock(event);
      case "content_block_delta":
        return this.#delta(event);
      case "content_block_stop":
        return this.#closeBlock(event);
      case "message_delta":
        return this.#messageDelta(event);
      case "message_stop":
        if (this.#phase !== "delta") this.#complain("message_stop without message_delta");
        this.#phase = "over";
        return;
      default:
        this.#complain(`unknown event ${String(type)}`);
    }
  }

  end(): void {
    if (this.#phase !== "over") this.#complain("no end: neither message_stop nor error");
  }

  #start({ id, type, role, model, content, stop_reason, stop_sequence, usage }: Json): void {
    if (this.#phase !== "before") return this.#complain("a second message_start");
    this.#phase = "content";
    if (!/^msg_\w+$/.test(String(id))) this.#complain(`message id ${String(id)}`);
    if (type !== "message") this.#complain(`message of type ${String(type)}`);
    if (role !== "assistant") this.#complain(`role ${String(role)}`);
    if (typeof model !== "string" || model === "") this.#complain(`model ${String(model)}`);
    if (!Array.isArray(content) || content.length > 0) this.#complain("content at the start");
    if (stop_reason !== null) this.#complain("stop_reason at the start");
    if (stop_sequence !== null) this.#complain("stop_sequence at the start");
    this.#usage = this.#counts(usage);
  }

  #openBlock({ index, content_block }: Json): void {
    const { type, ...fields } = objectOf(content_block);
    const kind = String(type);
    if (this.#phase !== "content") this.#complain("a block outside the content");
    if (this.#open) this.#complain("a block inside a block");
    if (index !== this.#blocks) {
      this.#complain(`block ${String(index)}, expected ${this.#blocks}`);
    }
    this.#open = { kind, told: "", isSigned: false };
    if (kind === "tool_use") return this.#openCall(fields);
    if (kind !== "text" && kind !== "thinking") return this.#complain(`block of type ${kind}`);
    if (fields[kind] !== "") this.#complain(`${kind} does not begin empty`);
    if (kind === "thinking" && fields["signature"] !== "") this.#complain("an early signature");
  }

  #openCall({ id, name, input }: Json): void {
    this.#calls += 1;
    if (!/^toolu_\w+$/.test(String(id))) this.#complain(`call id ${String(id)}`);
    if (this.#ids.has(id)) this.#complain(`call id ${String(id)} a second time`);
    this.#ids.add(id);
    if (typeof name !== "string" || name === "") this.#complain("a call without a name");
    if (JSON.stringify(input) !== "{}") this.#complain("input in content_block_start");
  }

  #delta({ index, delta }: Json): void {
    const { type, ...fields } = objectOf(delta);
    const block = this.#open;
    const [kind = "", field = ""] = deltas[String(type)] ?? [];
    if (kind === "") return this.#complain(`delta of type ${String(type)}`);
    if (block?.kind !== kind) {
      return this.#complain(`${String(type)} in ${block?.kind ?? "no block"}`);
    }
    if (index !== this.#blocks) this.#complain(`delta for block ${String(index)}`);
    const piece = fields[field];
    if (typeof piece !== "string") return this.#complain(`${String(type)} without ${field}`);
    if (piece === "") this.#complain(`an empty ${String(type)}`);
    if (!piece.isWellFormed()) this.#complain("half a character in a delta", "half characters");
    if (block.isSigned) this.#complain(`${String(type)} after the signature`);
    if (field === "signature") block.isSigned = true;
    else block.told += piece;
  }

  #closeBlock({ index }: Json): void {
    const block = this.#open;
    if (!block) return this.#complain("content_block_stop without a block");
    if (index !== this.#blocks) this.#complain(`stop of block ${String(index)}`);
    if (block.kind === "tool_use") {
      if (block.told !== "" && !isJsonObject(block.told)) this.#broken.push(this.#blocks);
    } else if (block.told === "") this.#complain(`an empty block of ${block.kind}`);
    if (block.kind === "thinking" && !block.isSigned) this.#complain("thinking without signature");
    this.#open = undefined;
    this.#blocks += 1;
  }

  #messageDelta({ delta, usage }: Json): void {
    const { stop_reason, stop_sequence } = objectOf(delta);
    const reason = String(stop_reason);
    if (this.#phase !== "content") this.#complain("a second message_delta");
    if (this.#open) this.#complain("message_delta inside a block");
    this.#phase = "delta";
    if (!stopReasons.includes(reason)) this.#complain(`stop reason ${reason}`);
    if (reason === "tool_use" && this.#calls === 0) this.#complain("tool_use without a call");
    if ((reason === "end_turn" || reason === "stop_sequence") && this.#calls > 0) {
      this.#complain(`${reason} after a call`);
    }
    const sequence = typeof stop_sequence === "string" && stop_sequence !== "";
    if (reason === "stop_sequence" ? !sequence : stop_sequence !== null) {
      this.#complain(`${reason} with stop_sequence ${String(stop_sequence)}`);
    }
    this.#judgeBroken(cuts.includes(reason) ? this.#blocks - 1 : undefined);
    this.#judgeFalling(this.#counts(usage));
  }

  /** `cut`: the index of the block within which the answer may have been cut. */
  #judgeBroken(cut?: number): void {
    for (const index of this.#broken) {
      if (index !== cut) this.#complain(`input of block ${index} is broken`, "broken arguments");
    }
  }

  /**
   * Counts are cumulative. 0 is unknown. What was read from a cache may become known late: so it
   * is the prompt as a whole that never gets smaller, and not the rest of it.
   */
  #judgeFalling(last: Json): void {
    const promptOf = (counts: Json) =>
      promptCounts.reduce((sum, name) => sum + Number(counts[name]), 0);
    const pairs = [
      ["the prompt", promptOf(this.#usage), promptOf(last)],
      ...["cache_read_input_tokens", "output_tokens"].map((name) =>
        [name, Number(this.#usage[name]), Number(last[name])] as const
      ),
    ] as const;
    for (const [name, start, end] of pairs) {
      if (end > 0 && end < start) {
        this.#complain(`${name} falls from ${start} to ${end}`, "falling usage");
      }
    }
  }

  #counts(usage: unknown): Json {
    const counts = objectOf(usage);
    for (const name of [...promptCounts, "output_tokens"]) {
      const count = counts[name];
      if (!Number.isSafeInteger(count) || Number(count) < 0) {
        this.#complain(`${name} ${String(count)}`);
      }
    }
    return counts;
  }

  #error({ type, message }: Json): void {
    this.#phase = "over";
    if (!errorTypes.includes(String(type))) this.#complain(`error of type ${String(type)}`);
    if (typeof message !== "string" || message === "") this.#complain("error without a message");
    this.#judgeBroken();
  }
}

function decoded(bytes: Uint8Array, complain: Complain): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    complain("not UTF-8");
    return new TextDecoder().decode(bytes);
  }
}

/** Two lines, the name and the data, and nothing else: no comment, no CR, no BOM. */
function parseFrame(frame: string, complain: Complain): Json | undefined {
  const [, name, data] = /^event: (\w+)\ndata: ([^\r\n]*)$/.exec(frame) ?? [];
  const event = data === undefined ? undefined : parsed(data);
  if (typeof event !== "object" || event === null) {
    complain(`not an event: ${JSON.stringify(frame.slice(0, 80))}`);
    return undefined;
  }
  const { type } = event as Json;
  if (type !== name) complain(`event ${name} holds ${String(type)}`);
  return event as Json;
}

function isJsonObject(json: string): boolean {
  const value = parsed(json);
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function parsed(json: string): unknown {
  try {
    return JSON.parse(json) as unknown;
  } catch {
    return undefined; // said where it matters
  }
}

function objectOf(value: unknown): Json {
  return typeof value === "object" && value !== null ? value as Json : {};
}
