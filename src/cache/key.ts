import { hash } from "node:crypto";
import type { PromptIdentity } from "../backend/backend.ts";
import { memo } from "../core/memo.ts";
import type { ContentBlock, Message, MessagesRequest, Tool } from "../protocol/anthropic.ts";
import { parseMessagesRequest } from "../protocol/request-schema.ts";
import { normalise } from "../translate/request/normalise.ts";
import { byName } from "../translate/request/visible-tools.ts";
import type { CacheKey } from "./tier.ts";

/** Raised when the meaning of a key or of a stored answer changes. */
const cacheVersion = 4;

/**
 * Names what a model is told before the conversation, and the whole question: equal for equal
 * meaning, on every runtime, in every process, whatever the order of tools and properties. Expects
 * a normalised request, whose messages and tools are hashed once each: most turns repeat them.
 */
export function toPromptIdentity(request: MessagesRequest): PromptIdentity {
  const { stream: _stream, metadata: _metadata, system, tools, messages, ...parameters } = request;
  const sorted = (tools ?? []).toSorted(byName);
  const instructions = {
    system: sha256(canonical(system ?? [])),
    tools: sha256(sorted.map(hashOfTool).join()),
  };
  const question = canonical({
    ...parameters,
    ...instructions,
    messages: messages.map(hashOfMessage),
    calls: positionsOf(messages),
  });
  return { ...instructions, question: sha256(question) };
}

/** Of a request's bytes. Undefined when they hold no request: whoever answers it will say so. */
export function identifyBody(body: Uint8Array): PromptIdentity | undefined {
  try {
    return toPromptIdentity(normalise(parseMessagesRequest(new TextDecoder().decode(body))));
  } catch {
    return undefined;
  }
}

/** The same question to the same model has the same key. */
export function toCacheKey({ question }: PromptIdentity, backendIdentity: string): CacheKey {
  // The one place where the brand is minted.
  return sha256(canonical({ question, cacheVersion, backendIdentity })) as CacheKey;
}

const hashOfTool = memo((tool: Tool) => sha256(canonical(tool)));

/** Without the ids of calls, which are fresh on every replay. */
const hashOfMessage = memo(({ content, ...message }: Message) =>
  sha256(canonical({
    ...message,
    content: typeof content === "string" ? content : content.map(withoutId),
  }))
);

function withoutId(block: ContentBlock): object {
  if (block.type === "tool_use") return { ...block, id: undefined };
  return block.type === "tool_result" ? { ...block, tool_use_id: undefined } : block;
}

const callsIn = memo(({ content }: Message): readonly string[] =>
  typeof content === "string" ? [] : content.flatMap((block) => {
    if (block.type === "tool_use") return block.id;
    return block.type === "tool_result" ? block.tool_use_id : [];
  })
);

/** Which call each call and result means, named by its position in the conversation. */
function positionsOf(messages: readonly Message[]): readonly number[] {
  const positions = new Map<string, number>();
  return messages.flatMap(callsIn).map((id) => {
    const position = positions.get(id) ?? positions.size;
    positions.set(id, position);
    return position;
  });
}

/**
 * One text for one meaning, and another for every other: properties are sorted, an undefined one is
 * as good as none. A text stands with its length before it, which costs less than to escape it.
 */
function canonical(value: unknown): string {
  if (typeof value === "string") return `"${value.length}:${value}`;
  if (typeof value !== "object" || value === null) return `${value};`;
  if (Array.isArray(value)) return `[${value.map(canonical).join("")}]`;
  let text = "{";
  for (const name of Object.keys(value).sort()) {
    const property = (value as Readonly<Record<string, unknown>>)[name];
    if (property !== undefined) text += canonical(name) + canonical(property);
  }
  return `${text}}`;
}

function sha256(text: string): string {
  return hash("sha256", text);
}
