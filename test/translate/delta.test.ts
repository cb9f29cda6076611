import { describe, test } from "node:test";
import { assertEquals } from "@std/assert";
import type { ChatDelta } from "../../src/protocol/openai.ts";
import { toSaid } from "../../src/translate/answer/delta.ts";

const call = { index: 0, id: "a", function: { name: "Read", arguments: "{}" } };
const none = { name: "", arguments: "" };

describe("toSaid", () => {
  test("takes thinking once, from whichever field has it", () => {
    const details = [{ type: "reasoning.text", text: "Hm" }, { summary: "!" }, { data: "x" }, null];

    const fields = [{ reasoning_content: "Hm!" }, { reasoning: "Hm!" }, {
      reasoning_details: details,
    }]
      .map((delta) => toSaid({ ...delta, reasoning_content: "", ...delta } as ChatDelta).thinking);

    assertEquals(fields, ["Hm!", "Hm!", "Hm!"]);
    assertEquals(toSaid({ reasoning_content: "a", reasoning: "a" }).thinking, "a");
  });

  test("keeps the order of the parts of a content", () => {
    const content = [
      { type: "text", text: "a" },
      { type: "thinking", thinking: [{ type: "text", text: "b" }, { type: "text", text: "c" }] },
      { type: "thinking", thinking: "d" },
      { type: "reference", reference_ids: [1] },
      { type: "text", text: "e" },
    ];

    assertEquals(toSaid({ content }).parts.map(({ kind, text }) => `${kind} ${text}`), [
      ...["text a", "thinking bc", "thinking d", "text e"],
    ]);
  });

  test("leaves out calls with nothing in them", () => {
    assertEquals(toSaid({ tool_calls: [{ index: 0, function: none }] }).calls, []);
    assertEquals(toSaid({ tool_calls: [], function_call: none }).calls, []);
  });

  test("numbers calls by their position where the server does not", () => {
    const { index: _, ...unnumbered } = call;
    const indexes = (tool_calls: NonNullable<ChatDelta["tool_calls"]>) =>
      toSaid({ tool_calls }).calls.map(({ index }) => index);

    assertEquals(indexes([unnumbered]), [undefined]);
    assertEquals(indexes([unnumbered, unnumbered]), [0, 1]);
    assertEquals(indexes([{ ...call, index: 7 }, unnumbered]), [7, 1]);
  });

  test("prefers calls to the field that they replaced", () => {
    const { calls } = toSaid({ tool_calls: [call], function_call: { name: "Old" } });

    assertEquals(calls.map(({ name }) => name), ["Read"]);
  });
});
