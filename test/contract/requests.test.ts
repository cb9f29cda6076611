import type Anthropic from "@anthropic-ai/sdk";
import { jsonSchemaOutputFormat } from "@anthropic-ai/sdk/helpers/json-schema";
import { test } from "node:test";
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { question } from "../support/proxy.ts";
import { describeSdk } from "../support/sdk.ts";
import { streamed, text, upstream } from "../support/upstream.ts";

type Params = Partial<Anthropic.MessageCreateParamsNonStreaming>;

const hello = { role: "user", content: "Hello" };
/** The API still takes what the types of this version no longer name. */
const sampling = { temperature: 0.5, top_p: 0.9, top_k: 40 };
const pixel =
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";
const read: Anthropic.Tool = {
  name: "Read",
  description: "Reads a file",
  input_schema: { type: "object", properties: { path: { type: "string" } } },
};
const chatTools = [{
  type: "function",
  function: { name: "Read", description: "Reads a file", parameters: read.input_schema },
}];

/** What the client may ask, and which fields of the chat request must then be what. */
const requests: readonly [string, Params, Readonly<Record<string, unknown>>][] = [
  ["may limit its output", { max_tokens: 7 }, { max_tokens: 7 }],
  ["may have a system text", { system: "Be brief" }, { messages: [system("Be brief"), hello] }],
  [
    "may have several system texts",
    { system: [{ type: "text", text: "Be brief" }, { type: "text", text: "Be kind" }] },
    { messages: [system("Be brief\n\nBe kind"), hello] },
  ],
  [
    "may have its content in blocks",
    { messages: [{ role: "user", content: [{ type: "text", text: "Hello" }] }] },
    { messages: [hello] },
  ],
  ["may name stop sequences", { stop_sequences: ["END", "###"] }, { stop: ["END", "###"] }],
  ["may say how to sample", sampling as Params, sampling],
  ["may offer tools", { tools: [read] }, { tools: chatTools, tool_choice: undefined }],
  [
    "may leave the choice of tools",
    { tools: [read], tool_choice: { type: "auto" } },
    { tools: chatTools, tool_choice: undefined },
  ],
  [
    "may demand some tool",
    { tools: [read], tool_choice: { type: "any" } },
    { tools: chatTools, tool_choice: "required" },
  ],
  [
    "may demand one tool",
    { tools: [read], tool_choice: { type: "tool", name: "Read" } },
    { tools: chatTools, tool_choice: { type: "function", function: { name: "Read" } } },
  ],
  [
    "may forbid its tools",
    { tools: [read], tool_choice: { type: "none" } },
    { tools: undefined, tool_choice: undefined },
  ],
  [
    "may want one call at a time",
    { tools: [read], tool_choice: { type: "auto", disable_parallel_tool_use: true } },
    { tools: chatTools, parallel_tool_calls: false },
  ],
  [
    "may show an image",
    { messages: [asked({ type: "base64", media_type: "image/png", data: pixel })] },
    { messages: [seen(`data:image/png;base64,${pixel}`)] },
  ],
  [
    "may name an image elsewhere",
    { messages: [asked({ type: "url", url: "https://images.test/a.png" })] },
    { messages: [seen("https://images.test/a.png")] },
  ],
];

describeSdk("a request", (connect) => {
  for (const [what, params, fields] of requests) {
    test(what, async () => {
      const { backend, calls } = upstream(() => streamed([text("Yes", "stop")]));
      await using connection = await connect(backend);

      await connection.client.messages.create({ ...question, ...params });

      const body = calls[0]?.body ?? {};
      const sent = Object.fromEntries(Object.keys(fields).map((name) => [name, body[name]]));
      assertEquals(sent, fields);
    });
  }

  test("may hold a document beside its text", async () => {
    const { backend, calls } = upstream(() => streamed([text("Yes", "stop")]));
    await using connection = await connect(backend);
    const source = { type: "text", media_type: "text/plain", data: "A page" } as const;

    const { content } = await connection.client.messages.create({
      ...question,
      messages: [{
        role: "user",
        content: [{ type: "document", source }, { type: "text", text: "What is this?" }],
      }],
    });

    assert(content[0]?.type === "text" && content[0].text === "Yes");
    assertStringIncludes(JSON.stringify(calls[0]?.body["messages"]), "What is this?");
  });

  const format = jsonSchemaOutputFormat({
    type: "object",
    properties: { answer: { type: "number" } },
    required: ["answer"],
  });

  test("may want JSON of a shape, and gets it parsed", async () => {
    const { backend, calls } = upstream(() => streamed([text('{"answer":42}', "stop")]));
    await using connection = await connect(backend);
    const { messages } = connection.client;

    const parsed = await messages.parse({ ...question, output_config: { format } });
    const followed = await messages.stream({ ...question, output_config: { format } })
      .finalMessage();

    assertEquals([parsed.parsed_output, followed.parsed_output], [{ answer: 42 }, { answer: 42 }]);
    const asked = calls.map(({ body }) => body["response_format"]);
    assertEquals(asked, [responseFormat(format.schema), responseFormat(format.schema)]);
  });

  test("may want JSON of a shape in the beta surface too", async () => {
    const { backend } = upstream(() => streamed([text('{"answer":42}', "stop")]));
    await using connection = await connect(backend);

    const { parsed_output } = await connection.client.beta.messages.parse({
      ...question,
      output_config: { format },
    });

    assertEquals(parsed_output, { answer: 42 });
  });
});

function system(content: string): object {
  return { role: "system", content };
}

function asked(source: Anthropic.ImageBlockParam["source"]): Anthropic.MessageParam {
  return { role: "user", content: [{ type: "image", source }, { type: "text", text: "What?" }] };
}

function seen(url: string): object {
  return {
    role: "user",
    content: [{ type: "image_url", image_url: { url } }, { type: "text", text: "What?" }],
  };
}

function responseFormat(schema: unknown): object {
  return { type: "json_schema", json_schema: { name: "answer", schema } };
}
