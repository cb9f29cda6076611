import Anthropic, { type APIError } from "@anthropic-ai/sdk";
import { test } from "node:test";
import { assert, assertEquals, assertMatch, assertNotEquals, assertRejects } from "@std/assert";
import { question, token } from "../support/proxy.ts";
import { describeSdk } from "../support/sdk.ts";
import { streamed, text, upstream } from "../support/upstream.ts";

const listed = () =>
  Response.json({ data: [{ id: "a", max_model_len: 4096 }, { id: "org/b" }, { id: "c" }] });
const answering = () => upstream(() => streamed([text("Yes", "stop")])).backend;

describeSdk("tokens and models", (connect) => {
  for (const surface of ["messages", "beta"] as const) {
    test(`counts tokens (${surface})`, async () => {
      const { backend } = upstream(() => Response.json({ count: 17 }));
      await using connection = await connect(backend);
      const { client } = connection;
      const messages = surface === "beta" ? client.beta.messages : client.messages;

      const { input_tokens } = await messages.countTokens({
        ...{ model: "m", messages: question.messages, system: "Be brief" },
      });

      assertEquals(input_tokens, 17);
    });

    test(`lists what models there are (${surface})`, async () => {
      await using connection = await connect(upstream(listed).backend);
      const { client } = connection;

      const page = await (surface === "beta" ? client.beta.models : client.models).list();

      assertEquals(
        page.data.map(({ id, type, display_name, max_input_tokens }) => [
          ...[id, type, display_name, max_input_tokens],
        ]),
        [
          ["a", "model", "a", 4096],
          ["org/b", "model", "org/b", null],
          ["c", "model", "c", null],
        ],
      );
      assertEquals([page.has_more, page.first_id, page.last_id], [false, "a", "c"]);
      assertEquals(page.hasNextPage(), false);
    });

    test(`finds one model (${surface})`, async () => {
      await using connection = await connect(upstream(listed).backend);
      const { client } = connection;
      const models = surface === "beta" ? client.beta.models : client.models;

      const model = await models.retrieve("org/b");
      const error = await assertRejects(() => models.retrieve("d"));

      assertEquals([model.id, model.lifecycle], ["org/b", "active"]);
      assert(error instanceof Anthropic.NotFoundError, String(error));
      assertEquals(error.apiMessage, "model: d");
    });
  }

  test("goes through the pages of a list, forwards and backwards", async () => {
    await using connection = await connect(upstream(listed).backend);
    const { models } = connection.client;

    const pages: string[][] = [];
    for await (const page of (await models.list({ limit: 2 })).iterPages()) {
      pages.push(page.data.map(({ id }) => id));
    }
    const before: string[] = [];
    for await (const { id } of models.list({ limit: 1, before_id: "c" })) before.push(id);

    assertEquals(pages, [["a", "org/b"], ["c"]]);
    assertEquals(before, ["org/b", "a"]);
  });

  test("is told of a page that cannot be", async () => {
    await using connection = await connect(upstream(listed).backend);
    const { models } = connection.client;

    const errors = [
      await assertRejects(async () => await models.list({ limit: 0 })),
      await assertRejects(async () => await models.list({ after_id: "d" })),
    ];

    for (const error of errors) {
      assert(error instanceof Anthropic.BadRequestError, String(error));
    }
  });

  test("sees an empty list where the server names no model", async () => {
    await using connection = await connect(upstream(() => Response.json({ data: [] })).backend);

    const { data, first_id, last_id } = await connection.client.models.list();

    assertEquals([data.length, first_id, last_id], [0, null, null]);
  });
});

/** Today's client sends a key as a bearer token. */
function older(key: string): Record<string, string | null> {
  return { authorization: null, "x-api-key": key };
}

describeSdk("access and identity", (connect) => {
  for (
    const [what, options] of [
      ["a key", { apiKey: token, authToken: null }],
      ["a bearer token", { apiKey: null, authToken: token }],
      ["a key as older clients send it", { apiKey: "x", defaultHeaders: older(token) }],
    ] as const
  ) {
    test(`is let in with ${what}`, async () => {
      await using connection = await connect(answering(), options);

      const message = await connection.client.messages.create(question);

      assertEquals(message.stop_reason, "end_turn");
    });
  }

  for (const options of [{ apiKey: "wrong" }, { apiKey: null, authToken: "wrong" }]) {
    test(`is kept out with a wrong ${"authToken" in options ? "token" : "key"}`, async () => {
      await using connection = await connect(answering(), options);

      const error = await assertRejects<APIError>(() =>
        connection.client.messages.create(question)
      );

      assert(error instanceof Anthropic.AuthenticationError, String(error));
      assertMatch(error.requestID ?? "", /^req_/);
    });
  }

  test("can name each of its requests", async () => {
    await using connection = await connect(answering());
    const { messages } = connection.client;

    const whole = await messages.create(question);
    const stream = messages.stream(question);
    await stream.finalMessage();

    assertMatch(whole._request_id ?? "", /^req_/);
    assertMatch(stream.request_id ?? "", /^req_/);
    assertNotEquals(whole._request_id, stream.request_id);
  });

  test("may name betas that nobody here knows", async () => {
    await using connection = await connect(answering());
    const betas = ["interleaved-thinking-2025-05-14", "unheard-of-2030-01-01"];

    const message = await connection.client.beta.messages.create({ ...question, betas });

    assertEquals(message.stop_reason, "end_turn");
  });

  const absent: readonly [string, (client: Anthropic) => Promise<unknown>][] = [
    ["list of batches", async ({ messages }) => await messages.batches.list()],
    ["batch", async ({ messages }) => await messages.batches.create({ requests: [] })],
    ["list of files", async ({ beta }) => await beta.files.list()],
    ["completion", async (client) => await client.post("/v1/complete", { body: {} })],
  ];
  for (const [what, ask] of absent) {
    test(`is told that there is no ${what}`, async () => {
      await using connection = await connect(answering());

      const error = await assertRejects(() => ask(connection.client));

      assert(error instanceof Anthropic.NotFoundError, String(error));
      assertEquals(error.type, "not_found_error");
      assertMatch(error.apiMessage ?? "", /^Cannot (GET|POST) \/v1\/.*: no such route$/);
    });
  }
});
