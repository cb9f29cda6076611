import { httpServer, json } from "../../support/loopback.ts";

export interface RecordingServer extends AsyncDisposable {
  readonly url: string;
  /** Method, path, headers and body of each request, as JSON. */
  readonly requests: string[];
}

/** An OpenAI-compatible server of one model that says Hi, and keeps what it was sent. */
export async function recordingServer(): Promise<RecordingServer> {
  const requests: string[] = [];
  const place = await httpServer(async (request, response) => {
    let body = "";
    for await (const chunk of request.setEncoding("utf8")) body += chunk;
    const { host: _, ...headers } = request.headers;
    if (request.url !== "/health") {
      requests.push(JSON.stringify([request.method, request.url, headers, body]));
    }
    if (request.url === "/v1/models") {
      json(response, { data: [{ id: "m", owned_by: "vllm" }] });
    } else if (request.url === "/v1/chat/completions") {
      const chunks = [
        { choices: [{ index: 0, delta: { content: "Hi" }, finish_reason: "stop" }] },
        { choices: [], usage: { prompt_tokens: 7, completion_tokens: 1 } },
      ];
      response.setHeader("content-type", "text/event-stream");
      const lines = chunks.map((chunk) => `data: ${JSON.stringify(chunk)}\n\n`);
      response.end(`${lines.join("")}data: [DONE]\n\n`);
    } else json(response, undefined);
  });
  return {
    url: `http://127.0.0.1:${place.port}`,
    requests,
    [Symbol.asyncDispose]: () => place[Symbol.asyncDispose](),
  };
}
