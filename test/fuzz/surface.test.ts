import { describe, test } from "node:test";
import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { allExcuses, illegalities } from "../support/legal-stream.ts";
import { proxy, token } from "../support/proxy.ts";
import { streamed, text, upstream, usage } from "../support/upstream.ts";
import { odd, setField } from "./odd-values.ts";
import { requests } from "./requests.ts";
import { patience, runs } from "./runs.ts";

const usual = { host: "127.0.0.1:4000", "x-api-key": token };
const changes = fc.array(fc.tuple(fc.nat({ max: 10_000 }), odd), { minLength: 1, maxLength: 4 });
const routes = fc.constantFrom("/v1/messages", "/v1/messages", "/v1/messages/count_tokens");

describe("any request", () => {
  test("that was right and is odd now is served or refused", patience, async () => {
    const base = fc.constantFrom(...requests);
    await fc.assert(
      fc.asyncProperty(routes, base, changes, async (path, request, all) => {
        const changed = structuredClone(request);
        for (const [field, value] of all) setField(changed, field, structuredClone(value));

        await expectSound(path, { method: "POST", headers: usual, body: JSON.stringify(changed) });
      }),
      runs(700),
    );
  });

  test("of any bytes is served or refused", patience, async () => {
    const sent = fc.record({
      method: fc.constantFrom("POST", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"),
      path: fc.oneof(
        routes,
        fc.webPath(),
        fc.webUrl({ withQueryParameters: true }).map((url) => new URL(url).search),
        fc.string().map((path) => `/v1/${encodeURI(path)}`),
      ),
      headers: fc.oneof(
        fc.constant(usual),
        fc.dictionary(
          fc.oneof(
            fc.constantFrom("host", "x-api-key", "authorization", "content-encoding", "cookie"),
            fc.stringMatching(/^[a-z-]{1,12}$/),
          ),
          fc.oneof(fc.constantFrom(token, "gzip", "127.0.0.1"), fc.stringMatching(/^[!-~]{0,20}$/)),
        ).map((more) => ({ ...usual, ...more })),
      ),
      body: fc.oneof(
        fc.uint8Array({ maxLength: 200 }),
        fc.json(),
        fc.constantFrom(...requests).chain((request) => {
          const json = JSON.stringify(request);
          return fc.nat({ max: json.length }).map((length) => json.slice(0, length));
        }),
      ),
    });
    await fc.assert(
      fc.asyncProperty(sent, async ({ path, ...init }) => {
        await expectSound(path, init as RequestInit);
      }),
      runs(300),
    );
  });
});

/** An answer as it should be, or an error in its shape that is no fault of ours. */
async function expectSound(path: string, init: RequestInit): Promise<void> {
  const { backend } = upstream(() => streamed([text("Hi", "stop"), usage(9, 1)]));
  const response = await proxy(backend).send(path, init);
  const body = await response.text();
  if (response.headers.get("content-type")?.startsWith("text/event-stream")) {
    assertEquals(illegalities(body, allExcuses), []);
    return;
  }
  if (response.status < 400) return;
  assert(response.status < 500, body);
  const { type, error } = JSON.parse(body);
  assertEquals([type, typeof error.type, typeof error.message], ["error", "string", "string"]);
  assert(error.message.length < 20_000, error.message);
}
