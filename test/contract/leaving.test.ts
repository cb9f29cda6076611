import Anthropic from "@anthropic-ai/sdk";
import { test } from "node:test";
import { assert, assertEquals, assertRejects } from "@std/assert";
import { FakeClock } from "../support/fake-clock.ts";
import { question } from "../support/proxy.ts";
import { describeSdk } from "../support/sdk.ts";
import { never, streamed, text, upstream, type UpstreamCall } from "../support/upstream.ts";

/** An upstream, and what happens at it as promises. */
function observed(answer: (call: UpstreamCall) => Response | Promise<Response>) {
  const asked = Promise.withResolvers<UpstreamCall>();
  const { backend, calls } = upstream((call) => {
    asked.resolve(call);
    return answer(call);
  });
  return { backend, calls, asked: asked.promise };
}

describeSdk("a client that leaves", (connect) => {
  test("in the middle of a stream stops the upstream", async () => {
    const { backend, asked } = observed((held) => streamed([text("Hi")], { held }));
    await using connection = await connect(backend);

    const stream = connection.client.messages.stream(question);
    const failed = assertRejects(() => stream.done());
    await new Promise((resolve) => stream.once("text", resolve));
    stream.abort();

    await aborted(await asked);
    assert(await failed instanceof Anthropic.APIUserAbortError);
  });

  test("by ending its iteration stops the upstream", async () => {
    const { backend, asked } = observed((held) => streamed([text("Hi")], { held }));
    await using connection = await connect(backend);

    for await (
      const { type } of await connection.client.messages.create({ ...question, stream: true })
    ) {
      if (type === "content_block_delta") break;
    }

    await aborted(await asked);
  });

  for (const stream of [false, true]) {
    test(`before the headers stops the upstream (stream: ${stream})`, async () => {
      const { backend, asked } = observed(never);
      await using connection = await connect(backend);
      const leaving = new AbortController();

      const answer = connection.client.messages.create(
        { ...question, stream },
        { signal: leaving.signal },
      );
      const failed = assertRejects(() => answer);
      const call = await asked;
      leaving.abort();

      await aborted(call);
      assert(await failed instanceof Anthropic.APIUserAbortError);
    });
  }

  test("for want of an answer in time stops the upstream", async () => {
    const { backend, asked } = observed(never);
    await using connection = await connect(backend, { timeout: 50 });

    const error = await assertRejects(() => connection.client.messages.create(question));

    assert(error instanceof Anthropic.APIConnectionTimeoutError, String(error));
    await aborted(await asked);
  });
});

describeSdk("a client that stays", (connect) => {
  test("hears that the answer has begun while the backend thinks", async () => {
    const clock = new FakeClock();
    const first = Promise.withResolvers<Response>();
    const { backend, asked } = observed(() => first.promise);
    await using connection = await connect(backend, { clock });

    const stream = connection.client.messages.stream(question);
    const begun = new Promise((resolve) => stream.once("streamEvent", resolve));
    await asked;
    await clock.advance(10_000);
    assertEquals((await begun as { type: string }).type, "message_start");
    first.resolve(streamed([text("Yes", "stop")]));
    const message = await stream.finalMessage();

    assertEquals(message.content.map(textOf), ["Yes"]);
    assertEquals(clock.sleepers, 0);
  });

  test("gets its own answer when two are made at once", async () => {
    const both = Promise.withResolvers<void>();
    const { backend, calls } = upstream(async ({ body }) => {
      if (calls.length === 2) both.resolve();
      await both.promise;
      const [{ content }] = body["messages"] as [{ content: string }];
      return streamed([text(`${content}, `), text("you said", "stop")]);
    });
    await using connection = await connect(backend);
    const { messages } = connection.client;
    const asking = (content: string) => ({
      ...question,
      messages: [{ role: "user" as const, content }],
    });

    const answers = await Promise.all([
      messages.stream(asking("one")).finalMessage(),
      messages.create(asking("two")),
    ]);

    assertEquals(answers.map(({ content }) => content.map(textOf)), [
      ["one, you said"],
      ["two, you said"],
    ]);
  });
});

/** The test ends only when the upstream is told. */
async function aborted({ signal }: UpstreamCall): Promise<void> {
  if (signal.aborted) return;
  await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
}

function textOf(block: { readonly type: string }): string | undefined {
  return (block as { text?: string }).text;
}
