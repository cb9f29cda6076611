import { describe, test } from "node:test";
import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { encodeChatRequest } from "../../src/translate/request/encode.ts";

describe("the text of a chat request", () => {
  const anything = fc.jsonValue({ maxDepth: 3 });
  const object = fc.dictionary(fc.string({ unit: "binary" }), anything, { maxKeys: 4 });
  const fields = fc.record({
    model: fc.string({ unit: "binary" }),
    messages: fc.array(object),
    tools: fc.option(fc.array(object), { nil: undefined }),
    stop: fc.array(fc.string()),
    temperature: fc.double({ noNaN: true }),
    response_format: anything,
  });

  test("is what JSON makes of it", () => {
    fc.assert(fc.property(fields, object, (asked, more) => {
      assertEquals(
        encodeChatRequest(asked as never, more),
        JSON.stringify({ ...asked, ...more }),
      );
    }));
  });

  test("writes a message only once in its life", () => {
    let written = 0;
    const message = {
      role: "user" as const,
      content: "Hi",
      toJSON: () => ({ written: ++written }),
    };

    const texts = [1, 2].map(() => encodeChatRequest({ messages: [message] }));

    assertEquals(texts, ['{"messages":[{"written":1}]}', '{"messages":[{"written":1}]}']);
  });
});
