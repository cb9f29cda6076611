import { describe, test } from "node:test";
import { assertEquals } from "@std/assert";
import { prewarm } from "../../src/app/prewarm.ts";
import { type Log, silentLog } from "../../src/core/log.ts";

const address = () => ({ baseUrl: "http://127.0.0.1:1/v1/", apiKey: "secret" });

describe("prewarming", () => {
  test("names the project to our server, once", async () => {
    const asked: [string, RequestInit][] = [];
    const answered = Promise.withResolvers<void>();
    const log: Log = { ...silentLog, info: () => answered.resolve() };
    const fetch = (url: string, init: RequestInit) => {
      asked.push([url, init]);
      return Promise.resolve(Response.json({ tokens: 5 }, { status: 202 }));
    };

    using _warming = prewarm({ address, project: "p-1", fetch, log });
    await answered.promise;

    const [[url, { method, body, headers }] = ["", {}]] = asked;
    assertEquals([asked.length, url, method], [1, "http://127.0.0.1:1/prefix/warm", "POST"]);
    assertEquals(JSON.parse(String(body)), { project: "p-1" });
    assertEquals(new Headers(headers).get("authorization"), "Bearer secret");
  });

  test("is broken off at the end, and a failure is not the user's concern", async () => {
    const warnings: string[] = [];
    const log: Log = { ...silentLog, warn: (message) => warnings.push(message) };
    const broken = Promise.withResolvers<void>();
    const fetch = (_url: string, { signal }: RequestInit) =>
      new Promise<Response>((_resolve, reject) => {
        signal?.addEventListener("abort", () => {
          broken.resolve();
          reject(signal.reason);
        });
      });

    prewarm({ address, project: "p-1", fetch, log })[Symbol.dispose]();
    const gone = prewarm({
      ...{ project: "p-1", fetch, log },
      address: () => {
        throw new Error("given up");
      },
    });
    gone[Symbol.dispose]();
    await broken.promise;

    assertEquals(warnings, []);
  });
});
