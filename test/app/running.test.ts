import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, test } from "node:test";
import { assertEquals } from "@std/assert";
import { announceProxy, findProxies } from "../../src/app/running.ts";

const proxy = { url: "http://127.0.0.1:4100", token: "t", model: "m", contextLength: 8192 };
const answering = () => Promise.resolve(new Response("{}"));

describe("proxies that run", () => {
  let state = "";
  beforeEach(() => void (state = mkdtempSync(join(tmpdir(), "any state "))));
  afterEach(() => rmSync(state, { recursive: true }));
  const files = () => readdirSync(join(state, "proxies"));

  test("are found with their token until they end", async () => {
    const announced = announceProxy(state, proxy);

    const during = await findProxies(state, answering);
    announced[Symbol.dispose]();

    assertEquals([during, await findProxies(state, answering)], [[proxy], []]);
  });

  test("are readable by their owner alone", () => {
    using _ = announceProxy(state, proxy);

    const paths = [join(state, "proxies"), ...files().map((name) => join(state, "proxies", name))];
    assertEquals(paths.map((path) => statSync(path).mode & 0o777), [0o700, 0o600]);
  });

  test("are asked for their token, and forgotten when somebody else answers", async () => {
    using _ = announceProxy(state, proxy);
    const asked: (string | null)[] = [];

    const found = await findProxies(state, (url, { headers }) => {
      asked.push(`${url} ${new Headers(headers).get("x-api-key")}`);
      return Promise.resolve(new Response("no", { status: 401 }));
    });

    assertEquals([found, asked, files()], [[], ["http://127.0.0.1:4100/stats t"], []]);
  });

  test("are passed over when their file is damaged or they do not answer", async () => {
    mkdirSync(join(state, "proxies"));
    writeFileSync(join(state, "proxies", "1.json"), "{");
    using _ = announceProxy(state, proxy);

    const found = await findProxies(state, () => Promise.reject(new TypeError("refused")));

    assertEquals([found, files()], [[], []]);
  });

  test("are none where there never was one", async () => {
    assertEquals(await findProxies(state, answering), []);
  });
});
