import { describe, test } from "node:test";
import { assertEquals, assertNotEquals } from "@std/assert";
import fc from "fast-check";
import { toCacheKey, toPromptIdentity } from "../../src/cache/key.ts";
import { normalise } from "../../src/translate/request/normalise.ts";
import type { MessagesRequest } from "../../src/protocol/anthropic.ts";

const request: MessagesRequest = {
  model: "m",
  max_tokens: 100,
  system: [{ type: "text", text: "Be brief" }],
  tools: [
    { name: "Read", description: "reads", input_schema: { type: "object", properties: { a: 1 } } },
    { name: "Bash", description: "runs", input_schema: { type: "object" } },
  ],
  messages: [
    { role: "user", content: [{ type: "text", text: "hi" }] },
    { role: "assistant", content: [{ type: "tool_use", id: "t1", name: "Read", input: {} }] },
    { role: "user", content: [{ type: "tool_result", tool_use_id: "t1", content: "x" }] },
  ],
};
const keyed = (asked: MessagesRequest, backend = "b") =>
  toCacheKey(toPromptIdentity(asked), backend);
const keyOf = (changed: Partial<MessagesRequest>) => keyed({ ...request, ...changed });

describe("cache key", () => {
  test("is the same on every runtime and after every restart", () => {
    assertEquals(
      keyOf({}) as string,
      "48aee63b4f4994d338836786faac50a8db56fbd9efb6ed52f07f8997aa47635c",
    );
  });

  test("does not depend on the order of tools or properties, nor on how it is delivered", () => {
    const shuffled = fc.shuffledSubarray(Object.keys(request), {
      minLength: Object.keys(request).length,
    });
    fc.assert(fc.property(shuffled, fc.boolean(), (names, stream) => {
      const entries = names.map((name) => [name, request[name as keyof MessagesRequest]]);
      const other = { ...Object.fromEntries(entries), stream, metadata: { user_id: "u" } };
      const tools = [...(request.tools ?? [])].reverse();

      assertEquals(keyed({ ...other, tools }), keyOf({}));
    }));
  });

  test("does not depend on the ids of tool uses, but on which result answers which call", () => {
    const renamed = JSON.parse(JSON.stringify(request).replaceAll("t1", "t2")) as MessagesRequest;
    const dangling = structuredClone(request.messages) as MessagesRequest["messages"];
    (dangling[2]!.content as unknown as { tool_use_id: string }[])[0]!.tool_use_id = "other";

    assertEquals(keyed(renamed), keyOf({}));
    assertNotEquals(keyOf({ messages: dangling }), keyOf({}));
  });

  test("changes with everything that can change an answer", () => {
    const changes: Partial<MessagesRequest>[] = [
      { model: "other" },
      { max_tokens: 101 },
      { temperature: 0.5 },
      { tool_choice: { type: "any" } },
      { thinking: { type: "enabled", budget_tokens: 1000 } },
      { stop_sequences: ["x"] },
      { output_config: { effort: "low" } },
      { system: [{ type: "text", text: "Be brief." }] },
      { tools: request.tools!.slice(1) },
    ];
    const keys = [keyOf({}), keyed(request, "other"), ...changes.map(keyOf)];

    assertEquals(new Set(keys).size, keys.length);
  });

  test("changes with any one character of any message", () => {
    fc.assert(fc.property(fc.string({ minLength: 1 }), fc.string({ minLength: 1 }), (a, b) => {
      fc.pre(a !== b);
      const asking = (content: string) => keyOf({ messages: [{ role: "user", content }] });

      assertNotEquals(asking(a), asking(b));
    }));
  });

  test("is one for equal arguments of a call, and another one for all others", () => {
    // Texts of what the key itself is written with, short enough to be alike.
    const stringUnit = fc.constantFrom(...'"1:;[]{}');
    const text = fc.string({ unit: stringUnit, maxLength: 3 });
    const value = fc.oneof(fc.jsonValue({ stringUnit, maxDepth: 2 }), fc.array(text));
    const values = fc.array(value, { minLength: 50, maxLength: 50 });
    fc.assert(fc.property(values, (inputs) => {
      const keys = inputs.map((input) => keyOf({ messages: [calling(input)] }));
      const texts = inputs.map((input) => JSON.stringify(withSortedKeys(input)));

      assertEquals(new Set(keys).size, new Set(texts).size);
    }));
  });

  for (
    const [one, other] of [
      [[["a"], "b"], [["a", "b"]]],
      [["a", "b"], ['a"b']],
      [{ a: "b" }, ["a", "b"]],
      [{ a: {}, b: 1 }, { a: { b: 1 } }],
      [["1"], [1]],
      [[null], ["null;"]],
      [[true], ["true"]],
    ]
  ) {
    test(`tells ${JSON.stringify(one)} from ${JSON.stringify(other)}`, () => {
      assertNotEquals(
        keyOf({ messages: [calling(one)] }),
        keyOf({ messages: [calling(other)] }),
      );
    });
  }
});

describe("the key of a request as it is sent", () => {
  const asked = (changed: Partial<MessagesRequest>) =>
    keyed(normalise({ ...request, ...changed }) as MessagesRequest);
  const schema = fc.dictionary(fc.string(), fc.jsonValue(), { maxKeys: 5 });
  const tool = fc.record({ name: fc.string({ minLength: 1 }), description: fc.string(), schema });
  const tools = fc.uniqueArray(tool, { maxLength: 8, selector: ({ name }) => name })
    .map((made) => made.map(({ schema: input_schema, ...rest }) => ({ ...rest, input_schema })));

  test("is one for tools in any order, with keys in any order at any depth", () => {
    const permuted = tools.chain((made) =>
      fc.tuple(
        fc.constant(made),
        fc.shuffledSubarray(made, { minLength: made.length }),
        fc.infiniteStream(fc.nat()),
      )
    );
    fc.assert(fc.property(permuted, ([made, shuffled, numbers]) => {
      const other = shuffled.map((each) => withShuffledKeys(each, numbers));

      assertEquals(asked({ tools: other as never }), asked({ tools: made as never }));
    }));
  });

  test("is one for text and lists of text, with and without marks for a cache", () => {
    fc.assert(fc.property(fc.string({ minLength: 1 }), (said) => {
      const text = { type: "text" as const, text: said };
      const marked = { ...text, cache_control: { type: "ephemeral" } };
      const forms = [said, [text], [marked]].map((content) =>
        asked({ messages: [{ role: "user", content }], system: said })
      );
      const results = [said, [text], [marked]].map((content) => {
        const result = { type: "tool_result" as const, tool_use_id: "t1", content };
        return asked({
          messages: [...request.messages.slice(0, 2), { role: "user", content: [result] }],
        });
      });

      assertEquals(new Set(forms).size, 1);
      assertEquals(new Set(results).size, 1);
    }));
  });

  test("is another one for one other character in any text, in the schema of any tool", () => {
    const changed = tools.chain((made) =>
      fc.tuple(fc.constant(made), fc.nat(Math.max(0, made.length - 1)), fc.string(), fc.string())
    );
    fc.assert(fc.property(changed, ([made, index, one, other]) => {
      fc.pre(made.length > 0 && one !== other);
      const [first, second] = [one, other].map((description) =>
        asked({
          tools: made.map((each, at) => at === index ? { ...each, description } : each) as never,
        })
      );

      assertNotEquals(first, second);
    }));
  });
});

function calling(input: unknown): MessagesRequest["messages"][number] {
  return { role: "assistant", content: [{ type: "tool_use", id: "t1", name: "Read", input }] };
}

function withSortedKeys(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withSortedKeys);
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).toSorted(([one], [other]) => one < other ? -1 : 1);
  return Object.fromEntries(entries.map(([name, item]) => [name, withSortedKeys(item)]));
}

function withShuffledKeys(value: unknown, numbers: Iterator<number>): unknown {
  if (Array.isArray(value)) return value.map((item) => withShuffledKeys(item, numbers));
  if (typeof value !== "object" || value === null) return value;
  const ranked = Object.entries(value).map(([name, item]) => ({
    rank: numbers.next().value as number,
    entry: [name, withShuffledKeys(item, numbers)] as const,
  }));
  return Object.fromEntries(ranked.toSorted((a, b) => a.rank - b.rank).map(({ entry }) => entry));
}
