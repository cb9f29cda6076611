import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

export interface RecordingServer extends Disposable {
  readonly url: string;
  /** Method, path, headers and body of each request, as JSON. */
  readonly requests: string[];
}

/** An OpenAI-compatible server of one model that says Hi, and keeps what it was sent. */
export async function recordingServer(): Promise<RecordingServer> {
  const requests: string[] = [];
  const server = createServer(async (request, response) => {
    let body = "";
    for await (const chunk of request.setEncoding("utf8")) body += chunk;
    const { host: _, ...headers } = request.headers;
    if (request.url !== "/health") {
      requests.push(JSON.stringify([request.method, request.url, headers, body]));
    }
    if (request.url === "/v1/models") {
      response.setHeader("content-type", "application/json");
      response.end(JSON.stringify({ data: [{ id: "m", owned_by: "vllm" }] }));
    } else if (request.url === "/v1/chat/completions") {
      const chunks = [
        { choices: [{ index: 0, delta: { content: "Hi" }, finish_reason: "stop" }] },
        { choices: [], usage: { prompt_tokens: 7, completion_tokens: 1 } },
      ];
      response.setHeader("content-type", "text/event-stream");
      const lines = chunks.map((chunk) => `data: ${JSON.stringify(chunk)}\n\n`);
      response.end(`${lines.join("")}data: [DONE]\n\n`);
    } else response.writeHead(404).end();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    requests,
    [Symbol.dispose]: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}
