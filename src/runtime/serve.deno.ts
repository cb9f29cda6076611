import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { ReadableStream as NodeReadableStream } from "node:stream/web";
import type { Serve } from "./serve.ts";

/**
 * By way of node:http, because `Deno.serve` does not notice a client that leaves before the headers
 * of its answer, unless the request came in one small piece (Deno 2.9.6).
 */
export const serve: Serve = async ({ port, fetch }) => {
  const answer = async (incoming: IncomingMessage, outgoing: ServerResponse) => {
    const gone = new AbortController();
    outgoing.once("close", () => gone.abort());
    await send(await fetch(toRequest(incoming, gone.signal)), outgoing);
  };
  // An idle connection stays: who sends a question on one that just closed has to ask again.
  const server = createServer({ keepAliveTimeout: 0 }, (incoming, outgoing) => {
    // The client has left or the answer broke off: there is nobody or no way to tell.
    answer(incoming, outgoing).catch(() => void outgoing.destroy());
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, "127.0.0.1", resolve);
  });
  const { port: taken } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${taken}`,
    async [Symbol.asyncDispose]() {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    },
  };
};

function toRequest(incoming: IncomingMessage, signal: AbortSignal): Request {
  const { method = "GET", url = "/", headers } = incoming;
  const pairs = Object.entries(headers).flatMap(([name, value]): [string, string][] =>
    value === undefined ? [] : [[name, String(value)]]
  );
  const body = method === "GET" || method === "HEAD" ? null : Readable.toWeb(incoming);
  const init = { method, headers: pairs, body, signal, duplex: "half" };
  // Node's types of a web stream are not the web's.
  return new Request(new URL(url, "http://127.0.0.1"), init as unknown as RequestInit);
}

async function send(
  { status, statusText, headers, body }: Response,
  outgoing: ServerResponse,
): Promise<void> {
  outgoing.writeHead(status, statusText, [...headers].flat());
  outgoing.flushHeaders();
  if (body) await pipeline(Readable.fromWeb(body as unknown as NodeReadableStream), outgoing);
  else outgoing.end();
}
