import { describe, test } from "node:test";
import { assertEquals } from "@std/assert";
import fc from "fast-check";
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

describe("ThinkTags", () => {
  for (const [answer, thinking, text] of answers) {
    test(`reads ${JSON.stringify(answer)} however it is cut`, () => {
      const cuts = fc.array(fc.integer({ min: 1, max: 6 }), { minLength: 1 });

      fc.assert(
        fc.property(cuts, (sizes) => {
          assertEquals(spokenIn(pieces(answer, sizes)), { thinking, text });
        }),
        { examples: [[[1]], [[100]]] },
      );
    });
  }
});

function spokenIn(texts: readonly string[]) {
  const tags = new ThinkTags();
  const spoken = [...texts.flatMap((each) => [...tags.feed(each)]), ...tags.finish()];
  const of = (kind: string) =>
    spoken.filter((each) => each.kind === kind).map(({ text }) => text).join("");
  return { thinking: of("thinking"), text: of("text") };
}

function pieces(text: string, sizes: readonly number[]): string[] {
  const cut: string[] = [];
  for (let at = 0, turn = 0; at < text.length; turn += 1) {
    const size = sizes[turn % sizes.length] ?? 1;
    cut.push(text.slice(at, at + size));
    at += size;
  }
  return cut;
}
