import { describe, test } from "node:test";
import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { cut } from "../support/cut.ts";
import { ThinkTags } from "../../src/translate/answer/think-tags.ts";

/** What a model wrote, and what of it is thinking and what is text. */
const answers: readonly [string, string, string][] = [
  ["<think>I see</think>Yes", "I see", "Yes"],
  ["<think>I see</think>\n\nYes", "I see", "Yes"],
  ["\n<think>a < b </thin k></think>Yes", "a < b </thin k>", "Yes"],
  ["<think>never closed </thi", "never closed </thi", ""],
  ["The <think> tag</think>", "", "The <think> tag</think>"],
  ["<thinking>aloud", "", "<thinking>aloud"],
  ["<thi", "", "<thi"],
];

/** The same behind a prompt that has begun the thinking. */
const begun: readonly [string, string, string][] = [
  ["I see\n</think>\n\nYes", "I see\n", "Yes"],
  ["\n a < b\n </think> \r\nYes\n</think>\n", "\n a < b\n", "Yes\n</think>\n"],
  ["</think>\nYes", "", "Yes"],
  ["I see\n</think>", "I see\n", ""],
  [
    "a</think>b\n`</think>`\n+</think>\n</think>.\n",
    "a</think>b\n`</think>`\n+</think>\n</think>.\n",
    "",
  ],
  ["I see\n</thi", "I see\n</thi", ""],
  ["<think>I see</think>Yes", "I see", "Yes"],
  ["[THINK]I see[/THINK]Yes", "I see", "Yes"],
  ["<thi", "", "<thi"],
];

describe("ThinkTags", () => {
  const all = [[answers, undefined], [begun, "</think>"]] as const;
  for (const [cases, end] of all) {
    for (const [answer, thinking, text] of cases) {
      test(`reads ${JSON.stringify(answer)} however it is cut, with ${end ?? "no"} end`, () => {
        const cuts = fc.array(fc.integer({ min: 1, max: 12 }), { minLength: 1 });

        fc.assert(
          fc.property(cuts, (sizes) => {
            assertEquals(spokenIn(cut(answer, sizes), end), { thinking, text });
          }),
          { examples: [[[1]], [[100]]] },
        );
      });
    }
  }
});

function spokenIn(texts: readonly string[], end: string | undefined) {
  const tags = new ThinkTags(end);
  const spoken = [...texts.flatMap((each) => [...tags.feed(each)]), ...tags.finish()];
  const of = (kind: string) =>
    spoken.filter((each) => each.kind === kind).map(({ text }) => text).join("");
  return { thinking: of("thinking"), text: of("text") };
}
