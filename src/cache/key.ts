import { createHash } from "node:crypto";
import type { PromptIdentity } from "../backend/backend.ts";
import type { ContentBlock, Message, MessagesRequest } from "../protocol/anthropic.ts";
import { parseMessagesRequest } from "../protocol/request-schema.ts";
import { normalise } from "../translate/normalise.ts";
import type { CacheKey } from "./tier.ts";

/** Raised when the meaning of a key or of a stored answer changes. */
const cacheVersion = 2;

/**
 * Names what a model is told before the conversation, and the whole question: equal for equal
 * meaning, on every runtime, in every process, whatever the order of tools and properties. Expects
 * a normalised request.
 */
export function toPromptIdentity(request: MessagesRequest): PromptIdentity {
  const { stream: _stream, metadata: _metadata, system, tools, ...question } = request;
  const instructions = {
    system: sha256(canonicalJson(system ?? [])),
    tools: sha256(canonicalJson((tools ?? []).toSorted((a, b) => compare(a.name, b.name)))),
  };
  const messages = withPositionalIds(question.messages);
  const canonical = canonicalJson({ ...question, ...instructions, messages });
  return { ...instructions, question: sha256(canonical) };
}

/** Of a request's bytes. Undefined when they hold no request: whoever answers it will say so. */
export function identifyBody(body: Uint8Array): PromptIdentity | undefined {
  try {
    const request: unknown = JSON.parse(new TextDecoder().decode(body));
    return toPromptIdentity(normalise(parseMessagesRequest(request)));
  } catch {
    return undefined;
  }
}

/** The same question to the same model has the same key. */
export function toCacheKey({ question }: PromptIdentity, backendIdentity: string): CacheKey {
  // The one place where the brand is minted.
  return sha256(canonicalJson({ question, cacheVersion, backendIdentity })) as CacheKey;
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
function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map((item) => canonicalJson(item ?? null)).join()}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const properties = Object.entries(value)
    .filter(([, property]) => property !== undefined)
    .sort(([a], [b]) => compare(a, b))
    .map(([name, property]) => `${JSON.stringify(name)}:${canonicalJson(property)}`);
  return `{${properties.join()}}`;
}

function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
