import { describe, test } from "node:test";
import { assert, assertEquals } from "@std/assert";
import { proxy, question } from "../support/proxy.ts";
import { streamed, text, upstream } from "../support/upstream.ts";
import { malformedBodies } from "./malformed-fields.ts";
import { json, malformedRequests, oddRequests, type Sent, usual } from "./malformed-requests.ts";

const routes = ["/v1/messages?beta=true", "/v1/messages/count_tokens"];

/** Anthropic's names for the statuses. */
const types: Readonly<Record<number, string>> = {
  400: "invalid_request_error",
  401: "authentication_error",
  403: "permission_error",
  404: "not_found_error",
  413: "request_too_large",
};

describe("a request that says something wrong", () => {
  for (const route of routes) {
    for (const [what, body, message] of malformedBodies) {
      test(`is told so at ${route}: ${what}`, async () => {
        const refused = await send({ path: route, body: JSON.stringify(body) });

        assertEquals(refused, { status: 400, type: "invalid_request_error", message });
      });
    }
  }

  for (const [what, sent, status, message] of malformedRequests) {
    test(`is refused with ${status}: ${what}`, async () => {
      assertEquals(await send(sent), { status, type: types[status], message });
    });
  }

  test("needs a limit for an answer and not for a count", async () => {
    const body = JSON.stringify({ ...question, max_tokens: undefined });

    const [answer, count] = await Promise.all(routes.map((path) => send({ path, body })));

    assertEquals([answer?.message, count?.status], ["max_tokens: Field required", 200]);
  });
});

describe("a request that is only odd", () => {
  for (const [what, sent] of oddRequests) {
    test(`is served: ${what}`, async () => {
      assertEquals((await send(sent)).status, 200);
    });
  }

  test("leaves no trace on the objects of others", async () => {
    await send({ body: json.replace("{", '{"__proto__":{"polluted":1},') });

    assertEquals(({} as { polluted?: number }).polluted, undefined);
  });
});

/** The status, and what an error says: in its shape, and without a word to the backend. */
async function send(
  { method = "POST", path = "/v1/messages", headers = usual, body = json }: Sent,
) {
  const { calls, backend } = upstream(() => streamed([text("Hi", "stop")]));
  const init = { method, headers, ...(body === null ? {} : { body }) };
  const response = await proxy(backend).send(path, init);
  const { status } = response;
  if (status < 400) return { status, type: undefined, message: undefined };
  const { request_id, ...answer } = await response.json();
  assert(request_id === undefined || request_id === response.headers.get("request-id"));
  assertEquals([answer.type, Object.keys(answer), calls], ["error", ["type", "error"], []]);
  const { type, message } = answer.error;
  return { status, type, message };
}
