import { describe, test } from "node:test";
import { assertEquals, assertNotEquals } from "@std/assert";
import fc from "fast-check";
import { toCacheKey, toPromptIdentity } from "../../src/cache/key.ts";
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
      "411905192937502954a494664b2b06fc6ff6d256f940cd8d5bd87b41dbc63378",
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
});
