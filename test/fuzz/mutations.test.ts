import { readdir, readFile } from "node:fs/promises";
import { describe, test } from "node:test";
import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { cut } from "../support/cut.ts";
import { allExcuses, illegalities } from "../support/legal-stream.ts";
import { translate } from "../support/translate.ts";
import { streamed, text } from "../support/upstream.ts";
import { question } from "./answer.ts";
import { cases, framesOf } from "./cases.ts";
import { mutated, mutations } from "./mutations.ts";
import { patience, runs } from "./runs.ts";

const streams = new URL("../fixtures/streams/", import.meta.url);
const names = (await readdir(streams)).filter((name) => name.endsWith(".openai.sse")).sort();
const recordings = await Promise.all(names.map(async (name) => {
  const text = await readFile(new URL(name, streams), "utf8");
  return text.split(/(?<=\n\r?\n)/).map((frame) => new TextEncoder().encode(frame));
}));

const bases = fc.oneof(cases.map(framesOf), fc.constantFrom(...recordings));
const sizes = fc.array(fc.integer({ min: 1, max: 400 }), { minLength: 1, maxLength: 10 });
const kinds = fc.constantFrom(
  () => ({ ours: true }),
  () => ({ ours: false }),
  // Thinking was seen to begin in its prompt.
  () => ({ ours: false, before: streamed([text("Hm\n</think>\n", "stop")]) }),
);

describe("a stream that is broken in any way", () => {
  test("becomes a legal answer or a clean error, and no more than it was", patience, async () => {
    await fc.assert(
      fc.asyncProperty(bases, mutations, sizes, kinds, async (base, all, each, kind) => {
        const bytes = mutated(base, all);

        const sse = await translate(cut(bytes, each), { request: question, ...kind() });

        assertEquals(illegalities(sse, allExcuses), []);
        assert(!sse.includes("Internal proxy error"), sse);
        // An event around every character, and each of them escaped.
        assert(sse.length <= 60 * bytes.length + 5000, `${bytes.length} became ${sse.length}`);
      }),
      runs(1000),
    );
  });
});
