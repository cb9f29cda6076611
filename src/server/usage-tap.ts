import { PassThrough, type Readable } from "node:stream";
import { decoded } from "../core/decoded.ts";
import { parseSse } from "../protocol/sse.ts";

/** What Anthropic said about its own work; undefined is unknown. Token counts are disjoint. */
export interface Tapped {
  model?: string;
  input?: number;
  cacheRead?: number;
  cacheCreation?: number;
  cacheCreation5m?: number;
  cacheCreation1h?: number;
  output?: number;
  /** When the first content came. */
  firstTokenAt?: number;
  /** True when the answer came to its end. */
  isComplete?: boolean;
}

/**
 * Reads usage from a copy of an answer. It never fails: what cannot be read stays unknown, and the
 * user's bytes have passed already.
 */
export class UsageTap {
  readonly #tapped: Tapped = {};
  readonly #copy = new PassThrough();
  readonly #now: () => number;
  readonly #read: Promise<void>;

  constructor(headers: Headers, now: () => number) {
    this.#now = now;
    const isStream = headers.get("content-type")?.includes("event-stream") ?? false;
    const plain = decoded(this.#copy, headers.get("content-encoding"));
    this.#read = (isStream ? this.#readEvents(plain) : this.#readMessage(plain)).catch(() => {});
  }

  feed(chunk: Uint8Array): void {
    this.#copy.write(chunk);
  }

  /** What was found, once no more comes. */
  async end(): Promise<Tapped> {
    this.#copy.end();
    await this.#read;
    return this.#tapped;
  }

  async #readEvents(plain: Readable): Promise<void> {
    for await (const { event, data } of parseSse(plain)) {
      if (event === "content_block_start") this.#tapped.firstTokenAt ??= this.#now();
      else if (event === "message_stop") this.#tapped.isComplete = true;
      else if (event === "message_start") {
        this.#take((JSON.parse(data) as { message: AnthropicMessage }).message);
      } else if (event === "message_delta") this.#take(JSON.parse(data) as AnthropicMessage);
    }
  }

  async #readMessage(plain: Readable): Promise<void> {
    const chunks: Uint8Array[] = [];
    for await (const chunk of plain) chunks.push(chunk as Uint8Array);
    const message = JSON.parse(Buffer.concat(chunks).toString("utf8")) as AnthropicMessage;
    if (message.type !== "message") return;
    this.#take(message);
    this.#tapped.isComplete = true;
  }

  /** Later figures replace earlier ones: those of the last delta are the final ones. */
  #take({ model, usage }: AnthropicMessage): void {
    const counts: Record<keyof Omit<Tapped, "model" | "isComplete" | "firstTokenAt">, unknown> = {
      input: usage?.input_tokens,
      cacheRead: usage?.cache_read_input_tokens,
      cacheCreation: usage?.cache_creation_input_tokens,
      cacheCreation5m: usage?.cache_creation?.ephemeral_5m_input_tokens,
      cacheCreation1h: usage?.cache_creation?.ephemeral_1h_input_tokens,
      output: usage?.output_tokens,
    };
    if (typeof model === "string") this.#tapped.model = model;
    for (const [name, count] of Object.entries(counts)) {
      if (typeof count === "number") this.#tapped[name as keyof typeof counts] = count;
    }
  }
}

interface AnthropicMessage {
  readonly type?: unknown;
  readonly model?: unknown;
  readonly usage?: {
    readonly input_tokens?: unknown;
    readonly cache_read_input_tokens?: unknown;
    readonly cache_creation_input_tokens?: unknown;
    readonly cache_creation?: {
      readonly ephemeral_5m_input_tokens?: unknown;
      readonly ephemeral_1h_input_tokens?: unknown;
    } | null;
    readonly output_tokens?: unknown;
  } | null;
}
