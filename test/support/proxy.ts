import type { Backend } from "../../src/backend/backend.ts";
import type { Clock } from "../../src/core/clock.ts";
import { silentLog } from "../../src/core/log.ts";
import { toMetrics } from "../../src/monitor/metrics.ts";
import type { RequestRecord } from "../../src/monitor/record.ts";
import { createApp } from "../../src/server/app.ts";
import { countIds } from "./count-ids.ts";
import { FakeClock } from "./fake-clock.ts";

export const token = "secret-token";
export const question = {
  model: "local-model",
  max_tokens: 100,
  messages: [{ role: "user" as const, content: "Hello" }],
};

export interface Proxy {
  readonly records: RequestRecord[];
  /** Answers what a server on a port would be asked. */
  fetch(request: Request): Response | Promise<Response>;
  /** Sends a request as a client on this machine would; `headers` replace the usual ones. */
  send(path: string, init?: RequestInit): Promise<Response>;
  ask(body: unknown, init?: RequestInit): Promise<Response>;
}

/** The whole proxy as a function, in front of a backend. */
export function proxy(backend: Backend, { clock = new FakeClock() as Clock } = {}): Proxy {
  const records: RequestRecord[] = [];
  const app = createApp({
    version: "0.0.0",
    token,
    metrics: () => toMetrics(records, undefined),
    service: {
      kind: "translate",
      mode: "openai",
      backend,
      clock,
      newId: countIds(),
      log: silentLog,
      onRecord: (record) => void records.push(record),
    },
  });
  const send: Proxy["send"] = async (path, init = {}) => {
    const headers = { host: "127.0.0.1:4000", "x-api-key": token };
    return await app.fetch(new Request(`http://127.0.0.1:4000${path}`, { headers, ...init }));
  };
  const ask: Proxy["ask"] = (body, init = {}) =>
    send("/v1/messages?beta=true", { method: "POST", body: JSON.stringify(body), ...init });
  return { records, fetch: (request) => app.fetch(request), send, ask };
}
