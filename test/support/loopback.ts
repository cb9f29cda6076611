import { createServer as createHttp, type RequestListener, type ServerResponse } from "node:http";
import { createServer as createHttps } from "node:https";
import { type AddressInfo, createServer as createTcp, type Server, type Socket } from "node:net";
import { type Certificate, selfSigned } from "./certificate.ts";

const dayMs = 86_400_000;

/** Something that listens on loopback, or did. */
export interface Place extends AsyncDisposable {
  readonly port: number;
}

/** A server whose answers are the test's. */
export async function httpServer(answer: RequestListener): Promise<Place> {
  return await listen(createHttp(answer));
}

/** Paths and what is there: JSON, a web page, or only a status. Everything else is a 404. */
export function serving(answers: Readonly<Record<string, unknown>>): Promise<Place> {
  return httpServer((request, response) => {
    const answer = answers[request.url ?? ""];
    if (typeof answer === "number") response.writeHead(answer).end();
    else if (typeof answer === "string") {
      response.writeHead(200, { "content-type": "text/html" }).end(answer);
    } else json(response, answer);
  });
}

export function json(response: ServerResponse, body: unknown, status = 200): void {
  if (body === undefined) response.writeHead(404).end();
  else {
    response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
  }
}

/** It speaks https, with a certificate that nobody has signed; `days` from now it began to count. */
export async function httpsServer(answer: RequestListener, days = -1): Promise<Place> {
  return await listen(createHttps(certificate(days), answer));
}

/** A port on which a program does with a connection what the test says. */
export async function socketServer(meet: (socket: Socket) => void): Promise<Place> {
  return await listen(createTcp(meet));
}

/** A port on which nobody listens any more. */
export async function deadPort(): Promise<Place> {
  const place = await socketServer(() => {});
  await place[Symbol.asyncDispose]();
  return { port: place.port, [Symbol.asyncDispose]: () => Promise.resolve() };
}

function certificate(days: number): Certificate {
  const from = Date.now() + days * dayMs;
  return selfSigned(new Date(from), new Date(from + 2 * dayMs));
}

async function listen(server: Server): Promise<Place> {
  const sockets = new Set<Socket>();
  server.on("connection", (socket: Socket) => {
    sockets.add(socket);
    socket.on("error", () => {}); // its client may leave
    socket.on("close", () => sockets.delete(socket));
  });
  server.on("tlsClientError", () => {}); // it is what is tested
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    port,
    async [Symbol.asyncDispose]() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}
