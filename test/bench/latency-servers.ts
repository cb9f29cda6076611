/**
 * What `latency.bench.ts` compares with, each in a process of its own: `upstream` answers in
 * OpenAI's or Anthropic's dialect at once, `hono URL` passes everything on and does nothing else,
 * `json URL` parses what it passes on and writes it again. All print their address.
 */
import { Hono } from "hono";
import process from "node:process";
import { setTimeout as delay } from "node:timers/promises";
import { encodeSse } from "../../src/protocol/sse.ts";

const [, , kind, target] = process.argv;
const app = kind === "upstream" ? upstream() : passThrough(target ?? "", kind === "json");
const server = Bun.serve({ hostname: "127.0.0.1", port: 0, idleTimeout: 0, fetch: app.fetch });
process.stdout.write(`http://127.0.0.1:${server.port}\n`);

function passThrough(url: string, isParsed: boolean): Hono {
  const hono = new Hono();
  hono.all("*", async (c) => {
    const { method, headers, signal } = c.req.raw;
    const path = new URL(c.req.url).pathname;
    if (!isParsed) return fetch(url + path, { method, headers, body: c.req.raw.body, signal });
    headers.delete("content-length");
    return fetch(url + path, { method, headers, body: JSON.stringify(await c.req.json()), signal });
  });
  return hono;
}

/** The model's name says how many chunks are wanted: `m-50`; `m-open` never ends. */
function upstream(): Hono {
  const hono = new Hono();
  hono.get("/v1/models", (c) => c.json({ data: [{ id: "m-50" }] }));
  hono.post("/v1/chat/completions", async (c) => answer(await c.req.text(), toChunk, last));
  hono.post("/v1/messages", async (c) => answer(await c.req.text(), toEvent, ended));
  hono.notFound((c) => c.text("no", 404));
  return hono;
}

function answer(asked: string, piece: (text: string) => string, end: string): Response {
  const wanted = /"model":"m-(\w+)"/.exec(asked)?.[1] ?? "1";
  const count = wanted === "open" ? 1 : Number(wanted);
  const encoder = new TextEncoder();
  const batch = 20;
  let sent = 0;
  const body = new ReadableStream<Uint8Array>({
    async pull(controller) {
      // A model takes its time for the second token: what is done at the end would else come first.
      if (sent === 1) await delay(2);
      if (sent >= count) {
        if (wanted === "open") return new Promise(() => {});
        controller.enqueue(encoder.encode(end));
        return controller.close();
      }
      let text = sent === 0 && piece === toEvent ? begun : "";
      for (let left = sent === 0 ? 1 : Math.min(batch, count - sent); left > 0; left -= 1) {
        text += piece(` word${sent += 1}`);
      }
      controller.enqueue(encoder.encode(text));
    },
  });
  return new Response(body, { headers: { "content-type": "text/event-stream" } });
}

function toChunk(content: string): string {
  const choice = { index: 0, delta: { content }, finish_reason: null };
  const head = { id: "c", object: "chat.completion.chunk", created: 1, model: "m" };
  return frame({ ...head, choices: [choice] });
}

function toEvent(text: string): string {
  return named({ type: "content_block_delta", index: 0, delta: { type: "text_delta", text } });
}

function frame(data: object): string {
  return `data: ${JSON.stringify(data)}\n\n`;
}

function named(event: { readonly type: string; readonly [field: string]: unknown }): string {
  return encodeSse(event);
}

const usage = { input_tokens: 1, output_tokens: 0 };
const begun = named({ type: "message_start", message: { id: "msg_1", type: "message", usage } }) +
  named({ type: "content_block_start", index: 0, content_block: { type: "text", text: "" } });
const last = frame({ choices: [{ index: 0, delta: {}, finish_reason: "stop" }] }) +
  frame({ choices: [], usage: { prompt_tokens: 9, completion_tokens: 9 } }) + "data: [DONE]\n\n";
const ended = named({ type: "content_block_stop", index: 0 }) +
  named({ type: "message_delta", delta: { stop_reason: "end_turn" }, usage }) +
  named({ type: "message_stop" });
