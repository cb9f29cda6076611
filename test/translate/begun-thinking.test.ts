import { describe, test } from "node:test";
import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { StrayThinkEnd } from "../../src/translate/answer/stray-think-end.ts";
import { cut } from "../support/cut.ts";

const answers: readonly [answer: string, found: string | undefined][] = [
  ["I see.\n</think>\n\nYes", "</think>"],
  ["</think>\nYes", "</think>"],
  ["I see.\n</think>", "</think>"],
  ["I see.\r\n </think>  \r\n", "</think>"],
  ["```\na\n```\n</think>\nYes", "</think>"],
  ["I see.\n[/THINK]\nYes", "[/THINK]"],
  ["I see.\n<|END_THINKING|>\nYes", "<|END_THINKING|>"],
  ["<think>I see.\n</think>\nYes", undefined],
  ["It writes\n<think>\nso\n</think>\nand answers", undefined],
  ["Behind </think> comes the answer.\n", undefined],
  ["The file ends so:\n```\n</think>\n```\n", undefined],
  ["- a\n+</think>\n> </think>\n`</think>`\n</think>.\n", undefined],
  ["Yes", undefined],
];

describe("an end of thinking without a beginning", () => {
  for (const [answer, found] of answers) {
    test(`is ${found ?? "not"} in ${JSON.stringify(answer)} however it is cut`, () => {
      const sizes = fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1 });

      fc.assert(fc.property(sizes, (each) => {
        const stray = new StrayThinkEnd();
        for (const piece of cut(answer, each)) stray.feed(piece);
        stray.finish();

        assertEquals(stray.found, found);
      }));
    });
  }

  test("is not looked for where the text is over", () => {
    const stray = new StrayThinkEnd();

    stray.feed("Yes");
    stray.finish();
    stray.feed("\n</think>\n");

    assertEquals(stray.found, undefined);
  });
});
