import { after, before, describe, test } from "node:test";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { gunzipSync, gzipSync } from "node:zlib";
import { assertEquals } from "@std/assert";
import { forward } from "#forward";

describe("forwarding", () => {
  let server: Server;
  let url: string;
  before(async () => {
    server = createServer((request, response) => {
      if (request.url === "/moved") return response.writeHead(302, { location: "/" }).end();
      const wantsGzip = request.headers["accept-encoding"]?.includes("gzip") ?? false;
      const body = Buffer.from("hello ".repeat(100));
      response.writeHead(200, wantsGzip ? { "content-encoding": "gzip" } : {});
      response.end(wantsGzip ? gzipSync(body) : body);
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  after(() => void server.close());

  const send = (path: string) =>
    forward(url + path, {
      method: "GET",
      headers: new Headers({ "accept-encoding": "gzip" }),
      body: undefined,
      signal: new AbortController().signal,
    });

  test("hands over a body that is what its content-encoding says", async () => {
    const response = await send("/");

    const bytes = new Uint8Array(await response.arrayBuffer());
    const isPacked = response.headers.get("content-encoding") === "gzip";
    const text = new TextDecoder().decode(isPacked ? gunzipSync(bytes) : bytes);
    assertEquals(text, "hello ".repeat(100));
  });

  test("does not follow a redirect with the user's key", async () => {
    const response = await send("/moved");

    assertEquals(response.status, 302);
    await response.body?.cancel();
  });
});
