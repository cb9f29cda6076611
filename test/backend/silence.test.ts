import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, test } from "node:test";
import { assertEquals, assertStringIncludes } from "@std/assert";
import { patientFetch } from "../../src/app/patient-fetch.ts";
import { FakeClock, settled } from "../support/fake-clock.ts";
import { illegalities } from "../support/legal-stream.ts";
import { proxy, question } from "../support/proxy.ts";
import { typesIn } from "../support/told.ts";
import {
  callOf,
  encodeChunk,
  never,
  streamed,
  text,
  upstream,
  type UpstreamCall,
} from "../support/upstream.ts";

const streaming = { ...question, stream: true };
const gone = () => {
  throw Object.assign(new TypeError("Unable to connect"), { code: "ECONNREFUSED" });
};
const unreachable = () => {
  throw new TypeError("fetch failed", { cause: new Error("tcp connect error: No route to host") });
};
const reset = () => {
  throw Object.assign(new TypeError("closed"), { code: "ECONNRESET" });
};

type Probe = (call: UpstreamCall) => Response | Promise<Response>;
type Answer = (call: UpstreamCall) => Response | Promise<Response>;

describe("a server that has been silent for thirty seconds", () => {
  for (const [what, probe] of [["refuses", gone], ["has no way to it", unreachable]] as const) {
    test(`is given up when it ${what}, and no ping follows`, async () => {
      const { clock, ask, calls } = silent(never, probe);
      const asked = ask();
      await clock.advance(3000);
      const reading = (await asked).text();

      await clock.advance(60_000);
      const body = await reading;

      assertEquals(typesIn(body), ["message_start", "ping", "ping", "ping", "error"]);
      assertStringIncludes(body, `"type":"overloaded_error"`);
      assertStringIncludes(body, "The model server at http://model.test went away");
      assertEquals(illegalities(body), []);
      assertEquals([clock.sleepers, calls.every(({ signal }) => signal.aborted)], [0, true]);
    });
  }

  test("is given up in the middle of an answer too", async () => {
    const { clock, ask } = silent((held) => streamed([text("Hi")], { held }), gone);
    const reading = (await ask()).text();

    await clock.advance(60_000);
    const body = await reading;

    assertEquals(typesIn(body).filter((type) => type !== "ping").at(-1), "error");
    assertStringIncludes(body, "went away");
  });

  test("may be asked again by a client that wants no stream", async () => {
    const { clock, ask } = silent(never, gone);
    const asked = ask({ ...question, stream: false });

    await clock.advance(60_000);
    const response = await asked;

    assertEquals([response.status, response.headers.get("x-should-retry")], [529, null]);
  });

  const alive: readonly (readonly [what: string, probe: Probe])[] = [
    ["does not answer, as one that is busy", never],
    ["answers", () => new Response("{}")],
    ["answers that it has nothing there", () => new Response("no", { status: 404 })],
    ["answers that it is loading", () => new Response("no", { status: 503 })],
    [
      "answers with a web page",
      () => new Response("<p>", { headers: { "content-type": "text/html" } }),
    ],
    ["wants another key there", () => new Response("no", { status: 401 })],
    ["hangs up", reset],
  ];
  for (const [what, probe] of alive) {
    test(`is waited for when it ${what}`, async () => {
      const { promise, resolve } = Promise.withResolvers<Response>();
      const { clock, ask, probes } = silent(() => promise, probe);
      const asked = ask();
      await clock.advance(3000);
      const reading = (await asked).text();

      await clock.advance(600_000);
      resolve(streamed([text("Hi", "stop")]));
      const body = await reading;

      assertEquals(typesIn(body).at(-1), "message_stop");
      assertEquals(clock.sleepers, 0);
      assertEquals(probes.length > 10 && probes.length <= 20, true, String(probes.length));
    });
  }

  test("is asked something cheap, without the prompt", async () => {
    const { clock, ask, probes } = silent(never, () => new Response("{}"));
    void ask();

    await clock.advance(30_000);

    assertEquals(probes.map(({ url, body }) => [url, body]), [["http://model.test", {}]]);
  });

  test("is not asked as long as it speaks", async () => {
    const spoken = speaking();
    const { clock, ask, probes } = silent(spoken.answer, gone);
    spoken.say(text("Hi"));
    const reading = (await ask()).text();

    for (let words = 0; words < 10; words += 1) {
      await clock.advance(20_000);
      spoken.say(text(" there"));
      await settled();
    }
    spoken.end();
    await reading;

    assertEquals(probes.length, 0);
    assertEquals(clock.sleepers, 0);
  });

  test("is not given up when it speaks while it is asked", async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    const spoken = speaking();
    const { clock, ask, probes } = silent(spoken.answer, () => promise.then(gone));
    spoken.say(text("Hi"));
    const reading = (await ask()).text();

    // The first half minute ends with what was said at its beginning.
    await clock.advance(60_000);
    spoken.say(text(" there"));
    await settled();
    resolve();
    await settled();
    spoken.end();

    assertEquals(typesIn(await reading).at(-1), "message_stop");
    assertEquals(probes.length, 1);
  });

  for (
    const [what, begins, silentMs] of [["nothing", false, 30_000], [
      "a word",
      true,
      60_000,
    ]] as const
  ) {
    test(`is given up on a real socket that stays open, after ${what}`, async () => {
      const met = Promise.withResolvers<void>();
      await using server = await holdingServer((response) => {
        if (begins) response.write(`data: ${JSON.stringify(text("Hi"))}\n\n`);
        met.resolve();
      });
      const clock = new FakeClock();
      const address = () => ({ baseUrl: server.url, apiKey: undefined });
      const { backend } = upstream(never, { clock, address, fetch: patientFetch });
      const asked = proxy(backend, { clock }).ask({ ...question, stream: begins });
      await met.promise;
      const begun = begins ? await asked : undefined;

      server.vanish();
      await clock.advance(silentMs);
      const answer = await (begun ?? await asked).text();

      assertStringIncludes(answer, "overloaded_error");
      assertStringIncludes(answer, "went away");
    });
  }

  test("is asked nothing for a client that left before", async () => {
    const { calls, backend } = upstream(() => streamed([text("Hi", "stop")]));
    const client = new AbortController();
    client.abort();

    const call = callOf({ signal: client.signal });
    await Array.fromAsync(backend.stream(question, call)).catch(() => {});

    assertEquals(calls.map(({ signal }) => signal.aborted), [true]);
  });

  test("is not asked any more when the client has left", async () => {
    const { clock, ask, probes } = silent(never, () => new Response("{}"));
    const asked = ask();
    await clock.advance(3000);
    const reader = (await asked).body?.getReader();
    await reader?.read();

    await reader?.cancel();
    await clock.advance(120_000);

    assertEquals([probes.length, clock.sleepers], [0, 0]);
  });
});

/** The proxy in front of a server; `probe` answers when it is asked whether it is still there. */
function silent(answer: Answer, probe: Probe) {
  const clock = new FakeClock();
  const probes: UpstreamCall[] = [];
  const { calls, backend } = upstream((call) => {
    if (call.url.endsWith("/chat/completions")) return answer(call);
    probes.push(call);
    return probe(call);
  }, { clock });
  const { ask } = proxy(backend, { clock });
  return { clock, calls, probes, ask: (body: object = streaming) => ask(body) };
}

/** An answer whose words are the test's; it breaks off when it is not wanted any more. */
function speaking() {
  let controller: ReadableStreamDefaultController<Uint8Array> | undefined;
  const body = new ReadableStream<Uint8Array>({ start: (given) => void (controller = given) });
  const say = (chunk: unknown) => controller?.enqueue(encodeChunk(chunk));
  return {
    say,
    end() {
      say(text("", "stop"));
      controller?.close();
    },
    answer(call: UpstreamCall) {
      call.signal.addEventListener("abort", () => controller?.error(call.signal.reason));
      return new Response(body);
    },
  };
}

/** A real server that holds what it is asked; `vanish`: it takes no more, and keeps what it has. */
async function holdingServer(begin: (response: ServerResponse) => void) {
  const server = createServer((_, response) => {
    response.writeHead(200, { "content-type": "text/event-stream" });
    begin(response);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    vanish: () => void server.close(),
    [Symbol.asyncDispose]: () => Promise.resolve(server.closeAllConnections()),
  };
}
