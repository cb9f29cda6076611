import type Anthropic from "@anthropic-ai/sdk";
import { test } from "node:test";
import { assert, assertEquals, assertMatch } from "@std/assert";
import { question } from "../support/proxy.ts";
import { describeSdk } from "../support/sdk.ts";
import { called, end, streamed, text, thought, upstream, usage } from "../support/upstream.ts";

type Params = Anthropic.MessageCreateParamsNonStreaming;

/** Each way to ask gives a whole message in the end. */
const ways: Readonly<Record<string, (client: Anthropic, params: Params) => Promise<Message>>> = {
  "whole": (client, params) => client.messages.create(params),
  "streamed": (client, params) => client.messages.stream(params).finalMessage(),
  "whole, beta": (client, params) => client.beta.messages.create(params as never),
  "streamed, beta": (client, params) => client.beta.messages.stream(params as never).finalMessage(),
};

/** What both surfaces of the client have. */
type Message = Pick<Anthropic.Beta.BetaMessage, "id" | "role" | "type" | "model"> & {
  readonly content: readonly object[];
  readonly stop_reason: string | null;
  readonly stop_sequence: string | null;
  readonly usage: object;
};

/** What a model says, and what the client must make of it. */
const answers: readonly [string, readonly object[], object[], string, string | null][] = [
  ["text", [text("Hello "), text("世界"), end("stop")], [said("Hello 世界")], "end_turn", null],
  [
    "thinking before text",
    [thought("Hm"), thought(", well"), text("Yes", "stop")],
    [{ type: "thinking", thinking: "Hm, well", signature: "anyclaude" }, said("Yes")],
    "end_turn",
    null,
  ],
  [
    "text before a call",
    [text("Looking"), called(0, "c", "Read", '{"path":'), called(0, "c", "", '"a"}'), end("stop")],
    [said("Looking"), use("Read", { path: "a" })],
    "tool_use",
    null,
  ],
  [
    "a call without arguments",
    [called(0, "c", "List", ""), end("tool_calls")],
    [use("List", {})],
    "tool_use",
    null,
  ],
  [
    "parallel calls under one id",
    [called(0, "c", "Read", '{"path":"a"}'), called(1, "c", "Read", '{"path":"b"}'), end("stop")],
    [use("Read", { path: "a" }), use("Read", { path: "b" })],
    "tool_use",
    null,
  ],
  ["an answer cut by its limit", [text("Hel"), end("length")], [said("Hel")], "max_tokens", null],
  [
    "an answer ended by a stop sequence",
    [text("A "), { choices: [{ delta: {}, finish_reason: "stop", stop_reason: "END" }] }],
    [said("A ")],
    "stop_sequence",
    "END",
  ],
  ["a refusal", [text("No"), end("content_filter")], [said("No")], "refusal", null],
];

describeSdk("an answer", (connect) => {
  for (const [name, ask] of Object.entries(ways)) {
    for (const [what, chunks, content, stopReason, stopSequence] of answers) {
      test(`is ${what} (${name})`, async () => {
        const { backend } = upstream(() => streamed([...chunks, usage(20, 2, 5)]));
        await using connection = await connect(backend);

        const message = await ask(connection.client, { ...question, stop_sequences: ["END"] });

        assertEquals(message.content.map(withoutId), content);
        assertEquals([message.stop_reason, message.stop_sequence], [stopReason, stopSequence]);
        assertEquals([message.type, message.role, message.model], [
          "message",
          "assistant",
          question.model,
        ]);
        assertMatch(message.id, /^msg_/);
        assertEquals(message.usage, {
          input_tokens: 15,
          cache_read_input_tokens: 5,
          cache_creation_input_tokens: 0,
          output_tokens: 2,
        });
      });
    }
  }

  test("has ids of its own, however the server names its calls", async () => {
    const { backend } = upstream(() =>
      streamed([called(0, "c", "Read", "{}"), called(1, "c", "Read", "{}"), end("stop")])
    );
    await using connection = await connect(backend);
    const { messages } = connection.client;

    const [one, other] = [await messages.create(question), await messages.create(question)];

    const ids = [one, other].flatMap(({ id, content }) => [id, ...content.map(idOf)]);
    assertEquals(new Set(ids).size, 6);
  });

  test("can be followed event by event", async () => {
    const { backend } = upstream(() =>
      streamed([thought("Hm"), text("Yes"), called(0, "c", "Read", "{}"), end("tool_calls")])
    );
    await using connection = await connect(backend);
    const seen: string[] = [];

    const events = await connection.client.messages.create({ ...question, stream: true });
    for await (const event of events) {
      seen.push(event.type === "content_block_delta" ? event.delta.type : event.type);
    }

    assertEquals(seen, [
      "message_start",
      ...["content_block_start", "thinking_delta", "signature_delta", "content_block_stop"],
      ...["content_block_start", "text_delta", "content_block_stop"],
      ...["content_block_start", "input_json_delta", "content_block_stop"],
      ...["message_delta", "message_stop"],
    ]);
  });

  test("fires the events of the stream helper", async () => {
    const { backend } = upstream(() =>
      streamed([
        ...[thought("Hm"), text("Y"), text("es"), called(0, "c", "Read", '{"path":')],
        ...[called(0, "c", "", '"a"}'), end("tool_calls")],
      ])
    );
    await using connection = await connect(backend);
    const fired: unknown[] = [];
    const json: string[] = [];

    const stream = connection.client.messages.stream(question)
      .on("connect", () => fired.push("connect"))
      .on("thinking", (delta, snapshot) => fired.push(["thinking", delta, snapshot]))
      .on("signature", (signature) => fired.push(["signature", signature]))
      .on("text", (delta, snapshot) => fired.push(["text", delta, snapshot]))
      .on("inputJson", (delta) => json.push(delta))
      .on("contentBlock", (block) => fired.push(["contentBlock", withoutId(block)]))
      .on("message", ({ stop_reason }) => fired.push(["message", stop_reason]))
      .on("finalMessage", () => fired.push("finalMessage"))
      .on("end", () => fired.push("end"));
    await stream.done();

    assertEquals(fired, [
      "connect",
      ["thinking", "Hm", "Hm"],
      ["signature", "anyclaude"],
      ["contentBlock", { type: "thinking", thinking: "Hm", signature: "anyclaude" }],
      ["text", "Y", "Y"],
      ["text", "es", "Yes"],
      ["contentBlock", said("Yes")],
      ["contentBlock", use("Read", { path: "a" })],
      ["message", "tool_use"],
      "finalMessage",
      "end",
    ]);
    assert(json.length > 1, "The input came in one piece");
    assertEquals(json.join(""), '{"path":"a"}');
  });

  test("can be sent back with its thinking", async () => {
    const { backend, calls } = upstream(() => streamed([thought("Hm"), text("Yes", "stop")]));
    await using connection = await connect(backend);
    const { messages } = connection.client;

    const { content } = await messages.stream(question).finalMessage();
    await messages.create({
      ...question,
      messages: [
        ...question.messages,
        { role: "assistant", content },
        { role: "user", content: "More" },
      ],
    });

    assert(content[0]?.type === "thinking" && content[0].signature !== "");
    const sent = calls[1]?.body["messages"] as object[];
    assertEquals(sent[1], { role: "assistant", content: "Yes", reasoning_content: "Hm" });
  });
});

function said(words: string): object {
  return { type: "text", text: words };
}

function use(name: string, input: object): object {
  return { type: "tool_use", name, input };
}

function withoutId(block: object): object {
  const { id: _, ...rest } = block as { id?: string };
  return rest;
}

function idOf(block: object): unknown {
  return (block as { id?: string }).id;
}
