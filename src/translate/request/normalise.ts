import { memo, memoStep } from "../../core/memo.ts";
import type {
  ContentBlock,
  Message,
  MessagesRequest,
  TextBlock,
  Tool,
} from "../../protocol/anthropic.ts";
import { textOf } from "../../protocol/openai.ts";
import { blocksOf } from "./content.ts";
import { visibleTools } from "./visible-tools.ts";
import { wellFormed } from "./well-formed.ts";

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

type BlockMessage = NormalMessage | {
  readonly role: "system";
  readonly content: readonly ContentBlock[];
};

/** Differs with the first user message and means nothing to a model. */
const billingPrefix = "x-anthropic-billing-header:";

/**
 * One form for requests that ask the same, so that prefixes stay equal from turn to turn. An
 * allow-list: what is not named here does not reach a foreign backend. Text is never changed, but
 * for halves of characters: they become U+FFFD.
 *
 * What became of a message is remembered by the messages before it and by itself, as objects: the
 * next turn of a conversation costs what it adds, and gets the same objects for the rest.
 */
export function normalise(request: MessagesRequest): NormalRequest {
  const messages: NormalMessage[] = [];
  let told = nothing;
  for (const message of request.messages) {
    const before = told;
    told = after(before, message);
    if (before.isAnswer && told.isAnswer) messages.pop();
    if (told.message) messages.push(told.message);
  }
  return {
    ...parametersOf(request),
    system: withHoisted(textsOf(request.system))(told.hoisted),
    messages,
    tools: visibleTools(request.tools ?? [], [...told.references, ...named(request.tool_choice)]),
  };
}

function named(choice: MessagesRequest["tool_choice"]): readonly string[] {
  return choice?.type === "tool" ? [choice.name] : [];
}

function parametersOf(request: MessagesRequest) {
  const { model, max_tokens, stream, temperature, top_p, top_k, stop_sequences } = request;
  return wellFormed({
    model,
    max_tokens,
    ...(request.tool_choice ? { tool_choice: request.tool_choice } : {}),
    ...(stream === undefined ? {} : { stream }),
    ...(temperature === undefined ? {} : { temperature }),
    ...(top_p === undefined ? {} : { top_p }),
    ...(top_k === undefined ? {} : { top_k }),
    ...(stop_sequences?.length ? { stop_sequences } : {}),
    ...(request.thinking ? { thinking: withoutDisplay(request.thinking) } : {}),
    ...(request.output_config ? { output_config: request.output_config } : {}),
  });
}

function withoutDisplay({ type, budget_tokens }: NonNullable<MessagesRequest["thinking"]>) {
  return { type, ...(budget_tokens === undefined ? {} : { budget_tokens }) };
}

/** What a conversation has come to behind one of its messages. */
interface Told {
  /** What is left of this message in its place, together with an answer that it goes on with. */
  readonly message: NormalMessage | undefined;
  readonly isAnswer: boolean;
  /** System messages behind the first of the user's belong to the instructions, later ones do not. */
  readonly stage: "opening" | "opened" | "instructing" | "talking";
  readonly hoisted: readonly TextBlock[];
  /** The latest of the model's messages. */
  readonly answer: NormalMessage | undefined;
  /** Names of deferred tools, in the order in which they were first referred to. */
  readonly references: readonly string[];
}

const nothing: Told = {
  message: undefined,
  isAnswer: false,
  stage: "opening",
  hoisted: [],
  answer: undefined,
  references: [],
};

const after = memoStep((told: Told, message: Message) => tell(told, toBlocks(message)));

function tell(told: Told, message: BlockMessage): Told {
  const references = withReferences(told.references, message);
  const next = { ...told, references, isAnswer: message.role === "assistant" };
  if (message.role === "assistant") {
    const answer = told.isAnswer && told.answer ? continued(told.answer, message) : message;
    return { ...next, message: answer, stage: "talking", answer };
  }
  if (message.role === "user") {
    const stage = told.stage === "opening" ? "opened" : "talking";
    return { ...next, message: inCallOrder(message, told.answer), stage };
  }
  if (told.stage === "talking") return { ...next, message: inPlace(message) };
  const hoisted = [...told.hoisted, ...textsIn(message.content)];
  return { ...next, message: undefined, stage: "instructing", hoisted };
}

/** Results come behind all calls of an answer, also when a client tells it in several messages. */
function continued(answer: NormalMessage, { content }: NormalMessage): NormalMessage {
  return { ...answer, content: [...answer.content, ...content] };
}

const toBlocks = memo(({ role, content }: Message): BlockMessage => ({
  role,
  content: wellFormed(blocksOf(content).flatMap(toPlain)),
}));

/** `cache_control` moves from message to message, citations lead nowhere, and no text is none. */
function toPlain(block: ContentBlock): readonly ContentBlock[] {
  if (block.type === "text") return toTexts(block);
  const { cache_control: _hint, ...kept } = block as ContentBlock & { cache_control?: unknown };
  if (kept.type !== "tool_result") return [kept];
  return [{ ...kept, content: blocksOf(kept.content).flatMap(toPlain) }];
}

function toTexts({ text }: TextBlock): readonly TextBlock[] {
  return textOf(text) === "" ? [] : [{ type: "text", text }];
}

function textsOf(system: MessagesRequest["system"]): readonly TextBlock[] {
  return typeof system === "string" ? instructions(blocksOf(system)) : instructions(system ?? none);
}

const none: readonly TextBlock[] = [];

const instructions = memo((blocks: readonly ContentBlock[]) =>
  wellFormed(textsIn(blocks).filter(({ text }) => !text.startsWith(billingPrefix)))
);

const withHoisted = memo((system: readonly TextBlock[]) =>
  memo((hoisted: readonly TextBlock[]) => hoisted.length > 0 ? [...system, ...hoisted] : system)
);

function textsIn(content: readonly ContentBlock[]): readonly TextBlock[] {
  return content.flatMap((block) => block.type === "text" ? toTexts(block) : []);
}

/** Hoisting a late instruction would change the prompt from its first token on. */
function inPlace({ content }: BlockMessage): NormalMessage {
  const reminder = content.map((block) =>
    block.type === "text"
      ? { ...block, text: `<system-reminder>\n${block.text}\n</system-reminder>` }
      : block
  );
  return { role: "user", content: reminder };
}

/**
 * The client sends parallel results as they finish; the order of the calls is always the same. What
 * the user said meanwhile belongs behind them.
 */
function inCallOrder(message: NormalMessage, answer: NormalMessage | undefined): NormalMessage {
  const calls = (answer?.content ?? []).flatMap((each) => each.type === "tool_use" ? each.id : []);
  const rank = (block: ContentBlock) => {
    const call = block.type === "tool_result" ? calls.indexOf(block.tool_use_id) : -1;
    return call < 0 ? calls.length : call;
  };
  const ranks = message.content.map(rank);
  if (ranks.every((each, index) => each >= (ranks[index - 1] ?? 0))) return message;
  return { ...message, content: message.content.toSorted((a, b) => rank(a) - rank(b)) };
}

function withReferences(known: readonly string[], { content }: BlockMessage): readonly string[] {
  const fresh = referencesIn(content).filter((name) => !known.includes(name));
  return fresh.length > 0 ? [...known, ...new Set(fresh)] : known;
}

function referencesIn(content: readonly ContentBlock[]): readonly string[] {
  return content.flatMap((block) => {
    if (block.type === "tool_result") return referencesIn(blocksOf(block.content));
    if (block.type === "tool_addition") return block.tool?.name ?? [];
    return block.type === "tool_reference" ? block.tool_name : [];
  });
}
