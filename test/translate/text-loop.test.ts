import { describe, test } from "node:test";
import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { argumentLimits, speechLimits, TextLoop } from "../../src/translate/answer/text-loop.ts";
import { cut } from "../support/cut.ts";

const prose = "The server reads the request, plans which tools it needs and answers in pieces. ";

/** What models say without end, and what they say once before. */
const loops: readonly (readonly [name: string, piece: string])[] = [
  ["one character", "!"],
  ["a word", "the "],
  ["a sentence", "I will now read the file to see what is in it.\n"],
  ["a paragraph", prose.repeat(4) + "Let me think about this again.\n\n"],
  [
    "a long plan",
    Array.from({ length: 30 }, (_, step) => `${step}. Do step ${step} of it.\n`).join(""),
  ],
];

/** Texts with much of one kind in them. */
const meant: readonly (readonly [name: string, text: string])[] = [
  ["a ruled line", `${"-".repeat(200)}\n${"=".repeat(400)}\n`],
  [
    "a table",
    `| name | value | note |\n|---|---|---|\n${rows(200, (n) => `| row | ${n % 7} | |\n`)}`,
  ],
  ["an empty table", "|   |   |   |   |\n".repeat(300)],
  ["a grid of markup", `<div class="cell"></div>\n`.repeat(256)],
  ["a matrix of zeros", "    [0, 0, 0, 0, 0, 0, 0, 0],\n".repeat(200)],
  ["base64 with zeros in it", `${"A".repeat(4000)}/9j/4AAQ${"A".repeat(3000)}`],
  ["a sentence written a hundred times", "I shall not talk in class.\n".repeat(100)],
  ["a long list", rows(2000, (n) => `- item ${n}\n`)],
  ["code", rows(300, (n) => `  if (value === ${n}) {\n    return names[${n}];\n  }\n`)],
  ["ruled lines between numbers", rows(300, (n) => `${n}\n${"-".repeat(80)}\n`)],
  [
    "a log",
    rows(400, (n) => `2026-11-26T14:${n % 60}:00Z INFO request served in ${n * 7 % 97} ms\n`),
  ],
];

const sizes = fc.array(fc.integer({ min: 1, max: 400 }), { minLength: 1 });

describe("a text without end", () => {
  for (const [name, piece] of loops) {
    test(`is ended wherever it is cut: ${name}`, () => {
      const text = prose + piece.repeat(Math.ceil(40_000 / piece.length));
      const whole = passed(text, [text.length]);

      fc.assert(
        fc.property(sizes, (each) => {
          assertEquals(passed(text, each), whole);
        }),
        { examples: [[[1]], [[4]]], numRuns: 20 },
      );
      const heard = Math.max(speechLimits.minRun, speechLimits.minTimes * piece.length);
      assertEquals(whole >= heard && whole <= prose.length + heard + 1024, true, String(whole));
    });
  }

  test("may be longer in arguments", () => {
    const text = "\\u0000".repeat(10_000);

    const limit = argumentLimits.minRun;
    const length = passed(text, [4], argumentLimits);
    assertEquals(length >= limit && length <= limit + 1024, true, String(length));
  });
});

describe("a text that says much of one kind", () => {
  for (const [name, text] of meant) {
    test(`passes: ${name}`, () => {
      const said = prose + text + prose;

      assertEquals(passed(said, [4]), said.length);
    });
  }

  test("passes, whatever it is, if it does not repeat itself", () => {
    const words = fc.array(fc.stringMatching(/^[a-z ]{1,12}$/), {
      minLength: 400,
      maxLength: 2000,
    });

    fc.assert(
      fc.property(words, (each) => {
        const text = each.map((word, at) => `${word}${at}`).join(" ");
        assertEquals(passed(text, [7]), text.length);
      }),
      { numRuns: 50 },
    );
  });
});

function rows(count: number, row: (number: number) => string): string {
  return Array.from({ length: count }, (_, number) => row(number)).join("");
}

/** How many characters of a text come through. */
function passed(text: string, each: readonly number[], limits = speechLimits): number {
  const loop = new TextLoop(limits);
  let length = 0;
  for (const piece of cut(text, each)) {
    length += loop.feed(piece);
    if (loop.isFound) break;
  }
  return length;
}
