import { describe, test } from "node:test";
import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { FakeClock, settled } from "../support/fake-clock.ts";
import { illegalities } from "../support/legal-stream.ts";
import { proxy } from "../support/proxy.ts";
import { upstream } from "../support/upstream.ts";
import { question } from "./answer.ts";
import { cases, framesOf } from "./cases.ts";
import { patience, runs } from "./runs.ts";
import { byKind, compact, toExpected, toTold } from "./told.ts";

/** Seconds of silence in front of the headers and of each chunk, over and over. */
const silences = fc.array(fc.constantFrom(0, 0, 0, 1, 2.9, 3.1, 10, 25), {
  minLength: 1,
  maxLength: 8,
});

describe("a server that is silent now and then", () => {
  test("is waited for, and its answer told whole", patience, async () => {
    await fc.assert(
      fc.asyncProperty(cases, silences, async (each, seconds) => {
        const { clock, asked, answer } = ask(each.dialect.ours);

        const body = asked.then((response) => response.text());
        await answer(framesOf(each), seconds);

        const sse = await body;
        const told = toTold(sse);
        const expected = toExpected(each.answer, each.dialect);
        assertEquals(illegalities(sse, ["replacement characters"]), []);
        assertEquals(byKind(compact(told.parts)), byKind(compact(expected.parts)));
        assertEquals([told.stopReason, clock.sleepers], [expected.stopReason, 0]);
        const isSilent = (seconds[0] ?? 0) > 3;
        assert(!isSilent || sse.split("\n\n")[1]?.startsWith("event: ping"), sse);
      }),
      runs(100),
    );
  });

  test("is left by everybody when the client leaves", patience, async () => {
    await fc.assert(
      fc.asyncProperty(cases, silences, fc.nat({ max: 20 }), async (each, seconds, left) => {
        const { clock, calls, asked, answer } = ask(each.dialect.ours);
        const frames = framesOf(each);

        await answer(frames.slice(0, left % frames.length), seconds, false);
        await clock.advance(5000);
        await (await asked).body?.cancel();
        await settled();

        assertEquals([calls.map(({ signal }) => signal.aborted), clock.sleepers], [[true], 0]);
      }),
      runs(50),
    );
  });
});

/** A question, and the server that answers it chunk by chunk. */
function ask(ours: boolean) {
  const clock = new FakeClock();
  const headers = Promise.withResolvers<Response>();
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
  const writer = writable.getWriter();
  writer.closed.catch(() => {});
  const { calls, backend } = upstream(({ signal }) => {
    signal.addEventListener("abort", () => void writer.abort().catch(() => {}));
    return headers.promise;
  }, { ours });
  const asked = proxy(backend, { clock }).ask({ ...question, stream: true });
  const answer = async (
    frames: readonly Uint8Array[],
    seconds: readonly number[],
    ends = true,
  ) => {
    for (const [index, frame] of [undefined, ...frames].entries()) {
      const silence = seconds[index % seconds.length] ?? 0;
      if (silence > 0) await clock.advance(silence * 1000);
      if (frame) writer.write(frame).catch(() => {});
      else headers.resolve(new Response(readable));
    }
    if (ends) writer.close().catch(() => {});
  };
  return { clock, calls, asked, answer };
}
