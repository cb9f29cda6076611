import fc from "fast-check";

/** Calls as text, arguments to repair, markers of model families: what an answer may contain. */
const texts = [
  '<tool_call>{"name":"Read","arguments":{"path":"a"}}</tool_call>',
  '<tool_call>\n{"name": "Read", "arguments": {"path": "a"',
  "<function=Read><parameter=path>a</parameter></function>",
  '[TOOL_CALLS][{"name":"Read","arguments":{"path":"a"}}]',
  '<|python_tag|>{"name":"Read","parameters":{"path":"a"}}',
  '<|channel|>commentary to=functions.Read <|message|>{"path":"a"}<|call|>',
  '<invoke name="Read"><parameter name="path">a</parameter></invoke>',
  '```json\n{"name":"Read","arguments":{"path":"a"}}\n```',
  '{"path":"a",}',
  "{'path': 'a'}",
  '{"path":"a"',
  '{"path":1,"limit":"2","flags":"true"}',
  '{"path":"a"}{"path":"a"}',
  "[]",
  '"a"',
  "<think>",
  "</think>",
  "\ud83d",
  "\udd8a",
  "\ufffd",
  "\0",
  "a".repeat(20_000),
  "na ".repeat(2000),
  "",
];

/** What nobody expects in a field. */
export const odd: fc.Arbitrary<unknown> = fc.oneof(
  fc.constantFrom<unknown>(...texts),
  fc.constantFrom<unknown>(null, true, 0, -1, 0.5, 2 ** 53, 1e308, [], {}, [[]], [null], { a: {} }),
  fc.constantFrom("stop", "length", "tool_calls", "content_filter", "error", "assistant", "Read"),
  fc.jsonValue({ maxDepth: 3 }),
);

type Owner = Record<string, unknown>;

/** Puts a value into one of the fields of an object, however deep it lies; counted around. */
export function setField(whole: unknown, field: number, value: unknown): void {
  const places = placesIn(whole);
  const [owner, key] = places[field % Math.max(places.length, 1)] ?? [];
  if (owner && key !== undefined) owner[key] = value;
}

function placesIn(value: unknown, levels = 20): (readonly [Owner, string])[] {
  if (typeof value !== "object" || value === null || levels === 0) return [];
  const owner = value as Owner;
  return Object.keys(owner).flatMap((
    key,
  ) => [[owner, key] as const, ...placesIn(owner[key], levels - 1)]);
}
