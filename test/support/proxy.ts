import type { Backend } from "../../src/backend/backend.ts";
import type { Clock } from "../../src/core/clock.ts";
import type { NewId } from "../../src/core/ids.ts";
import { type Log, silentLog } from "../../src/core/log.ts";
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

export interface ProxyParts {
  readonly clock?: Clock;
  readonly newId?: NewId;
  readonly log?: Log;
  /** Where its records go. */
  readonly records?: RequestRecord[];
}

/** The whole proxy, in front of a backend. */
export function proxyApp(
  backend: Backend,
  { clock = new FakeClock(), newId = countIds(), log = silentLog, records = [] }: ProxyParts = {},
) {
  return createApp({
    version: "0.0.0",
    token,
    metrics: () => toMetrics(records, undefined),
    service: {
      kind: "translate",
      mode: "openai",
      backend,
      clock,
      newId,
      log,
      onRecord: (record) => void records.push(record),
    },
  });
}

/** The whole proxy as a function, in front of a backend. */
export function proxy(backend: Backend, parts: Pick<ProxyParts, "clock" | "log"> = {}): Proxy {
  const records: RequestRecord[] = [];
  const app = proxyApp(backend, { ...parts, records });
  const send: Proxy["send"] = async (path, init = {}) => {
    const headers = { host: "127.0.0.1:4000", "x-api-key": token };
    return await app.fetch(new Request(`http://127.0.0.1:4000${path}`, { headers, ...init }));
  };
  const ask: Proxy["ask"] = (body, init = {}) =>
    send("/v1/messages?beta=true", { method: "POST", body: JSON.stringify(body), ...init });
  return { records, fetch: (request) => app.fetch(request), send, ask };
}
