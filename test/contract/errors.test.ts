import Anthropic, { APIError } from "@anthropic-ai/sdk";
import { test } from "node:test";
import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import type { Backend } from "../../src/backend/backend.ts";
import { type ErrorType, ProxyError, type ProxyErrorOptions } from "../../src/core/errors.ts";
import { question } from "../support/proxy.ts";
import { describeSdk } from "../support/sdk.ts";
import { streamed, text, upstream } from "../support/upstream.ts";

type ErrorClass = new (...args: never[]) => APIError;

/** What each error is to the client, and how often it asks when it may ask three times. */
const errors: readonly [ErrorType, number, ErrorClass, number][] = [
  ["invalid_request_error", 400, Anthropic.BadRequestError, 1],
  ["authentication_error", 401, Anthropic.AuthenticationError, 1],
  ["permission_error", 403, Anthropic.PermissionDeniedError, 1],
  ["not_found_error", 404, Anthropic.NotFoundError, 1],
  ["request_too_large", 413, Anthropic.ContentTooLargeError, 1],
  ["rate_limit_error", 429, Anthropic.RateLimitError, 3],
  ["api_error", 500, Anthropic.InternalServerError, 3],
  ["timeout_error", 504, Anthropic.GatewayTimeoutError, 3],
  ["overloaded_error", 529, Anthropic.OverloadedError, 3],
];

describeSdk("a failure", (connect) => {
  for (const [type, status, errorClass, attempts] of errors) {
    for (const stream of [false, true]) {
      test(`of type ${type} has its class, and is asked about ${attempts} times (stream: ${stream})`, async () => {
        const { backend, asked } = failing(type, { retryAfterSeconds: 0.001 });
        await using connection = await connect(backend, { maxRetries: 2 });

        const error = await assertRejects<APIError>(() =>
          connection.client.messages.create({ ...question, stream })
        );

        assert(error instanceof errorClass, String(error));
        assertEquals([error.status, error.type, error.apiMessage], [status, type, "No luck"]);
        assertEquals(asked(), attempts);
      });
    }
  }

  test("that is final is not asked about again", async () => {
    const { backend, asked } = failing("api_error", { final: true });
    await using connection = await connect(backend, { maxRetries: 2 });

    await assertRejects(() => connection.client.messages.create(question));

    assertEquals(asked(), 1);
  });

  test("is over when the next attempt succeeds", async () => {
    let attempt = 0;
    const headers = { "retry-after": "0.001" };
    const { backend, calls } = upstream(() =>
      (attempt += 1) === 1
        ? Response.json({ error: { message: "Busy" } }, { status: 503, headers })
        : streamed([text("Yes", "stop")])
    );
    await using connection = await connect(backend, { maxRetries: 2 });

    const message = await connection.client.messages.stream(question).finalMessage();

    assertEquals(message.stop_reason, "end_turn");
    assertEquals(calls.length, 2);
  });

  test("says how long to wait", async () => {
    const { backend } = failing("rate_limit_error", { retryAfterSeconds: 7 });
    await using connection = await connect(backend);

    const error = await assertRejects<APIError>(() => connection.client.messages.create(question));

    assertEquals(error.headers?.get("retry-after"), "7");
  });

  /** What a model server may answer, and what the client is to make of it. */
  const upstreamErrors = [
    [429, Anthropic.RateLimitError],
    [404, Anthropic.NotFoundError],
    [400, Anthropic.BadRequestError],
    [401, Anthropic.PermissionDeniedError],
    [403, Anthropic.PermissionDeniedError],
    [413, Anthropic.ContentTooLargeError],
    [500, Anthropic.InternalServerError],
    [503, Anthropic.OverloadedError],
  ] as const;
  for (const [status, errorClass] of upstreamErrors) {
    test(`of the model server with ${status} has its class`, async () => {
      const { backend } = upstream(() => Response.json({ error: { message: "No" } }, { status }));
      await using connection = await connect(backend);

      const error = await assertRejects(() =>
        connection.client.messages.stream(question).finalMessage()
      );

      assert(error instanceof errorClass, String(error));
    });
  }

  test("in the middle of an answer is thrown with its type", async () => {
    const { backend } = upstream(() => streamed([text("Hel")], { done: false }));
    await using connection = await connect(backend, { maxRetries: 2 });

    const error = await assertRejects<APIError>(() =>
      connection.client.messages.stream(question).finalMessage()
    );

    assert(error instanceof APIError, String(error));
    assertEquals(error.type, "overloaded_error");
    assertMatch(error.requestID ?? "", /^req_/);
  });

  test("that is a bug of ours is told without its words", async () => {
    const backend = { ...failing("api_error").backend, stream: broken };
    await using connection = await connect(backend);

    const error = await assertRejects<APIError>(() => connection.client.messages.create(question));

    assert(error instanceof Anthropic.InternalServerError, String(error));
    assertEquals(error.apiMessage, "Internal proxy error");
  });

  test("names its request in its headers and in its body", async () => {
    const { backend } = failing("not_found_error");
    await using connection = await connect(backend);
    const { messages } = connection.client;

    const one = await assertRejects<APIError>(() => messages.create(question));
    const other = await assertRejects<APIError>(() => messages.create(question));

    assertMatch(one.requestID ?? "", /^req_/);
    assertEquals((one.error as { request_id: string }).request_id, one.requestID as string);
    assert(one.requestID !== other.requestID);
  });

  test("of a malformed request says where it is malformed", async () => {
    const { backend, asked } = failing("api_error");
    await using connection = await connect(backend);
    const body = { ...question, messages: [{ role: "robot", content: "Hello" }] };

    const error = await assertRejects<APIError>(() =>
      connection.client.messages.create(body as never)
    );

    assert(error instanceof Anthropic.BadRequestError, String(error));
    assertMatch(error.apiMessage ?? "", /^messages\.0\.role: /);
    assertEquals(asked(), 0);
  });
});

/** A backend that only fails, and how often it was asked. */
function failing(type: ErrorType, options?: ProxyErrorOptions) {
  let asked = 0;
  const fail = (): never => {
    asked += 1;
    throw new ProxyError(type, "No luck", options);
  };
  const backend: Backend = {
    // deno-lint-ignore require-yield -- it fails before it says anything
    async *stream() {
      fail();
    },
    countTokens: async () => fail(),
    models: async () => fail(),
  };
  return { backend, asked: () => asked };
}

// deno-lint-ignore require-yield -- it fails before it says anything
async function* broken(): AsyncGenerator<never> {
  throw new TypeError("undefined is not a function, near the user's words");
}
