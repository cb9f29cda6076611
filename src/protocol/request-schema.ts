import * as v from "valibot";
import { ProxyError } from "../core/errors.ts";
import { interned } from "../core/interned.ts";
import type { Message, MessagesRequest, Tool } from "./anthropic.ts";
import { type Slice, sliceJson } from "./json-slices.ts";
import {
  countSchema,
  messageSchema,
  notAList,
  notAnObject,
  requestSchema,
  systemSchema,
  toolSchema,
} from "./request-fields.ts";
import { checkRequest } from "./request-rules.ts";

/** Deeper than any tool's arguments, and far from the end of the stack. */
const maxDepth = 200;

// Each turn repeats nearly all of the one before: what is known is neither parsed nor checked again.
const knownMessage = interned((json) => checked(messageSchema, parsed(json)) as Message);
const knownTool = interned((json) => checked(toolSchema, parsed(json)) as Tool);
const knownSystem = interned((json) => ({
  system: checked(systemSchema, parsed(json)) as NonNullable<MessagesRequest["system"]>,
}));

/**
 * The text of a Messages request; says where it is wrong in the words that the API uses. Equal
 * texts of messages and tools give the same objects, in this request and in later ones.
 */
export function parseMessagesRequest(text: string): MessagesRequest {
  return parse(text, requestSchema);
}

/** The same for a request whose tokens are to be counted. */
export function parseCountRequest(text: string): MessagesRequest {
  return parse(text, countSchema);
}

function parse(text: string, schema: v.GenericSchema): MessagesRequest {
  const slices = sliceJson(text);
  if (slices.depth > maxDepth) {
    throw new InvalidValue([], `nested more than ${maxDepth} levels deep`);
  }
  if (!slices.members) {
    parsed(text);
    throw new InvalidValue([], notAnObject);
  }
  const { messages, system, tools, ...short } = Object.fromEntries(slices.members);
  const others = Object.fromEntries(
    Object.entries(short).map(([name, slice]) => [name, parsed(whole(slice))]),
  );
  if ("thread" in others && others["thread"] !== false) throw unsupportedThread();
  const request = {
    // The schema checks all fields of the interface and keeps the others.
    ...checked(schema, others) as Omit<MessagesRequest, "messages">,
    messages: toMessages(messages),
    ...(system === undefined ? {} : under("system", () => knownSystem(whole(system)))),
    ...(tools === undefined ? {} : { tools: elements("tools", tools, knownTool) }),
  };
  checkRequest(request);
  return request;
}

function toMessages(slice: Slice | undefined): readonly Message[] {
  if (slice === undefined) throw new InvalidValue(["messages"], "Field required");
  const messages = elements("messages", slice, knownMessage);
  if (messages.length > 0) return messages;
  throw new InvalidValue(["messages"], "at least one message is required");
}

function elements<Value>(
  name: string,
  slice: Slice,
  known: (json: string) => Value,
): readonly Value[] {
  if (typeof slice === "string") throw new InvalidValue([name], notAList);
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
  const { path, words } = located(result.issues[0]);
  throw new InvalidValue(path, words);
}

/** A union says only that nothing fits; the list alternative knows which block is wrong. */
function located(issue: v.BaseIssue<unknown>): { path: readonly string[]; words: string } {
  const path = (issue.path ?? []).map(({ key }) => String(key));
  const [deepest] = (issue.issues ?? []).filter((each) => each.path !== undefined)
    .toSorted((one, other) => (other.path?.length ?? 0) - (one.path?.length ?? 0));
  if (deepest) {
    const { path: further, words } = located(deepest);
    return { path: [...path, ...further], words };
  }
  return { path, words: issue.received === "undefined" ? "Field required" : issue.message };
}
