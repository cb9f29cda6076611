import * as v from "valibot";
import { ProxyError } from "../core/errors.ts";
import { interned } from "../core/interned.ts";
import type { Message, MessagesRequest, Tool } from "./anthropic.ts";
import { sliceJson } from "./json-slices.ts";

// Loose: the client is newer than we are. What is checked is what the rest of the code relies on.
const blocks: Readonly<Record<string, v.GenericSchema>> = {
  text: v.looseObject({ type: v.string(), text: v.string() }),
  thinking: v.looseObject({ type: v.string(), thinking: v.string() }),
  tool_use: v.looseObject({
    type: v.string(),
    id: v.pipe(v.string(), v.nonEmpty()),
    name: v.pipe(v.string(), v.nonEmpty()),
    input: v.unknown(),
  }),
  tool_result: v.looseObject({
    type: v.string(),
    tool_use_id: v.pipe(v.string(), v.nonEmpty()),
    content: v.optional(
      v.union([v.string(), v.array(v.looseObject({ type: v.string() }))], "Input should be text"),
    ),
    is_error: v.nullish(v.boolean()),
  }),
  image: v.looseObject({ type: v.string(), source: v.looseObject({ type: v.string() }) }),
};
const otherBlock = v.looseObject({ type: v.string() });
/** By type and not by trial: a broken block of a known type is not one of an unknown type. */
const block = v.lazy((input) => {
  const { type } = (input ?? {}) as { readonly type?: unknown };
  return typeof type === "string" && Object.hasOwn(blocks, type)
    ? blocks[type] ?? otherBlock
    : otherBlock;
});
const content = v.union(
  [v.string(), v.array(block)],
  "Input should be text or a list of content blocks",
);
const finite = v.pipe(v.number("Input should be a number"), v.finite());

const messageSchema = v.looseObject({
  role: v.picklist(
    ["user", "assistant", "system"],
    "Input should be 'user', 'assistant' or 'system'",
  ),
  content,
});
const toolSchema = v.looseObject({
  name: v.pipe(v.string("Input should be a name"), v.nonEmpty("Input should not be empty")),
  description: v.optional(v.string()),
  input_schema: v.optional(v.record(v.string(), v.unknown())),
});
const systemSchema = v.union(
  [v.string(), v.array(v.looseObject({ type: v.literal("text"), text: v.string() }))],
  "Input should be text or a list of text blocks",
);
/** All but the parts that are long. */
const requestSchema = v.looseObject({
  model: v.pipe(v.string("Input should be a model name"), v.nonEmpty("Input should not be empty")),
  max_tokens: v.optional(
    v.pipe(finite, v.integer("Input should be a whole number"), v.minValue(1)),
    32_000,
  ),
  tool_choice: v.optional(v.looseObject({
    type: v.picklist(
      ["auto", "any", "none", "tool"],
      "Input should be 'auto', 'any', 'tool' or 'none'",
    ),
  })),
  stream: v.optional(v.boolean("Input should be true or false")),
  temperature: v.optional(v.pipe(finite, v.minValue(0), v.maxValue(2))),
  top_p: v.optional(finite),
  top_k: v.optional(finite),
  stop_sequences: v.optional(v.array(v.string(), "Input should be a list of texts")),
});

/** Deeper than any tool's arguments, and far from the end of the stack. */
const maxDepth = 200;

// Each turn repeats nearly all of the one before: what is known is neither parsed nor checked again.
const knownMessage = interned((json) => checked(messageSchema, parsed(json)) as Message);
const knownTool = interned((json) => checked(toolSchema, parsed(json)) as Tool);
const knownSystem = interned((json) => [checked(systemSchema, parsed(json)) as System]);

type System = NonNullable<MessagesRequest["system"]>;

/**
 * The text of a Messages request; says where it is wrong in the words that the API uses. Equal
 * texts of messages and tools give the same objects, in this request and in later ones.
 */
export function parseMessagesRequest(text: string): MessagesRequest {
  const slices = sliceJson(text);
  if (slices.depth > maxDepth) {
    throw new InvalidValue([], `nested more than ${maxDepth} levels deep`);
  }
  if (!slices.members) {
    parsed(text);
    throw new InvalidValue([], "Input should be an object");
  }
  const members = new Map(slices.members);
  const take = (name: string) => {
    const slice = members.get(name);
    members.delete(name);
    return slice;
  };
  const [messages, system, tools] = ["messages", "system", "tools"].map(take);
  const others = Object.fromEntries(
    [...members].map(([name, slice]) => [name, parsed(whole(slice))]),
  );
  if ("thread" in others && others["thread"] !== false) throw unsupportedThread();
  return {
    // The schema checks all fields of the interface and keeps the others.
    ...checked(requestSchema, others) as Omit<MessagesRequest, "messages">,
    messages: toMessages(messages),
    ...(system === undefined ? {} : { system: toSystem(whole(system)) }),
    ...(tools === undefined ? {} : { tools: elements("tools", tools, knownTool) }),
  };
}

function toMessages(slice: Slice | undefined): readonly Message[] {
  if (slice === undefined) throw new InvalidValue(["messages"], "Field required");
  const messages = elements("messages", slice, knownMessage);
  if (messages.length > 0) return messages;
  throw new InvalidValue(["messages"], "at least one message is required");
}

function toSystem(json: string): System {
  return under("system", () => knownSystem(json)[0] as System);
}

type Slice = string | readonly string[];

function elements<Value>(
  name: string,
  slice: Slice,
  known: (json: string) => Value,
): readonly Value[] {
  if (typeof slice === "string") {
    throw new InvalidValue([name], `Input should be a list of ${name}`);
  }
  return under(name, () => slice.map((json, index) => under(String(index), () => known(json))));
}

function whole(slice: Slice): string {
  return typeof slice === "string" ? slice : `[${slice.join()}]`;
}

function parsed(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch (cause) {
    throw new ProxyError("invalid_request_error", "body: not valid JSON", { cause });
  }
}

/** Says where in the request a value is wrong. */
class InvalidValue extends ProxyError {
  readonly path: readonly string[];
  readonly reason: string;

  constructor(path: readonly string[], reason: string) {
    super("invalid_request_error", `${path.join(".") || "body"}: ${reason}`);
    this.path = path;
    this.reason = reason;
  }
}

function under<Value>(name: string, read: () => Value): Value {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof InvalidValue)) throw error;
    throw new InvalidValue([name, ...error.path], error.reason);
  }
}

function unsupportedThread(): ProxyError {
  return new ProxyError(
    "invalid_request_error",
    "thread: message threads are not supported; send the whole conversation",
    { details: { error_code: "thread_unsupported_request" } },
  );
}

function checked(schema: v.GenericSchema, value: unknown): unknown {
  const result = v.safeParse(schema, value, { abortEarly: true });
  if (result.success) return result.output;
  const [issue] = result.issues;
  const deepest = deepestIssue(issue);
  const path = [issue, deepest]
    .flatMap((each, index) => index === 1 && each === issue ? [] : each.path ?? [])
    .map(({ key }) => String(key));
  const missing = deepest.received === "undefined" ? "Field required" : deepest.message;
  throw new InvalidValue(path, missing);
}

/** A union says only that nothing fits; the list alternative knows which block is wrong. */
function deepestIssue(issue: v.BaseIssue<unknown>): v.BaseIssue<unknown> {
  const inner = issue.issues?.filter((each) => (each.path?.length ?? 0) > 0);
  const [first] = (inner ?? []).toSorted((a, b) => (b.path?.length ?? 0) - (a.path?.length ?? 0));
  return first ? deepestIssue(first) : issue;
}
