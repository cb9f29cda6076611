import * as v from "valibot";
import { ProxyError } from "../core/errors.ts";
import type { MessagesRequest } from "./anthropic.ts";

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

const requestSchema = v.looseObject({
  model: v.pipe(v.string("Input should be a model name"), v.nonEmpty("Input should not be empty")),
  max_tokens: v.optional(
    v.pipe(finite, v.integer("Input should be a whole number"), v.minValue(1)),
    32_000,
  ),
  messages: v.pipe(
    v.array(
      v.looseObject({
        role: v.picklist(
          ["user", "assistant", "system"],
          "Input should be 'user', 'assistant' or 'system'",
        ),
        content,
      }),
      "Input should be a list of messages",
    ),
    v.minLength(1, "at least one message is required"),
  ),
  system: v.optional(
    v.union(
      [v.string(), v.array(v.looseObject({ type: v.literal("text"), text: v.string() }))],
      "Input should be text or a list of text blocks",
    ),
  ),
  tools: v.optional(
    v.array(
      v.looseObject({
        name: v.pipe(v.string("Input should be a name"), v.nonEmpty("Input should not be empty")),
        description: v.optional(v.string()),
        input_schema: v.optional(v.record(v.string(), v.unknown())),
      }),
      "Input should be a list of tools",
    ),
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

/** The body of a Messages request; says where it is wrong in the words that the API uses. */
export function parseMessagesRequest(body: unknown): MessagesRequest {
  if (typeof body === "object" && body !== null && "thread" in body && body.thread !== false) {
    throw new ProxyError(
      "invalid_request_error",
      "thread: message threads are not supported; send the whole conversation",
      { details: { error_code: "thread_unsupported_request" } },
    );
  }
  const parsed = v.safeParse(requestSchema, body, { abortEarly: true });
  if (!parsed.success) throw invalid(parsed.issues[0]);
  // The schema checks all fields of the interface and keeps the others.
  return parsed.output as MessagesRequest;
}

function invalid(issue: v.BaseIssue<unknown>): ProxyError {
  const deepest = deepestIssue(issue);
  const path = [issue, deepest]
    .flatMap((each, index) => index === 1 && each === issue ? [] : each.path ?? [])
    .map(({ key }) => String(key));
  const missing = deepest.received === "undefined" ? "Field required" : deepest.message;
  return new ProxyError("invalid_request_error", `${path.join(".") || "body"}: ${missing}`);
}

/** A union says only that nothing fits; the list alternative knows which block is wrong. */
function deepestIssue(issue: v.BaseIssue<unknown>): v.BaseIssue<unknown> {
  const inner = issue.issues?.filter((each) => (each.path?.length ?? 0) > 0);
  const [first] = (inner ?? []).toSorted((a, b) => (b.path?.length ?? 0) - (a.path?.length ?? 0));
  return first ? deepestIssue(first) : issue;
}
