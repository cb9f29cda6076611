import Anthropic from "@anthropic-ai/sdk";
import { betaTool } from "@anthropic-ai/sdk/helpers/beta/json-schema";
import { test } from "node:test";
import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { question } from "../support/proxy.ts";
import { describeSdk } from "../support/sdk.ts";
import { called, end, streamed, text, upstream, type UpstreamCall } from "../support/upstream.ts";

/** Calls the weather of two cities, and then says what it was told. */
function forecaster() {
  return upstream(({ body }: UpstreamCall) => {
    const results = (body["messages"] as ChatMessage[]).filter(({ role }) => role === "tool");
    if (results.length > 0) {
      return streamed([text(results.map(({ content }) => content).join(", "), "stop")]);
    }
    return streamed([
      called(0, "call_0", "weather", '{"city":'),
      called(0, "call_0", "", '"Oslo"}'),
      called(1, "call_0", "weather", '{"city":"Rome"}'),
      end("tool_calls"),
    ]);
  });
}

interface ChatMessage {
  readonly role: string;
  readonly content: string | null;
  readonly tool_call_id?: string;
  readonly tool_calls?: readonly { readonly id: string }[];
}

const definition = {
  name: "weather",
  description: "The weather in a city",
  inputSchema: {
    type: "object",
    properties: { city: { type: "string" } },
    required: ["city"],
  },
} as const;
const weather = betaTool({ ...definition, run: ({ city }) => `${city}: sun` });
/** A runner that never ends would be no failure of a test. */
const running = { ...question, tools: [weather], max_iterations: 5 };

describeSdk("tools", (connect) => {
  for (const way of ["whole", "streamed"]) {
    test(`go through a loop by hand (${way})`, async () => {
      const { backend, calls } = forecaster();
      await using connection = await connect(backend);
      const { messages } = connection.client;
      const ask = (params: Anthropic.MessageCreateParamsNonStreaming) =>
        way === "whole" ? messages.create(params) : messages.stream(params).finalMessage();

      const first = await ask(question);
      const uses = first.content.filter((block) => block.type === "tool_use");
      // As they finish, which is not the order of the calls.
      const results = uses.toReversed().map(({ id, input }) => ({
        type: "tool_result" as const,
        tool_use_id: id,
        content: `${(input as { city: string }).city}: sun`,
      }));
      const second = await ask({
        ...question,
        messages: [
          ...question.messages,
          { role: "assistant", content: first.content },
          { role: "user", content: results },
        ],
      });

      assertEquals([first.stop_reason, second.stop_reason], ["tool_use", "end_turn"]);
      assertEquals(second.content.map(textOf), ["Oslo: sun, Rome: sun"]);
      assertEachAnswered(calls[1]);
    });
  }

  for (const stream of [false, true]) {
    test(`are run by the tool runner without a thread (stream: ${stream})`, async () => {
      const { backend, calls } = forecaster();
      await using connection = await connect(backend);

      const message = await connection.client.beta.messages
        .toolRunner({ ...running, thread: false, stream })
        .runUntilDone();

      assertEquals(message.content.map(textOf), ["Oslo: sun, Rome: sun"]);
      assertEquals(calls.length, 2);
      assertEachAnswered(calls[1]);
    });

    test(`are run by the tool runner, which gives up its thread (stream: ${stream})`, async () => {
      const { backend, calls } = forecaster();
      await using connection = await connect(backend);

      const message = await connection.client.beta.messages
        .toolRunner({ ...running, stream })
        .runUntilDone();

      assertEquals(message.content.map(textOf), ["Oslo: sun, Rome: sun"]);
      assertEquals(calls.length, 2);
      assertEquals(calls.map(rolesOf), [["user"], ["user", "assistant", "tool", "tool"]]);
    });
  }

  test("that fail are told to the model by the tool runner", async () => {
    const { backend, calls } = forecaster();
    await using connection = await connect(backend);
    const failing = betaTool({
      ...definition,
      run: () => {
        throw new Error("no such city");
      },
    });

    await connection.client.beta.messages
      .toolRunner({ ...running, tools: [failing] })
      .runUntilDone();

    const results = messagesOf(calls[1]).filter(({ role }) => role === "tool");
    assertEquals(results.length, 2);
    for (const { content } of results) assertStringIncludes(content ?? "", "no such city");
  });

  test("are forbidden to a thread that insists on being one", async () => {
    const { backend, calls } = forecaster();
    await using connection = await connect(backend);
    const thread = connection.client.beta.messages.thread({ model: "m", max_tokens: 9 });

    const error = await assertRejects(() => thread.send(question.messages));

    assert(error instanceof Anthropic.ThreadUnsupportedRequestError, String(error));
    assertStringIncludes(error.message, "send the whole conversation");
    assertEquals(calls.length, 0);
  });

  test("do not need the server's threads when the client's thread may do without", async () => {
    const { backend, calls } = upstream(() => streamed([text("Yes", "stop")]));
    await using connection = await connect(backend);
    const thread = connection.client.beta.messages.thread({
      ...{ model: "m", max_tokens: 9, unsupportedRequestBehavior: "continue_unthreaded" },
    });

    await thread.send({ role: "user", content: "One" });
    await thread.send({ role: "user", content: "Two" });

    assertEquals(calls.map(rolesOf), [["user"], ["user", "assistant", "user"]]);
  });
});

/** Each call has its own result, in the order of the calls. */
function assertEachAnswered(call: UpstreamCall | undefined): void {
  const messages = messagesOf(call);
  const uses = messages.flatMap(({ tool_calls }) => tool_calls ?? []).map(({ id }) => id);
  const results = messages.filter(({ role }) => role === "tool");
  assertEquals(new Set(uses).size, 2);
  assertEquals(results.map(({ tool_call_id }) => tool_call_id), uses);
  assertEquals(results.map(({ content }) => content), ["Oslo: sun", "Rome: sun"]);
}

function messagesOf(call: UpstreamCall | undefined): readonly ChatMessage[] {
  return (call?.body["messages"] ?? []) as readonly ChatMessage[];
}

function rolesOf(call: UpstreamCall): readonly string[] {
  return messagesOf(call).map(({ role }) => role);
}

function textOf(block: { readonly type: string }): string | undefined {
  return (block as { text?: string }).text;
}
