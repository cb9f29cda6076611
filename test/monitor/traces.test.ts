import { describe, test } from "node:test";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { type Log, silentLog } from "../../src/core/log.ts";
import { clearTraces, openTraces } from "../../src/monitor/traces.ts";
import { FakeClock } from "../support/fake-clock.ts";

const asked = () =>
  new Request("http://127.0.0.1:4000/v1/messages?beta=true", {
    method: "POST",
    headers: { "x-api-key": "proxy-token-1", "content-type": "application/json" },
    body: `{"say":"hello", "mine":"proxy-token-1"}`,
  });

describe("traces", () => {
  test("hold an exchange as it was, readable by its owner alone, without keys", async (t) => {
    const { folder, traces } = place(t);
    const seen: string[] = [];
    const serve = traces.serving(async (request) => {
      seen.push(await request.text());
      return new Response("data: one\n\ndata: key proxy-token-1\n\n", {
        headers: { "set-cookie": "session=1", "content-type": "text/event-stream" },
      });
    });

    const answer = await (await serve(asked())).text();
    await written(folder);

    assertEquals(seen, [`{"say":"hello", "mine":"proxy-token-1"}`]);
    assertEquals(answer, "data: one\n\ndata: key proxy-token-1\n\n");
    const [name = ""] = readdirSync(folder);
    assertEquals([statSync(folder).mode & 0o777, statSync(join(folder, name)).mode & 0o777], [
      0o700,
      0o600,
    ]);
    const text = readFileSync(join(folder, name), "utf8");
    for (
      const part of [
        "POST http://127.0.0.1:4000/v1/messages?beta=true\n",
        "x-api-key: [redacted]\n",
        `{"say":"hello", "mine":"[redacted]"}`,
        "200 ",
        "set-cookie: [redacted]",
        "data: one\n\ndata: key [redacted]\n",
        "── ended",
      ]
    ) assertStringIncludes(text, part);
    assert(!text.includes("proxy-token-1"), text);
  });

  test("hold what we ask, without the keys in its address and the known ones", async (t) => {
    const { folder, traces } = place(t);
    const sent: unknown[] = [];
    const ask = traces.asking(async (...all) => {
      sent.push(all);
      return Response.json({ error: "no such key: upstream-key" }, { status: 401 });
    });
    const init = { method: "POST", body: `{"a": "upstream-key"}` };

    const response = await ask("https://me:hidden-word@x.test/v1?api_key=abc", init);
    await response.text();
    await written(folder);

    assertEquals(sent, [["https://me:hidden-word@x.test/v1?api_key=abc", init]]);
    const text = readFileSync(join(folder, readdirSync(folder)[0] ?? ""), "utf8");
    for (const secret of ["hidden-word", "abc", "upstream-key"]) {
      assert(!text.includes(secret), `${secret} in ${text}`);
    }
    assertStringIncludes(text, `{"a": "[redacted]"}`);
  });

  test("say how an exchange ended that did not come to its end", async (t) => {
    const { folder, traces } = place(t);
    const endless = () =>
      new Response(new ReadableStream({ pull: (to) => to.enqueue(new TextEncoder().encode("x")) }));
    const serve = traces.serving(() => Promise.resolve(endless()));
    const ask = traces.asking(() => Promise.reject(new Error("refused")));

    const reader = (await serve(asked())).body!.getReader();
    await reader.read();
    await reader.cancel();
    await ask("http://127.0.0.1:9/", {}).catch(() => {});
    await written(folder);

    const [client = "", upstream = ""] = readdirSync(folder).toSorted()
      .map((name) => readFileSync(join(folder, name), "utf8"));
    assertStringIncludes(client, "x\n── no more was read");
    assertStringIncludes(upstream, "No answer: refused");
  });

  test("hold up no question that is larger than what they keep of it", async (t) => {
    const { folder, traces } = place(t);
    const serve = traces.serving(() => Promise.resolve(new Response("too large")));
    const chunk = new Uint8Array(1024 * 1024);
    const body = new ReadableStream({ pull: (controller) => controller.enqueue(chunk) });
    const init = { method: "POST", body, ...{ duplex: "half" } };

    const answer = await serve(new Request("http://127.0.0.1:4000/", init));

    assertEquals(await answer.text(), "too large");
    await written(folder);
    const text = readFileSync(join(folder, readdirSync(folder)[0] ?? ""), "utf8");
    assertStringIncludes(text, "── more than 33554432 bytes");
  });

  test("hold a compressed answer as text, and pass it on compressed", async (t) => {
    const { folder, traces } = place(t);
    const bytes = new Uint8Array(gzipSync("hello"));
    const headers = { "content-encoding": "gzip" };
    const serve = traces.serving(() => Promise.resolve(new Response(bytes, { headers })));

    const answer = new Uint8Array(await (await serve(asked())).arrayBuffer());
    await written(folder);

    assertEquals(answer, bytes);
    const text = readFileSync(join(folder, readdirSync(folder)[0] ?? ""), "utf8");
    assertStringIncludes(text, "hello\n── ended");
  });

  test("make room by removing the oldest, and are gone when cleared", async (t) => {
    const { folder, traces } = place(t);
    const serve = traces.serving(() => Promise.resolve(new Response("hi")));
    await (await serve(asked())).text();
    for (let old = 0; old < 450; old += 1) {
      writeFileSync(join(folder, `2000-${String(old).padStart(3, "0")}`), "");
    }

    await (await serve(asked())).text();
    await written(folder);

    const names = readdirSync(folder).toSorted();
    assertEquals([names.length, names[0]], [400, "2000-052"]);
    assertEquals([clearTraces(folder), clearTraces(folder)], [400, 0]);
  });

  test("change nothing when they cannot be written, and warn once", async (t) => {
    const { folder, open, warnings } = place(t);
    writeFileSync(folder, "a file where the folder should be");
    const serve = open().serving(() => Promise.resolve(new Response("hi")));

    assertEquals(await (await serve(asked())).text(), "hi");
    assertEquals(await (await serve(asked())).text(), "hi");

    assertEquals(warnings, ["traces cannot be written"]);
  });
});

function place(t: { after(run: () => void): void }) {
  const parent = mkdtempSync(join(tmpdir(), "any traces "));
  t.after(() => rmSync(parent, { recursive: true }));
  const folder = join(parent, "traces");
  const warnings: string[] = [];
  const log: Log = { ...silentLog, warn: (message) => void warnings.push(message) };
  const secrets = [undefined, "upstream-key"];
  const open = () => openTraces({ folder, secrets, clock: new FakeClock(), log });
  return { folder, open, traces: open(), warnings };
}

/** Waits for the ends of all exchanges, which are written after the answers have been read. */
async function written(folder: string): Promise<void> {
  const isOpen = (name: string) =>
    name.endsWith(".txt") && !readFileSync(join(folder, name), "utf8").includes("── after");
  while (readdirSync(folder).some(isOpen)) await new Promise((resolve) => setImmediate(resolve));
}
