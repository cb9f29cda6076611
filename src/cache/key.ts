import { createHash } from "node:crypto";
import type { PromptIdentity } from "../backend/backend.ts";
import { memo } from "../core/memo.ts";
import type { ContentBlock, Message, MessagesRequest, Tool } from "../protocol/anthropic.ts";
import { parseMessagesRequest } from "../protocol/request-schema.ts";
import { normalise } from "../translate/request/normalise.ts";
import { byName } from "../translate/request/visible-tools.ts";
import type { CacheKey } from "./tier.ts";

/** Raised when the meaning of a key or of a stored answer changes. */
const cacheVersion = 3;

/**
 * Names what a model is told before the conversation, and the whole question: equal for equal
 * meaning, on every runtime, in every process, whatever the order of tools and properties. Expects
 * a normalised request, whose messages and tools are hashed once each: most turns repeat them.
 */
export function toPromptIdentity(request: MessagesRequest): PromptIdentity {
  const { stream: _stream, metadata: _metadata, system, tools, messages, ...parameters } = request;
  const sorted = (tools ?? []).toSorted(byName);
  const instructions = {
    system: sha256(canonicalJson(system ?? [])),
    tools: sha256(sorted.map(hashOfTool).join()),
  };
  const canonical = canonicalJson({
    ...parameters,
    ...instructions,
    messages: messages.map(hashOfMessage),
    calls: positionsOf(messages),
  });
  return { ...instructions, question: sha256(canonical) };
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
  return sha256(canonicalJson({ question, cacheVersion, backendIdentity })) as CacheKey;
}

const hashOfTool = memo((tool: Tool) => sha256(canonicalJson(tool)));

/** Without the ids of calls, which are fresh on every replay. */
const hashOfMessage = memo(({ content, ...message }: Message) =>
  sha256(canonicalJson({
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

/** JSON with sorted keys; absent and undefined properties are the same. */
function canonicalJson(value: unknown): string {
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map((item) => canonicalJson(item ?? null)).join()}]`;
  let json = "";
  for (const name of Object.keys(value).sort()) {
    const property = (value as Readonly<Record<string, unknown>>)[name];
    if (property === undefined) continue;
    json += `${json === "" ? "" : ","}${JSON.stringify(name)}:${canonicalJson(property)}`;
  }
  return `{${json}}`;
}

function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}
