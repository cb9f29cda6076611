/** What each server is asked. */

export const chat = "/v1/chat/completions";

const tools = [
  tool("Read", "Reads a file", { file_path: "string", limit: "integer" }),
  tool("Bash", "Runs a command", { command: "string" }),
  tool("Write", "Writes a file", { file_path: "string", content: "string" }),
];
const usage = { stream: true, stream_options: { include_usage: true } };

/** By the name of the recording. Asked in this order: the second text finds the prompt known. */
export const streams: Readonly<Record<string, object>> = {
  "text": { ...say("Say hi"), ...usage },
  "text-again": { ...say("Say hi"), ...usage },
  "text-without-asking-for-usage": { ...say("Say hi"), stream: true },
  "text-cut-by-length": { ...say("Say hi"), ...usage, max_tokens: 5 },
  "stop-sequence": { ...say("Say hi"), ...usage, stop: ["tiny"] },
  "tool-call": { ...say("read a.txt"), ...usage, tools },
  "tool-call-cut-by-length": {
    ...say("write notes.txt: some text"),
    ...usage,
    tools,
    max_tokens: 22,
  },
  "parallel-calls": { ...say("read log1 and README.md"), ...usage, tools },
};

export interface Exchange {
  readonly method: "GET" | "POST";
  readonly path: string;
  /** Text is sent as it is. */
  readonly body?: object | string;
  /** Without the key. */
  readonly anonymous?: true;
}

const image = { type: "image_url", image_url: { url: "data:image/png;base64,iVBORw0KGgo=" } };

/** Everything about a server that is not a stream: what it says of itself, counts and refuses. */
export const exchanges: Readonly<Record<string, Exchange>> = {
  models: { method: "GET", path: "/v1/models" },
  props: { method: "GET", path: "/props" },
  version: { method: "GET", path: "/version" },
  "Ollama's version": { method: "GET", path: "/api/version" },
  "Ollama's running models": { method: "GET", path: "/api/ps" },
  "Ollama's model": { method: "POST", path: "/api/show", body: { model: "tiny" } },
  "tokenize messages": { method: "POST", path: "/tokenize", body: say("Say hi") },
  "tokenize text": { method: "POST", path: "/tokenize", body: { content: "Say hi" } },
  "count tokens": { method: "POST", path: "/v1/messages/count_tokens", body: say("Say hi") },
  "no such path": { method: "GET", path: "/v1/nope" },
  "no such model": { method: "POST", path: chat, body: { ...say("Say hi"), model: "nope" } },
  "no messages": { method: "POST", path: chat, body: { model: "tiny" } },
  "not JSON": { method: "POST", path: chat, body: '{"model": "tiny",' },
  "top_k": { method: "POST", path: chat, body: { ...say("Say hi"), max_tokens: 1, top_k: 20 } },
  "an image": {
    method: "POST",
    path: chat,
    body: { ...say("Say hi"), max_tokens: 1, messages: [{ role: "user", content: [image] }] },
  },
  "no key": { method: "POST", path: chat, body: say("Say hi"), anonymous: true },
};

/** About 140,000 tokens: more than the built-in model takes. */
export const tooLong: Exchange = {
  method: "POST",
  path: chat,
  body: { ...say("word ".repeat(70_000)), stream: true, max_tokens: 100 },
};

function say(content: string) {
  return {
    model: "tiny",
    messages: [{ role: "user", content }],
    temperature: 0,
    max_tokens: 200,
  };
}

function tool(name: string, description: string, types: Readonly<Record<string, string>>) {
  const properties = Object.fromEntries(
    Object.entries(types).map(([each, type]) => [each, { type }]),
  );
  return {
    type: "function",
    function: { name, description, parameters: { type: "object", properties } },
  };
}
