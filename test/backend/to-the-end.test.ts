import { describe, test } from "node:test";
import { assertEquals } from "@std/assert";
import { FakeClock, settled } from "../support/fake-clock.ts";
import { illegalities } from "../support/legal-stream.ts";
import { proxy, question } from "../support/proxy.ts";
import { streamed, text, upstream, usage } from "../support/upstream.ts";

const streaming = { ...question, stream: true };

describe("a server that has said how its answer ended", () => {
  test("is left when it neither goes on nor closes", async () => {
    const clock = new FakeClock();
    const { calls, backend } = upstream(
      (held) => streamed([text("Hi", "stop"), usage(9, 1)], { held }),
      { clock },
    );
    const reading = (await proxy(backend, { clock }).ask(streaming)).text();
    await settled();

    await clock.advance(5000);
    const sse = await reading;

    assertEquals([illegalities(sse), sse.includes("message_stop")], [[], true]);
    assertEquals([sse.includes('"output_tokens":1'), calls[0]?.signal.aborted], [true, true]);
    assertEquals(clock.sleepers, 0);
  });

  test("is waited for as long as it does not say so", async () => {
    const clock = new FakeClock();
    const { calls, backend } = upstream((held) => streamed([text("Hi")], { held }), { clock });
    const response = await proxy(backend, { clock }).ask(streaming);
    await settled();

    await clock.advance(20_000);

    assertEquals(calls[0]?.signal.aborted, false);
    await response.body?.cancel();
  });

  test("leaves no timer behind when it closes", async () => {
    const clock = new FakeClock();
    const { backend } = upstream(() => streamed([text("Hi", "stop")]), { clock });

    await (await proxy(backend, { clock }).ask(streaming)).text();

    assertEquals(clock.sleepers, 0);
  });
});
