import { describe, test } from "node:test";
import { assertEquals } from "@std/assert";
import { FakeClock, settled } from "../support/fake-clock.ts";
import { illegalities } from "../support/legal-stream.ts";
import { proxy, question } from "../support/proxy.ts";
import { typesIn } from "../support/told.ts";
import { text, upstream, usage } from "../support/upstream.ts";

const streaming = { ...question, stream: true };

describe("silence", () => {
  test("holds the headers for three seconds, so that a failure is a status", async () => {
    const { clock, server, fail } = slow();
    const asked = server.ask(streaming);

    await clock.advance(2999);
    fail();

    assertEquals((await asked).status, 529);
  });

  test("is filled with a start and pings until the backend answers", async () => {
    const { clock, server, answer } = slow();
    const asked = server.ask(streaming);
    await clock.advance(3000);
    const reading = (await asked).text();

    await clock.advance(20_000);
    answer([text("Hi", "stop"), usage(9, 1)]);
    const body = await reading;

    assertEquals(typesIn(body), [
      "message_start",
      "ping",
      "ping",
      "ping",
      "content_block_start",
      "content_block_delta",
      "content_block_stop",
      "message_delta",
      "message_stop",
    ]);
    assertEquals(illegalities(body), []);
    assertEquals(clock.sleepers, 0);
  });

  test("ends in an error event when the backend fails after the start", async () => {
    const { clock, server, fail } = slow();
    const asked = server.ask(streaming);
    await clock.advance(3000);
    const reading = (await asked).text();

    fail();
    const body = await reading;

    assertEquals(typesIn(body), ["message_start", "ping", "error"]);
    assertEquals(clock.sleepers, 0);
  });

  test("in the middle of an answer is filled too, and not before ten seconds", async () => {
    const { clock, server, answer } = slow();
    const asked = server.ask(streaming);
    await clock.advance(1000);
    const more = answer([text("Hi")], false);
    const reading = (await asked).text();
    await settled();

    await clock.advance(9999);
    more([text(" there")], false);
    await clock.advance(10_000);
    more([text("", "stop")], true);
    const body = await reading;

    assertEquals(typesIn(body).filter((type) => type === "ping").length, 1);
    assertEquals(illegalities(body), []);
  });

  test("leaves no timer behind when the client leaves", async () => {
    const { clock, server } = slow();
    const asked = server.ask(streaming);
    await clock.advance(3000);
    const reader = (await asked).body?.getReader();
    await reader?.read();

    await reader?.cancel();

    assertEquals(clock.sleepers, 0);
  });
});

type Tell = (chunks: readonly unknown[], isLast?: boolean) => void;

/** A backend that says nothing until it is told to. */
function slow() {
  const clock = new FakeClock();
  const { promise, resolve } = Promise.withResolvers<Response>();
  const server = proxy(upstream(() => promise).backend, { clock });
  const fail = () => resolve(new Response("{}", { status: 503 }));
  const answer = (chunks: readonly unknown[], isLast = true): Tell => {
    const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
    const writer = writable.getWriter();
    const tell: Tell = (told, ends = true) => {
      const sse = told.map((chunk) => `data: ${JSON.stringify(chunk)}\n\n`).join("");
      void writer.write(new TextEncoder().encode(sse));
      if (ends) void writer.close();
    };
    tell(chunks, isLast);
    resolve(new Response(readable));
    return tell;
  };
  return { clock, server, fail, answer };
}
