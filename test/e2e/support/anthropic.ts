import type { ServerResponse } from "node:http";
import { gzipSync } from "node:zlib";
import { httpServer, json } from "../../support/loopback.ts";

/** One exchange as it went over the wire. */
export interface Exchange {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly body: string;
}

export interface FakeAnthropic extends AsyncDisposable {
  readonly url: string;
  readonly exchanges: Exchange[];
}

/** The usage of both answers, by hand; the test has added it up. */
const usages = [
  {
    input_tokens: 4,
    cache_read_input_tokens: 0,
    cache_creation_input_tokens: 20_000,
    cache_creation: { ephemeral_5m_input_tokens: 20_000, ephemeral_1h_input_tokens: 0 },
    output_tokens: 30,
  },
  {
    input_tokens: 6,
    cache_read_input_tokens: 20_000,
    cache_creation_input_tokens: 300,
    cache_creation: { ephemeral_5m_input_tokens: 300, ephemeral_1h_input_tokens: 0 },
    output_tokens: 12,
  },
];

/**
 * Stands in for Anthropic: overloaded at first, then a tool call, then a text, compressed and in
 * one stream each. Records what it was sent.
 */
export async function fakeAnthropic(file: string): Promise<FakeAnthropic> {
  const exchanges: Exchange[] = [];
  let messages = 0;
  const place = await httpServer(async (request, response) => {
    let body = "";
    for await (const chunk of request.setEncoding("utf8")) body += chunk;
    const { method = "", url = "", headers } = request;
    exchanges.push({ method, path: url, headers, body });
    if (method !== "POST" || !url.startsWith("/v1/messages?")) {
      return json(response, {});
    }
    messages += 1;
    if (messages === 1) return overloaded(response);
    const isResult = body.includes('"tool_result"');
    const block: Block = isResult
      ? { type: "text", text: "The file is read" }
      : { type: "tool_use", id: "toolu_1", name: "Read", input: { file_path: file } };
    stream(response, block, usages[isResult ? 1 : 0]);
  });
  return {
    url: `http://127.0.0.1:${place.port}`,
    exchanges,
    [Symbol.asyncDispose]: () => place[Symbol.asyncDispose](),
  };
}

function overloaded(response: ServerResponse): void {
  const error = { type: "overloaded_error", message: "Overloaded" };
  response.setHeader("retry-after", "1");
  json(response, { type: "error", error }, 529);
}

type Block =
  | { readonly type: "text"; readonly text: string }
  | { readonly type: "tool_use"; readonly id: string; readonly name: string; input: object };

function stream(response: ServerResponse, block: Block, usage: object | undefined): void {
  const isCall = block.type === "tool_use";
  const events = [
    {
      type: "message_start",
      message: {
        ...{ id: "msg_1", type: "message", role: "assistant", model: "claude-sonnet-4-5-20250929" },
        ...{ content: [], stop_reason: null, stop_sequence: null },
        usage: { ...usage, output_tokens: 1 },
      },
    },
    {
      type: "content_block_start",
      index: 0,
      content_block: isCall ? { ...block, input: {} } : { type: "text", text: "" },
    },
    {
      type: "content_block_delta",
      index: 0,
      delta: isCall
        ? { type: "input_json_delta", partial_json: JSON.stringify(block.input) }
        : { type: "text_delta", text: block.text },
    },
    { type: "content_block_stop", index: 0 },
    {
      type: "message_delta",
      delta: { stop_reason: isCall ? "tool_use" : "end_turn", stop_sequence: null },
      usage,
    },
    { type: "message_stop" },
  ];
  const text = events.map((event) => `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`);
  response.writeHead(200, { "content-type": "text/event-stream", "content-encoding": "gzip" });
  response.end(gzipSync(text.join("")));
}
