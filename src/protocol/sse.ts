import { createParser, type EventSourceMessage } from "eventsource-parser";

/** A server that sends this much without ending an event is broken. */
const maxBufferedCharacters = 16 * 1024 * 1024;

/**
 * Server-sent events, whatever the network made of the bytes. The last one need not be ended by a
 * blank line: some servers leave it out, and one that died says so by what it holds.
 */
export async function* parseSse(
  bytes: AsyncIterable<Uint8Array>,
): AsyncGenerator<EventSourceMessage> {
  // Deno would drop a byte order mark at the start of a later chunk too; the parser does it right.
  const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  const ready: EventSourceMessage[] = [];
  const parser = createParser({
    maxBufferSize: maxBufferedCharacters,
    onEvent: (event) => ready.push(event),
    onError(error) {
      if (error.type === "max-buffer-size-exceeded") throw error;
    },
  });

  for await (const chunk of bytes) {
    parser.feed(decoder.decode(chunk, { stream: true }));
    // Not `yield*`: in an async generator that costs more than reading the event.
    for (const event of ready) yield event;
    ready.length = 0;
  }
  parser.feed(`${decoder.decode()}\n\n`);
  for (const event of ready) yield event;
}

/** Claude Code skips events without an `event:` line. */
export function encodeSse(event: { readonly type: string }): string {
  return `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`;
}
