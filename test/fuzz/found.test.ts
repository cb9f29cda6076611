import { describe, test } from "node:test";
import { assertEquals } from "@std/assert";
import { illegalities } from "../support/legal-stream.ts";
import { translate } from "../support/translate.ts";
import { type Part, question } from "./answer.ts";
import { toTold } from "./told.ts";
import { joined, toFrames } from "./wire.ts";
import { Tape } from "./tape.ts";

type Delta = Readonly<Record<string, unknown>>;

const text = (content: string) => ({ content });
const thinking = (reasoning_content: string) => ({ reasoning_content });
const call = (index: number, name: string | undefined, written?: string) => ({
  tool_calls: [{ index, function: { name, arguments: written } }],
});
const said = (kind: "text" | "thinking", said: string): Part => ({ kind, text: said });
const called = (name: string, json: string): Part => ({ kind: "call", name, json });

/** Smallest streams on which a fuzzer has caught the translator, and what they say. */
const found: readonly [name: string, deltas: readonly Delta[], told: readonly Part[]][] = [
  [
    "text on both sides of a call's last piece",
    [call(0, "Read", `{"path"`), text("He"), call(0, undefined, `:"a"}`), text("llo")],
    [called("Read", `{"path":"a"}`), said("text", "Hello")],
  ],
  [
    "text between a name and its arguments",
    [call(0, "Read"), text("\n"), call(0, undefined, `{"path":"a"}`)],
    // Blanks alone are not worth a block.
    [called("Read", `{"path":"a"}`)],
  ],
  [
    "text between arguments and their name",
    [call(0, undefined, `{"path":"a"}`), text("\n"), call(0, "Read")],
    [called("Read", `{"path":"a"}`)],
  ],
  [
    "text behind a call without arguments",
    [call(0, "Nothing"), text("Then"), call(1, "Read", `{"path":"a"}`)],
    [called("Nothing", ""), said("text", "Then"), called("Read", `{"path":"a"}`)],
  ],
  [
    "a blank in front of text behind a call, after tagged thinking",
    [text("<think>Hm</think>"), call(0, "Nothing", "{}"), text(" so")],
    [said("thinking", "Hm"), called("Nothing", "{}"), said("text", " so")],
  ],
  [
    "thinking behind text that may still become a tag",
    [text("<"), thinking("Hm"), text(" 1")],
    [said("text", "<"), said("thinking", "Hm"), said("text", " 1")],
  ],
  ["half a character in text", [text("\ud83e"), text("\udd8a")], [said("text", "🦊")]],
  [
    "half a character in arguments",
    [call(0, "Read", `{"path":"\ud83e`), call(0, undefined, `\udd8a"}`)],
    [called("Read", `{"path":"🦊"}`)],
  ],
];

describe("what a fuzzer has found", () => {
  for (const [name, deltas, parts] of found) {
    test(`stays right: ${name}`, async () => {
      const chunks = [...deltas.map((delta) => ({ delta })), { delta: {}, finish_reason: "stop" }];

      const sse = await ask(chunks.map((choice) => ({ choices: [choice] })));

      assertEquals([illegalities(sse), toTold(sse).parts], [[], parts]);
    });
  }

  test("stays right: a call that is cut, behind one without arguments and text", async () => {
    const deltas = [call(0, "Nothing"), text("Then"), call(1, "Read", `{"pa`)];
    const finish = { choices: [{ delta: {}, finish_reason: "length" }] };

    const sse = await ask([...deltas.map((delta) => ({ choices: [{ delta }] })), finish]);

    assertEquals(illegalities(sse), []);
  });

  test("stays right: arguments nested deeper than some runtimes can write", async () => {
    const nested = `${"[".repeat(100_000)}${"]".repeat(100_000)}`;
    const delta = JSON.stringify(call(0, "Read", "nested")).replace('"nested"', `{"a":${nested}}`);
    const chunk = `data: {"choices":[{"delta":${delta},"finish_reason":"stop"}]}\n\n`;

    const sse = await translate([new TextEncoder().encode(chunk)]);

    assertEquals([illegalities(sse), sse.includes("Internal")], [[], false]);
  });

  for (
    const chunk of [
      { choices: [{ delta: {}, finish_reason: "stop", stop_reason: "" }] },
      { choices: [{ delta: {}, finish_reason: "stop" }], usage: { prompt_tokens: 2 ** 53 } },
      { error: { message: "" } },
    ]
  ) {
    test(`stays legal: ${JSON.stringify(chunk)}`, async () => {
      assertEquals(illegalities(await ask([chunk])), []);
    });
  }
});

function ask(chunks: readonly unknown[]): Promise<string> {
  const wire = {
    ...{ lineEnd: "\n", colon: "data: ", isAscii: false, isPretty: false } as const,
    ...{ hasMark: false, hasNoise: false, isDone: true },
  };
  return translate([joined(toFrames(chunks, wire, new Tape([0])))], { request: question });
}
