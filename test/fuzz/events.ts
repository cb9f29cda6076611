/** Anthropic's events, to write legal and illegal streams with. */
export type Event = Readonly<Record<string, unknown>>;

export const usage = {
  input_tokens: 9,
  cache_read_input_tokens: 0,
  cache_creation_input_tokens: 0,
  output_tokens: 0,
};

export function start(changed: object = {}): Event {
  const message = {
    ...{ id: "msg_1", type: "message", role: "assistant", model: "m", content: [] },
    ...{ stop_reason: null, stop_sequence: null, usage },
  };
  return { type: "message_start", message: { ...message, ...changed } };
}

export function open(index: number, content_block: object): Event {
  return { type: "content_block_start", index, content_block };
}

export function delta(index: number, type: string, piece: object): Event {
  return { type: "content_block_delta", index, delta: { type, ...piece } };
}

export function close(index: number): Event {
  return { type: "content_block_stop", index };
}

export function end(
  stop_reason: unknown = "end_turn",
  stop_sequence: unknown = null,
  counts: object = {},
): Event {
  return {
    type: "message_delta",
    delta: { stop_reason, stop_sequence },
    usage: { ...usage, output_tokens: 3, ...counts },
  };
}

export const stop: Event = { type: "message_stop" };
export const ping: Event = { type: "ping" };

export function failure(error: unknown): Event {
  return { type: "error", error };
}

/** A whole call; `changed` are fields of its block. */
export function call(index: number, json = `{"path":"a"}`, changed: object = {}): Event[] {
  const id = `toolu_${index}`;
  return [
    open(index, { type: "tool_use", id, name: "Read", input: {}, ...changed }),
    ...(json === "" ? [] : [delta(index, "input_json_delta", { partial_json: json })]),
    close(index),
  ];
}

export function encoded(events: readonly Event[]): string {
  return events
    .map((event) => `event: ${event["type"]}\ndata: ${JSON.stringify(event)}\n\n`)
    .join("");
}
