/**
 * What one streamed chunk costs from the server's bytes to the client's, in microseconds of CPU:
 * event, JSON, translation, event again. The floor only reads the same bytes. Each chunk comes in a
 * read of its own, as a network delivers a token; `in one read` is a server that sends many at once.
 *
 *     node_modules/.bin/bun test/bench/stream-chunk.bench.ts
 */
import { Buffer } from "node:buffer";
import process from "node:process";
import { encodeSse } from "../../src/protocol/sse.ts";
import { speechLimits, TextLoop } from "../../src/translate/answer/text-loop.ts";
import { callOf, encodeChunk, upstream } from "../support/upstream.ts";
import { claudeRequest } from "./request.ts";
import { p, random, say } from "./support.ts";

const chunks = 10_000;
const rounds = 15;
const encoder = new TextEncoder();
const request = claudeRequest();
const call = callOf();

const words = "the file that you read, returns a line of code (with every tool) before `it` ends.\n"
  .split(/(?= )/);
const chance = random(3);
const word = () => words[Math.floor(chance() * words.length)] ?? "";
const content = () => ({ content: word() });
const thinking = () => ({ reasoning_content: word() });
const pieces = (index: number) => ({
  tool_calls: [{
    index: 0,
    function: { arguments: index === 0 ? `{"property0":"` : word().trim() },
  }],
});
const kinds: Readonly<Record<string, (index: number) => object>> = {
  text: content,
  thinking,
  "call's arguments": pieces,
};

const rows: (string | number)[][] = [["", "µs a chunk", "p90", "floor"]];
for (const [name, delta] of Object.entries(kinds)) {
  const reads = streamOf(delta);
  rows.push([name, ...await measured(reads)]);
  if (name !== "text") continue;
  rows.push([`${name}, in one read`, ...await measured([Buffer.concat(reads)])]);
}
rows.push(["watching for a loop alone", ...await watching(), 0]);
say(rows);

async function watching(): Promise<number[]> {
  const pieces = Array.from({ length: chunks }, word);
  const costs: number[] = [];
  for (let round = -5; round < rounds; round += 1) {
    const cost = await cpu(async () => {
      const loop = new TextLoop(speechLimits);
      for (const piece of pieces) loop.feed(piece);
    });
    if (round >= 0) costs.push(cost / chunks);
  }
  return [p(0.5, costs), p(0.9, costs)];
}

function streamOf(delta: (index: number) => object): Uint8Array[] {
  const head = { id: "chatcmpl-7f3c2a", object: "chat.completion.chunk", created: 1, model: "m" };
  const event = (delta: object, finish_reason: string | null) =>
    encodeChunk({ ...head, choices: [{ index: 0, delta, finish_reason }] });
  const named = { tool_calls: [{ index: 0, id: "call_1", function: { name: "Tool1" } }] };
  const first = "tool_calls" in delta(0) ? [event(named, null)] : [];
  const middle = Array.from({ length: chunks }, (_, index) => event(delta(index), null));
  return [...first, ...middle, event({}, "stop"), encoder.encode("data: [DONE]\n\n")];
}

async function measured(reads: readonly Uint8Array[]): Promise<number[]> {
  const full: number[] = [];
  const floor: number[] = [];
  for (let round = -5; round < rounds; round += 1) {
    const cost = await cpu(() => translated(reads));
    const least = await cpu(() => read(reads));
    if (round < 0) continue;
    full.push(cost / chunks);
    floor.push(least / chunks);
  }
  return [p(0.5, full), p(0.9, full), p(0.5, floor)];
}

/** Microseconds of this process, its collector's included. */
async function cpu(run: () => Promise<void>): Promise<number> {
  const before = process.cpuUsage();
  await run();
  const { user, system } = process.cpuUsage(before);
  return user + system;
}

async function translated(reads: readonly Uint8Array[]): Promise<void> {
  const { backend } = upstream(() => body(reads));
  for await (const event of backend.stream(request, call)) encoder.encode(encodeSse(event));
}

async function read(reads: readonly Uint8Array[]): Promise<void> {
  for await (const _ of body(reads).body ?? []) continue;
}

function body(reads: readonly Uint8Array[]): Response {
  let next = 0;
  const stream = new ReadableStream<Uint8Array>({
    pull(controller) {
      const read = reads[next++];
      if (read) controller.enqueue(read);
      else controller.close();
    },
  }, { highWaterMark: 0 });
  return new Response(stream, { headers: { "content-type": "text/event-stream" } });
}
