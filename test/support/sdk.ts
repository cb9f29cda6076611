import Anthropic, { type ClientOptions } from "@anthropic-ai/sdk";
import { describe } from "node:test";
import { serve } from "#serve";
import type { Backend } from "../../src/backend/backend.ts";
import { type Clock, systemClock } from "../../src/core/clock.ts";
import { randomId } from "../../src/core/ids.ts";
import { proxyApp, token } from "./proxy.ts";
import { untilAborted } from "./upstream.ts";

/** The official client and the proxy that it talks to. */
export interface Connection extends AsyncDisposable {
  readonly client: Anthropic;
}

export type Connect = (
  backend: Backend,
  options?: ClientOptions & { readonly clock?: Clock },
) => Promise<Connection>;

type Answer = (request: Request) => Response | Promise<Response>;

interface Reached extends AsyncDisposable {
  readonly options: ClientOptions;
}

/** The ways from the client to the proxy; each test runs over every one. */
const transports: Readonly<Record<string, (answer: Answer) => Promise<Reached>>> = {
  "in memory": (answer) =>
    Promise.resolve({
      options: {
        baseURL: "http://127.0.0.1",
        fetch: async (input, init) => {
          const request = new Request(input as string, init as RequestInit);
          request.headers.set("host", "127.0.0.1");
          return await untilAborted(request.signal, answer(request));
        },
      },
      [Symbol.asyncDispose]: () => Promise.resolve(),
    }),
  "over a socket": async (answer) => {
    const server = await serve({ port: 0, fetch: answer });
    return {
      options: { baseURL: server.url },
      [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
    };
  },
};

/** The same tests for every transport. */
export function describeSdk(subject: string, tests: (connect: Connect) => void): void {
  for (const [name, reach] of Object.entries(transports)) {
    describe(`the official SDK, ${name}: ${subject}`, () =>
      tests(async (backend, { clock = systemClock, ...options } = {}) => {
        const app = proxyApp(backend, { clock, newId: randomId });
        const reached = await reach((request) => app.fetch(request));
        return {
          // Its own waiting would be real time: a test that retries says how long.
          client: new Anthropic({ apiKey: token, maxRetries: 0, ...reached.options, ...options }),
          [Symbol.asyncDispose]: () => reached[Symbol.asyncDispose](),
        };
      }));
  }
}
