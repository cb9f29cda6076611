import { Connection } from "../../src/backend/connection.ts";
import type { Fetch } from "../../src/core/fetch.ts";
import { FakeClock } from "./fake-clock.ts";

/** What a server answers, by path; any other path is a 404. A text is no JSON. */
export interface ForeignServer {
  readonly url?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly answers: Readonly<Record<string, unknown>>;
}

/** A server in memory, and what it was asked. */
export function foreignServer({ url = "http://model.test", headers, answers }: ForeignServer) {
  const asked: string[] = [];
  const bodies: unknown[] = [];
  const fetch: Fetch = (target, init) => {
    const { pathname, search } = new URL(target);
    asked.push(`${init.method ?? "GET"} ${pathname}${search}`);
    bodies.push(typeof init.body === "string" ? JSON.parse(init.body) : undefined);
    const answer = answers[pathname];
    if (answer === undefined) return Promise.resolve(new Response("Not Found", { status: 404 }));
    if (answer instanceof Response) return Promise.resolve(answer.clone());
    return Promise.resolve(Response.json(answer, headers ? { headers } : {}));
  };
  const connection = new Connection({
    ...{ address: () => ({ baseUrl: url, apiKey: undefined }), keySetting: "KEY", ours: false },
    ...{ fetch, clock: new FakeClock() },
  });
  return { asked, bodies, connection, fetch };
}
