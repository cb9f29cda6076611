/**
 * What an answer of the response cache costs, from the request to the last byte of its stream, at
 * a body of 150 KB, in milliseconds. The floor is the same proxy in front of a backend that says
 * the same at once. Also the parts: the key, sorting 50 tools, and storing with few and with many
 * other entries on disk.
 *
 *     node_modules/.bin/bun test/bench/response-hit.bench.ts
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Backend } from "../../src/backend/backend.ts";
import { type Answer, encodeAnswer, toReplay } from "../../src/cache/answer.ts";
import { createCachedBackend } from "../../src/cache/cached-backend.ts";
import { toPromptIdentity } from "../../src/cache/key.ts";
import { createMemoryTier } from "../../src/cache/memory.ts";
import { createSqliteTier } from "../../src/cache/sqlite.ts";
import type { CacheKey, CacheTier } from "../../src/cache/tier.ts";
import { TieredCache } from "../../src/cache/tiered.ts";
import { systemClock as clock } from "../../src/core/clock.ts";
import { randomId as newId } from "../../src/core/ids.ts";
import { silentLog as log } from "../../src/core/log.ts";
import { normalise } from "../../src/translate/request/normalise.ts";
import { proxy, token } from "../support/proxy.ts";
import { claudeRequest } from "./request.ts";
import { alternate, p, say } from "./support.ts";

const rounds = 400;
const folder = mkdtempSync(join(tmpdir(), "any bench "));
const answer: Answer = {
  content: [
    { type: "text", text: "I will read the file. ".repeat(20) },
    { type: "tool_use", id: "toolu_1", name: "Read", input: { file_path: "/a/b/c.txt" } },
  ],
  stopReason: "tool_use",
  stopSequence: null,
  usage: {
    input_tokens: 40_000,
    cache_read_input_tokens: 0,
    cache_creation_input_tokens: 0,
    output_tokens: 120,
  },
  generationMs: 9000,
};
const direct: Backend = {
  async *stream(request) {
    yield* toReplay(answer, { model: request.model, newId });
  },
  countTokens: () => Promise.resolve({ inputTokens: 0, exact: false }),
  models: () => Promise.resolve([]),
};

const request = claudeRequest();
const body = JSON.stringify(request);
const few = sqlite("few", 1);
const many = sqlite("many", 5000);
const entry = () => {
  const now = Date.now();
  return { body: encodeAnswer(answer), storedAt: now, expiresAt: now + 1e9 };
};

const servers = {
  floor: proxy(direct, { clock }),
  memory: cached([createMemoryTier({ maxEntries: 256, maxBytes: 2 ** 26 })]),
  "sqlite, 1 other entry": cached([await few]),
  "sqlite, 5,000 others": cached([await many]),
};
for (const server of Object.values(servers)) await ask(server);
const hits = await alternate(
  rounds,
  Object.fromEntries(Object.entries(servers).map(([name, server]) => [name, () => ask(server)])),
);
const floor = p(0.5, hits[0]?.ms ?? []);

say([
  [`body ${(body.length / 1024).toFixed(0)} KB`, "p50 ms", "p95 ms", "added p50", "ratio"],
  ...hits.map(({ name, ms }) => [
    ...[name, p(0.5, ms), p(0.95, ms), p(0.5, ms) - floor, p(0.5, ms) / floor],
  ]),
]);

const fifty = claudeRequest({ tools: 50 });
let stored = 0;
const parts = await alternate(rounds, {
  "parse": async () => JSON.parse(body),
  "normalise": async () => normalise(request),
  "normalise and key": async () => toPromptIdentity(normalise(request)),
  "order 50 tools": async () => fifty.tools?.toSorted((a, b) => a.name < b.name ? -1 : 1),
  "store among few": async () => (await few).set(`f${stored += 1}` as CacheKey, entry()),
  "store among 5,000": async () => (await many).set(`m${stored += 1}` as CacheKey, entry()),
});
say([
  ["part", "p50 ms", "p95 ms"],
  ...parts.map(({ name, ms }) => [name, p(0.5, ms), p(0.95, ms)]),
]);
rmSync(folder, { recursive: true });

function cached(tiers: readonly CacheTier[]) {
  const cache = new TieredCache(tiers, { clock, log });
  return proxy(
    createCachedBackend({
      ...{ backend: direct, cache, identity: "bench", ttlMs: 1e9, isFresh: false, clock, newId },
    }),
    { clock },
  );
}

async function sqlite(name: string, others: number): Promise<CacheTier> {
  const path = join(folder, `${name}.sqlite`);
  const tier = createSqliteTier({ path, maxBytes: 2 ** 30, clock, log });
  const body = new TextEncoder().encode("x".repeat(4000));
  const now = Date.now();
  for (let other = 0; other < others; other += 1) {
    await tier.set(`other ${other}` as CacheKey, { body, storedAt: now, expiresAt: now + 1e9 });
  }
  return tier;
}

async function ask(server: ReturnType<typeof proxy>): Promise<void> {
  const response = await server.send("/v1/messages?beta=true", {
    method: "POST",
    body,
    headers: { host: "127.0.0.1:4000", "x-api-key": token },
  });
  await response.arrayBuffer();
}
