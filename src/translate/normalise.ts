import type {
  ContentBlock,
  Message,
  MessagesRequest,
  TextBlock,
  Tool,
} from "../protocol/anthropic.ts";

/** `content` is always a list of blocks, and `system` a list of texts. */
export type NormalRequest = Omit<MessagesRequest, "messages" | "system" | "tools"> & {
  readonly system: readonly TextBlock[];
  readonly messages: readonly NormalMessage[];
  readonly tools: readonly Tool[];
};

export interface NormalMessage {
  readonly role: "user" | "assistant";
  readonly content: readonly ContentBlock[];
}

interface BlockMessage {
  readonly role: Message["role"];
  readonly content: readonly ContentBlock[];
}

/** Differs with the first user message and means nothing to a model. */
const billingPrefix = "x-anthropic-billing-header:";
const placeholderTool = "DeferredToolPlaceholder";

/**
 * One form for requests that ask the same, so that prefixes stay equal from turn to turn. An
 * allow-list: what is not named here does not reach a foreign backend. Text is never changed.
 */
export function normalise(request: MessagesRequest): NormalRequest {
  const { model, max_tokens, stream, temperature, top_p, top_k, stop_sequences } = request;
  const messages = request.messages.map(toBlocks);
  const firstAnswer = messages.findIndex(({ role }) => role === "assistant");
  const isHoisted = ({ role }: BlockMessage, index: number) =>
    role === "system" && (firstAnswer === -1 || index < firstAnswer);
  return {
    model,
    max_tokens,
    system: [...textsOf(request.system), ...messages.filter(isHoisted).flatMap(textsIn)],
    messages: inCallOrder(
      messages.filter((message, index) => !isHoisted(message, index)).map(inPlace),
    ),
    tools: visibleTools(request.tools ?? [], messages),
    ...(request.tool_choice ? { tool_choice: request.tool_choice } : {}),
    ...(stream === undefined ? {} : { stream }),
    ...(temperature === undefined ? {} : { temperature }),
    ...(top_p === undefined ? {} : { top_p }),
    ...(top_k === undefined ? {} : { top_k }),
    ...(stop_sequences?.length ? { stop_sequences } : {}),
    ...(request.thinking ? { thinking: withoutDisplay(request.thinking) } : {}),
    ...(request.output_config ? { output_config: request.output_config } : {}),
  };
}

function toBlocks({ role, content }: Message): BlockMessage {
  return { role, content: blocksOf(content).map(withoutHints) };
}

function blocksOf(content: string | readonly ContentBlock[]): readonly ContentBlock[] {
  if (typeof content !== "string") return content;
  return content === "" ? [] : [{ type: "text", text: content }];
}

/** `cache_control` moves from message to message and says nothing to the model. */
function withoutHints(block: ContentBlock): ContentBlock {
  const { cache_control: _hint, ...kept } = block as ContentBlock & { cache_control?: unknown };
  if (kept.type !== "tool_result") return kept;
  return { ...kept, content: blocksOf(kept.content ?? "").map(withoutHints) };
}

function textsOf(system: MessagesRequest["system"]): readonly TextBlock[] {
  return textsIn({ content: blocksOf(system ?? "") })
    .filter(({ text }) => !text.startsWith(billingPrefix));
}

function textsIn({ content }: Pick<BlockMessage, "content">): readonly TextBlock[] {
  return content.flatMap((block) =>
    block.type === "text" ? { type: "text" as const, text: block.text } : []
  );
}

/** Hoisting a late instruction would change the prompt from its first token on. */
function inPlace({ role, content }: BlockMessage): NormalMessage {
  if (role !== "system") return { role, content };
  const reminder = content.map((block) =>
    block.type === "text"
      ? { ...block, text: `<system-reminder>\n${block.text}\n</system-reminder>` }
      : block
  );
  return { role: "user", content: reminder };
}

/** The client sends parallel results as they finish; the order of the calls is always the same. */
function inCallOrder(messages: readonly NormalMessage[]): readonly NormalMessage[] {
  const position = new Map<string, number>();
  for (const { content } of messages) {
    for (const block of content) {
      if (block.type === "tool_use") position.set(block.id, position.size);
    }
  }
  // Results first: what the user said meanwhile belongs behind them.
  const rank = (block: ContentBlock) =>
    block.type === "tool_result"
      ? position.get(block.tool_use_id) ?? position.size
      : position.size + 1;
  return messages.map(({ role, content }) => ({
    role,
    content: content.toSorted((a, b) => rank(a) - rank(b)),
  }));
}

/**
 * Sorted by code point, so that the client's order does not matter. A deferred tool appears once
 * a result refers to it, after all others, so that the prompt up to there never changes.
 */
function visibleTools(tools: readonly Tool[], messages: readonly BlockMessage[]): readonly Tool[] {
  const plain = tools
    .filter(({ name }) => name !== placeholderTool)
    .map((tool) => {
      const { cache_control: _hint, ...kept } = tool as Tool & { cache_control?: unknown };
      return kept;
    });
  const always = plain
    .filter(({ defer_loading }) => !defer_loading)
    .toSorted((a, b) => a.name < b.name ? -1 : a.name > b.name ? 1 : 0);
  const deferred = new Map(plain.map((tool) => [tool.name, tool]));
  for (const { name } of always) deferred.delete(name);
  const referenced = new Set(messages.flatMap(({ content }) => references(content)));
  return [...always, ...[...referenced].flatMap((name) => deferred.get(name) ?? [])];
}

function references(content: readonly ContentBlock[]): readonly string[] {
  return content.flatMap((block) => {
    if (block.type === "tool_result") return references(blocksOf(block.content ?? ""));
    return block.type === "tool_reference" ? [block.tool_name] : [];
  });
}

function withoutDisplay({ type, budget_tokens }: NonNullable<MessagesRequest["thinking"]>) {
  return { type, ...(budget_tokens === undefined ? {} : { budget_tokens }) };
}
