import { createHash } from "node:crypto";
import type { MessageEvent, Tool } from "../protocol/anthropic.ts";

/** What OpenAI takes as the name of a function. */
const taken = /^[a-zA-Z0-9_-]{1,64}$/;
const hashLength = 8;

/** The name itself where it can be taken; else one like it that no other name becomes. */
export function toChatName(name: string): string {
  if (taken.test(name)) return name;
  const hash = createHash("sha256").update(name).digest("hex").slice(0, hashLength);
  const similar = name.replaceAll(/[^a-zA-Z0-9_-]/g, "_").slice(0, 64 - 1 - hashLength);
  return `${similar}_${hash}`;
}

/** Calls under the names by which the client knows its tools. */
export function withClientNames(
  events: AsyncIterable<MessageEvent>,
  tools: readonly Tool[],
): AsyncIterable<MessageEvent> {
  const names = new Map(
    tools.flatMap(({ name }) => taken.test(name) ? [] : [[toChatName(name), name]]),
  );
  return names.size === 0 ? events : renamed(events, names);
}

async function* renamed(
  events: AsyncIterable<MessageEvent>,
  names: ReadonlyMap<string, string>,
): AsyncGenerator<MessageEvent> {
  for await (const event of events) {
    if (event.type !== "content_block_start" || event.content_block.type !== "tool_use") {
      yield event;
      continue;
    }
    const { name } = event.content_block;
    yield { ...event, content_block: { ...event.content_block, name: names.get(name) ?? name } };
  }
}
