/**
 * What the proxy adds: milliseconds to the first byte of an answer, for bodies of 1, 150 and
 * 550 KB, in a new conversation and in the next turn of a known one; CPU for each streamed chunk;
 * memory with 500 open streams. Beside it a bare hono that passes everything on, and one that parses
 * it and writes it again, in the same run.
 * All servers are processes of their own; whoever is asked takes turns; what is "added" is over
 * asking the upstream directly.
 *
 *     node_modules/.bin/bun test/bench/latency.bench.ts
 */
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { createInterface } from "node:readline";
import type { MessagesRequest } from "../../src/protocol/anthropic.ts";
import { claudeRequest } from "./request.ts";
import { alternate, p, say } from "./support.ts";

interface Server {
  readonly url: string;
  readonly token: string;
  readonly child: ChildProcess;
}

const home = mkdtempSync(join(tmpdir(), "any bench "));
const here = import.meta.dirname ?? ".";
const servers = join(here, "latency-servers.ts");
const upstream = await start([servers, "upstream"]);
const hono = await start([servers, "hono", upstream.url]);
const json = await start([servers, "json", upstream.url]);
const translated = await serve("openai");
const forwarded = await serve("claude");

const shapes = [
  ["1 KB", 1500, small],
  ["150 KB", 600, (number: number, seed: number) => claudeRequest({ number, seed })],
  ["550 KB", 300, (number: number, seed: number) => claudeRequest({ number, seed, turns: 138 })],
] as const;

let number = 0;
for (const [name, rounds, make] of shapes) {
  const fresh = () => JSON.stringify({ ...make(0, number += 1), model: "m-1" });
  const next = () => JSON.stringify({ ...make(number += 1, 7), model: "m-1" });
  const bytes = next().length;
  const ask = (server: Server, path: string, make: () => string) => {
    // Made before they are timed, because making them takes longer than what is measured. None is
    // asked twice: its answer would come from the response cache.
    const bodies: string[] = [];
    return () => {
      if (bodies.length === 0) bodies.push(...Array.from({ length: 60 }, make));
      return firstByte(server, path, bodies.pop() ?? "");
    };
  };
  const samples = await alternate(rounds, {
    "direct": ask(upstream, "/v1/chat/completions", next),
    "bare hono": ask(hono, "/v1/chat/completions", next),
    "parsed and written": ask(json, "/v1/chat/completions", next),
    "translated, new conversation": ask(translated, "/v1/messages", fresh),
    "translated, next turn": ask(translated, "/v1/messages", next),
    "claude mode": ask(forwarded, "/v1/messages", next),
  });
  const direct = p(0.5, samples[0]?.ms ?? []);
  say([
    [`${name} (${(bytes / 1024).toFixed(0)} KB)`, "p50 ms", "p95 ms", "added p50", "ratio"],
    ...samples.map(({ name: who, ms }) => {
      const half = p(0.5, ms);
      return [who, half, p(0.95, ms), half - direct, half / direct];
    }),
  ]);
}

const chunks = 20_000;
const costs: (string | number)[][] = [];
for (
  const [who, server, path] of [
    ["bare hono", hono, "/v1/chat/completions"],
    ["translated", translated, "/v1/messages"],
    ["claude mode", forwarded, "/v1/messages"],
  ] as const
) {
  const micros: number[] = [];
  for (let round = 0; round < 6; round += 1) {
    const before = cpuMs(server);
    const body = JSON.stringify({ ...small(number += 1, 7), model: `m-${chunks}` });
    await (await post(server, path, body)).arrayBuffer();
    if (round > 0) micros.push(((cpuMs(server) - before) * 1000) / chunks);
  }
  costs.push([who, p(0.5, micros)]);
}
say([["CPU for each of 20,000 chunks", "p50 µs"], ...costs]);

const young = await serve("openai");
const memory: (string | number)[][] = [];
for (const [which, server] of [["just started", young], ["after all this", translated]] as const) {
  const before = residentMb(server);
  await Promise.all(Array.from({ length: 500 }, () => {
    const body = JSON.stringify({ ...small(number += 1, 7), model: "m-open" });
    return firstByte(server, "/v1/messages", body, true);
  }));
  memory.push([which, before, residentMb(server)]);
}
say([["memory of the proxy, MB", "before", "500 open streams"], ...memory]);

for (const { child } of [young, translated, forwarded, hono, json, upstream]) child.kill();
rmSync(home, { recursive: true, force: true });
process.exit(0);

function small(number: number, seed: number): MessagesRequest {
  const content = `Question ${number} of ${seed}: ${"what does it do? ".repeat(50)}`;
  return { model: "m", max_tokens: 1000, stream: true, messages: [{ role: "user", content }] };
}

async function serve(mode: "openai" | "claude"): Promise<Server> {
  const named = mode === "openai" ? ["--model", "m-50"] : [];
  const args = ["serve", "--mode", mode, "--base-url", upstream.url, ...named, "--json"];
  return await start([join(here, "..", "..", "src", "main.ts"), ...args]);
}

async function start(args: readonly string[]): Promise<Server> {
  const env = { ...process.env, ANYCLAUDE_HOME: home };
  const child = spawn(process.execPath, [...args], { stdio: ["ignore", "pipe", "inherit"], env });
  for await (const line of createInterface(child.stdout)) {
    if (line.startsWith("http")) return { url: line, token: "", child };
    if (line.startsWith("{")) {
      return { ...JSON.parse(line) as { url: string; token: string }, child };
    }
  }
  throw new Error(`${args.join(" ")} did not start`);
}

/** Milliseconds to the first byte; the rest is read too, unless it is to `stay` open. */
async function firstByte(server: Server, path: string, body: string, stay = false) {
  const startedAt = performance.now();
  const response = await post(server, path, body);
  const reader = response.body?.getReader();
  await reader?.read();
  const tookMs = performance.now() - startedAt;
  while (!stay && !(await reader?.read())?.done);
  return tookMs;
}

async function post({ url, token }: Server, path: string, body: string): Promise<Response> {
  const headers = { "content-type": "application/json", "x-api-key": token };
  const response = await fetch(url + path, { method: "POST", headers, body });
  if (!response.ok) throw new Error(await response.text());
  return response;
}

/** User and system time of a process; Linux tells it in hundredths of a second. */
function cpuMs({ child }: Server): number {
  const path = `/proc/${child.pid}/stat`;
  if (!existsSync(path)) return NaN;
  const fields = readFileSync(path, "utf8").replace(/^.*\) /, "").split(" ");
  return (Number(fields[11]) + Number(fields[12])) * 10;
}

function residentMb({ child }: Server): number {
  const path = `/proc/${child.pid}/status`;
  if (!existsSync(path)) return NaN;
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(path, "utf8"))?.[1]) / 1024;
}
