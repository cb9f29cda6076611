import { createHash } from "node:crypto";
import type { ContentBlock, Message, MessagesRequest } from "../protocol/anthropic.ts";
import type { CacheKey } from "./tier.ts";

/** Raised when the meaning of a key or of a stored answer changes. */
const cacheVersion = 1;

/**
 * The same question to the same model has the same key: on every runtime, in every process,
 * whatever the order of tools and properties. Expects a normalised request.
 */
export function toCacheKey(request: MessagesRequest, backendIdentity: string): CacheKey {
  const { stream: _stream, metadata: _metadata, ...question } = request;
  const canonical = canonicalJson({
    ...question,
    cacheVersion,
    backendIdentity,
    tools: (question.tools ?? []).toSorted((a, b) => compare(a.name, b.name)),
    messages: withPositionalIds(question.messages),
  });
  // The one place where the brand is minted.
  return createHash("sha256").update(canonical).digest("hex") as CacheKey;
}

/** Tool-use ids are fresh on every replay, so a call is named by its position instead. */
function withPositionalIds(messages: readonly Message[]): readonly Message[] {
  const positions = new Map<string, string>();
  const position = (id: string): string => {
    const known = positions.get(id) ?? `call ${positions.size}`;
    positions.set(id, known);
    return known;
  };
  const rename = (block: ContentBlock): ContentBlock => {
    if (block.type === "tool_use") return { ...block, id: position(block.id) };
    if (block.type !== "tool_result") return block;
    return { ...block, tool_use_id: position(block.tool_use_id) };
  };
  return messages.map(({ content, ...message }) => ({
    ...message,
    content: typeof content === "string" ? content : content.map(rename),
  }));
}

/** JSON with sorted keys; absent and undefined properties are the same. */
export function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map((item) => canonicalJson(item ?? null)).join()}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const properties = Object.entries(value)
    .filter(([, property]) => property !== undefined)
    .sort(([a], [b]) => compare(a, b))
    .map(([name, property]) => `${JSON.stringify(name)}:${canonicalJson(property)}`);
  return `{${properties.join()}}`;
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
