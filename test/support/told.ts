export interface ToldMessage {
  /** Texts, thinking and calls as the client would put them together; a broken input is its text. */
  readonly blocks: readonly unknown[];
  readonly stopReason: string | undefined;
  readonly usage: Readonly<Record<string, number>> | undefined;
  /** Type of the error that ended it. */
  readonly error: string | undefined;
}

/** What a client understands of a stream, put together by the rules of the documentation. */
export function told(sse: string): ToldMessage {
  const blocks: Record<string, unknown>[] = [];
  let message: Partial<ToldMessage> = {};
  for (const [, json = ""] of sse.matchAll(/^data: (.*)$/gm)) {
    const { type, index, content_block, delta, usage, error } = JSON.parse(json);
    if (type === "content_block_start") blocks[index] = { ...content_block };
    if (type === "content_block_delta") extend(blocks[index] ?? {}, delta);
    if (type === "message_delta") message = { stopReason: delta.stop_reason, usage };
    if (type === "error") message = { error: error.type };
  }
  return {
    blocks: blocks.map(toPlain),
    stopReason: message.stopReason,
    usage: message.usage,
    error: message.error,
  };
}

function extend(block: Record<string, unknown>, delta: Record<string, string>): void {
  for (const [field, value] of Object.entries(delta)) {
    if (field !== "type") block[field] = `${block[field] ?? ""}${value}`;
  }
}

function toPlain({ type, text, thinking, name, partial_json }: Record<string, unknown>): unknown {
  if (type === "text") return { text };
  if (type === "thinking") return { thinking };
  try {
    return { name, input: JSON.parse(String(partial_json ?? "{}")) };
  } catch {
    return { name, input: partial_json };
  }
}

/** The types of its events, one after the other. */
export function typesIn(sse: string): string[] {
  return [...sse.matchAll(/^event: (\w+)$/gm)].map(([, type = ""]) => type);
}
