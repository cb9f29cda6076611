import { readFile } from "node:fs/promises";
import { describe, test } from "node:test";
import { assertEquals } from "@std/assert";
import fc from "fast-check";
import type { ChatTool } from "../../src/protocol/openai.ts";
import { DeclaredTools } from "../../src/translate/declared-tools.ts";
import { TextCalls } from "../../src/translate/text-calls/text-calls.ts";
import { cut } from "../support/cut.ts";

type Told = string | { readonly name: string; readonly input: unknown };

/** What a model wrote into its text, and what it means; the MLX server reads the same. */
const corpus = JSON.parse(
  await readFile(new URL("../fixtures/text-calls.json", import.meta.url), "utf8"),
) as {
  readonly tools: readonly ChatTool[];
  readonly calls: readonly {
    readonly name: string;
    readonly written: string;
    readonly meant: readonly Told[];
  }[];
  readonly texts: readonly string[];
};
const tools = new DeclaredTools(corpus.tools);
const bare = `{"name": "Read", "parameters": {"path": "a\\nb", "limit": 2}}`;

const sizes = fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1 });
const examples: [number[]][] = [[[1]], [[10_000]]];

describe("a call in a text", () => {
  for (const { name, written, meant } of corpus.calls) {
    test(`is found: ${name}`, () => {
      fc.assert(
        fc.property(sizes, (each) => {
          assertEquals(told(written, each), meant);
        }),
        { examples, numRuns: 30 },
      );
    });

    test(`is found whole or not at all where the answer is cut off: ${name}`, () => {
      const whole = meant.filter((each) => typeof each === "object");

      for (let length = 0; length < written.length; length += 1) {
        const found = told(written.slice(0, length), [5], "cut")
          .filter((each) => typeof each === "object");
        assertEquals(found, whole.slice(0, found.length));
      }
    });
  }
});

describe("what only looks like a call", () => {
  for (const written of corpus.texts) {
    test(`stays the text it is: ${JSON.stringify(written.slice(0, 50))}`, () => {
      fc.assert(
        fc.property(sizes, (each) => {
          assertEquals(told(written, each), [written]);
        }),
        { examples, numRuns: 30 },
      );
    });
  }

  test("and is any text, stays as it is", () => {
    const odd = fc.constantFrom(
      ...[
        "\n",
        " ",
        "`",
        "```",
        "~~~",
        "<",
        "[",
        "{",
        "}",
        "]",
        ">",
        "x",
        "Read",
        '"name": "Read"',
      ],
      ...[
        "<tool_call>",
        "</tool_call>",
        "<function=Read>",
        "[TOOL_CALLS]",
        "<|python_tag|>",
        "call:",
      ],
      ...[
        "<｜tool▁calls▁begin｜>",
        '<invoke name="Read">',
        "</invoke>",
        "<parameter=path>",
        "(path=",
      ],
    );
    const written = fc.array(odd, { maxLength: 30 }).map((each) => each.join(""));

    fc.assert(
      fc.property(written, sizes, (text, each) => {
        const whole = told(text, [10_000]);
        assertEquals(told(text, each), whole);
        if (whole.every((each) => typeof each === "string")) assertEquals(whole.join(""), text);
      }),
      { numRuns: 3000 },
    );
  });
});

describe("text", () => {
  test("is held back only as long as it may become a call", () => {
    const found = new TextCalls(tools, false);

    assertEquals(found.feed("Hello <tool"), [{ text: "Hello <tool" }]);
    assertEquals(found.feed("_call>{ there\n"), [{ text: "_call>{ there" }]);
    assertEquals(found.feed("<tool_call>"), []);
    assertEquals(found.feed(`{"name": "Rea`), []);
    assertEquals(found.feed(`lly"`), [{ text: `\n<tool_call>{"name": "Really"` }]);
  });

  test("is a call as soon as its end mark has come", () => {
    const found = new TextCalls(tools, false);

    const heard = cut(`<tool_call>${bare}</tool_call>`, [1]).map((each) => found.feed(each));

    assertEquals(heard.findIndex((each) => each.length > 0), heard.length - 1);
    assertEquals(heard.at(-1)?.length, 1);
  });

  test("that is to be JSON is not a call", () => {
    const found = new TextCalls(tools, true);

    assertEquals([...found.feed(bare), ...found.finish("end")], [{ text: bare }]);
  });

  test("of a request without tools passes at once", () => {
    const found = new TextCalls(new DeclaredTools([]), false);

    assertEquals(found.feed("<tool_call>"), [{ text: "<tool_call>" }]);
  });

  test("behind a call that came otherwise is no bare call", () => {
    const found = new TextCalls(tools, false);
    found.finish("call");

    assertEquals([...found.feed(bare), ...found.finish("end")], [{ text: bare }]);
  });
});

/** Neighbouring texts as one, calls with their input. */
function told(written: string, each: readonly number[], end: "end" | "cut" = "end"): Told[] {
  const found = new TextCalls(tools, false);
  const heard = [
    ...cut(written, each).flatMap((piece) => found.feed(piece)),
    ...found.finish(end),
  ];
  const seen: Told[] = [];
  for (const each of heard) {
    const last = seen.at(-1);
    if ("call" in each) seen.push({ name: each.call.name, input: JSON.parse(each.call.json) });
    else if (typeof last === "string") seen[seen.length - 1] = last + each.text;
    else seen.push(each.text);
  }
  return seen;
}
