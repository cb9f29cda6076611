import { describe, test } from "node:test";
import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { cut } from "../support/cut.ts";
import { illegalities } from "../support/legal-stream.ts";
import { translate } from "../support/translate.ts";
import { streamed, text } from "../support/upstream.ts";
import { question } from "./answer.ts";
import { type Case, cases, framesOf } from "./cases.ts";
import { isTaggable } from "./rendering.ts";
import { patience, runs } from "./runs.ts";
import { Tape } from "./tape.ts";
import { byKind, compact, isBeginning, toExpected, toTold } from "./told.ts";
import { joined, toFrames } from "./wire.ts";

describe("any answer in any dialect", () => {
  test("is told to the client, whole and in order", patience, async () => {
    await fc.assert(
      fc.asyncProperty(cases, fc.boolean(), async (made, isBegun) => {
        const each = isBegun ? withBegunThinking(made) : made;
        const { answer, dialect } = each;

        const sse = await ask(joined(framesOf(each)), each);

        const { parts, usage, ...told } = toTold(sse);
        const { parts: said, usage: used, ...expected } = toExpected(answer, dialect);
        assertEquals(illegalities(sse, ["replacement characters"]), []);
        assertEquals(told, expected);
        if (dialect.usage !== "never") assertEquals(usage, used);
        const comparable = dialect.textInCalls ? byKind : (ordered: typeof parts) => ordered;
        assertEquals(comparable(compact(parts)), comparable(compact(said)));
      }),
      runs(600),
    );
  });

  test("is told whole where thinking is wrongly thought to be begun", patience, async () => {
    await fc.assert(
      fc.asyncProperty(cases.filter(isThoughtless), async (each) => {
        const { answer, dialect } = each;

        const bytes = joined(framesOf(each));
        const sse = await ask(bytes, { ...each, dialect: { ...dialect, thinking: "end tag" } });

        const heard = byKind(compact(toTold(sse).parts));
        const expected = byKind(compact(toExpected(answer, dialect).parts));
        assertEquals(illegalities(sse, ["replacement characters"]), []);
        assertEquals(heard.calls, expected.calls);
        // In front of a call it may have been thinking: there nothing is told a second time.
        const told = expected.calls.length > 0 && heard.thinking || heard.text;
        assertEquals(told, expected.text);
      }),
      runs(100),
    );
  });

  test("is told as far as it came when the connection breaks", patience, async () => {
    await fc.assert(
      fc.asyncProperty(cases, fc.nat({ max: 10_000 }), async (each, length) => {
        const bytes = joined(framesOf(each));

        const sse = await ask(bytes.slice(0, length % bytes.length), each);

        const told = toTold(sse);
        const expected = toExpected(each.answer, each.dialect);
        assertEquals(illegalities(sse, ["replacement characters"]), []);
        assert(isBeginning(told.parts, expected.parts), sse);
        // The end is told only when everything in front of it has come.
        if (told.error === undefined) {
          assertEquals(byKind(compact(told.parts)), byKind(compact(expected.parts)));
        }
      }),
      runs(250),
    );
  });

  test("is told as far as it came when the server fails", patience, async () => {
    const failure = fc.constantFrom(
      { error: { message: "CUDA out of memory", type: "server_error", code: 500 } },
      { error: "model crashed" },
      { error: { message: "" }, choices: [] },
      { choices: [], error: { code: "model_failed", message: "dead" } },
    );
    await fc.assert(
      fc.asyncProperty(cases, fc.nat({ max: 100 }), failure, async (each, place, error) => {
        const frames = [...framesOf({ ...each, wire: { ...each.wire, isDone: false } })];
        const [frame] = toFrames([error], { ...each.wire, hasMark: false }, new Tape([0]));
        frames.splice(place % frames.length, 0, frame ?? new Uint8Array());

        const sse = await ask(joined(frames), each);

        const told = toTold(sse);
        assertEquals(illegalities(sse, ["replacement characters"]), []);
        assert(told.error !== undefined && told.stopReason === undefined, sse);
        assert(isBeginning(told.parts, toExpected(each.answer, each.dialect).parts), sse);
      }),
      runs(50),
    );
  });
});

/** True when nothing in it is thinking, or looks as if it ended here. */
function isThoughtless({ answer: { parts, end }, dialect }: Case): boolean {
  // A call ends a line as well.
  const text = parts.map((part) => part.kind === "text" ? part.text : "\n").join("");
  return !dialect.ours && (end === "turn" || end === "sequence") &&
    parts.every(({ kind }) => kind !== "thinking") && !/^\s*<\/think>\s*$/m.test(text);
}

/** From a server that leaves thinking in the text, and whose prompt has begun it. */
function withBegunThinking(made: Case): Case {
  const { answer, dialect } = made;
  const [first, ...others] = answer.parts;
  if (dialect.ours || dialect.thinking !== "tags" || !isTaggable(answer)) return made;
  if (first?.kind !== "thinking") return made;
  // The tag that ends it has a line of its own.
  const parts = [{ ...first, text: `${first.text}\n` }, ...others];
  return { ...made, answer: { ...answer, parts }, dialect: { ...dialect, thinking: "end tag" } };
}

function ask(bytes: Uint8Array, { sizes, dialect }: Case): Promise<string> {
  return translate(cut(bytes, sizes), {
    ...{ request: question, ours: dialect.ours },
    ...(dialect.thinking === "end tag"
      ? { before: streamed([text("Hm\n</think>\n", "stop")]) }
      : {}),
  });
}
