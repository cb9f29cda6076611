/** What a client understands of a stream. */
export interface Understood {
  readonly blocks: readonly Block[];
  readonly stopReason: string | undefined;
  readonly stopSequence: unknown;
  readonly usage: unknown;
  readonly error: unknown;
}

/** As it was opened, with all that its deltas said: the input of a call is in `partial_json`. */
interface Block {
  readonly type: "text" | "thinking" | "tool_use";
  readonly text?: string;
  readonly thinking?: string;
  readonly name: string;
  readonly partial_json?: string;
}

/** Put together by the rules of the documentation, without any of the proxy's code. */
export function understood(sse: string): Understood {
  const blocks: Record<string, unknown>[] = [];
  let stopReason: string | undefined;
  let [stopSequence, usage, error]: unknown[] = [];
  for (const [, json = ""] of sse.matchAll(/^data: ([^\n]*)$/gm)) {
    const event = JSON.parse(json);
    const { type, index, content_block, delta } = event;
    if (type === "content_block_start") blocks[index] = { ...content_block };
    else if (type === "content_block_delta") extend(blocks[index] ?? {}, delta);
    else if (type === "message_delta") {
      ({ stop_reason: stopReason, stop_sequence: stopSequence } = delta);
      usage = event.usage;
    } else if (type === "error") error = event.error;
  }
  return { blocks: blocks as unknown as Block[], stopReason, stopSequence, usage, error };
}

/** Texts, thinking and calls alone, with their inputs; one that is broken is its text. */
export function told(sse: string) {
  const { blocks, stopReason } = understood(sse);
  return { blocks: blocks.map(toPlain), stopReason };
}

function extend(block: Record<string, unknown>, delta: Record<string, string>): void {
  for (const [field, value] of Object.entries(delta)) {
    if (field !== "type") block[field] = `${block[field] ?? ""}${value}`;
  }
}

function toPlain({ type, text, thinking, name, partial_json = "{}" }: Block): unknown {
  if (type === "text") return { text };
  if (type === "thinking") return { thinking };
  try {
    return { name, input: JSON.parse(partial_json) };
  } catch {
    return { name, input: partial_json };
  }
}

/** The types of its events, one after the other. */
export function typesIn(sse: string): string[] {
  return [...sse.matchAll(/^event: (\w+)$/gm)].map(([, type = ""]) => type);
}
