import { describe, test } from "node:test";
import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { createCachedBackend } from "../../src/cache/cached-backend.ts";
import { createMemoryTier } from "../../src/cache/memory.ts";
import { TieredCache } from "../../src/cache/tiered.ts";
import { silentLog } from "../../src/core/log.ts";
import type { MessageResponse } from "../../src/protocol/anthropic.ts";
import { countIds } from "../support/count-ids.ts";
import { FakeClock } from "../support/fake-clock.ts";
import { illegalities } from "../support/legal-stream.ts";
import { proxy, question, token } from "../support/proxy.ts";
import { streamed, text, upstream, type UpstreamCall } from "../support/upstream.ts";

const usual = { host: "127.0.0.1:4000", "x-api-key": token };
const asking = (content: string) => ({ ...question, messages: [{ role: "user", content }] });
const call = [toolCall('{"file_path":"a"}'), text("", "tool_calls")];

describe("the response cache in front of a backend", () => {
  test("answers A, B, A with two generations, streamed or not", async () => {
    const { server, calls } = cached(() => streamed([text("Hi", "stop")]));

    const answers = [];
    for (const [content, stream] of [["A", false], ["B", true], ["A", true]] as const) {
      answers.push(await server.ask({ ...asking(content), stream }));
    }

    assertEquals(answers.map(({ headers }) => headers.get("x-anyclaude-cache")), [
      "miss",
      "miss",
      "hit; tier=memory",
    ]);
    assertEquals(calls.length, 2);
    const replayed = await answers[2]?.text() ?? "";
    assertEquals(illegalities(replayed), []);
    assert(replayed.includes('"text":"Hi"'), replayed);
    await answers[1]?.text();
    assertEquals(server.records.map(({ responseCache }) => responseCache).toSorted(), [
      "memory",
      "miss",
      "miss",
    ]);
  });

  test("gives a tool call again under a fresh id", async () => {
    const { server } = cached(() => streamed(call));

    const [first, second] = [await answer(server, "A"), await answer(server, "A")];

    assertNotEquals(first.id, second.id);
    assertNotEquals(idOf(first), idOf(second));
    assertEquals(withoutIds(first), withoutIds(second));
  });

  test("asks again when told to, and keeps the newer answer", async () => {
    let count = 0;
    const { server, calls } = cached(() => streamed([text(`${count += 1}`, "stop")]));

    await answer(server, "A");
    const headers = { ...usual, "cache-control": "no-cache" };
    const fresh = await server.ask(asking("A"), { headers });
    const again = await answer(server, "A");

    assertEquals(fresh.headers.get("x-anyclaude-cache"), "miss");
    assertEquals(calls.length, 2);
    assertEquals(again.content, [{ type: "text", text: "2" }]);
  });

  const unstored: readonly [string, (call: UpstreamCall) => Response][] = [
    ["a truncated answer", () => streamed([text("Hi", "length")])],
    ["an answer that breaks off", () => streamed([text("Hi")], { done: false })],
    ["an empty answer", () => streamed([text("", "stop")])],
    [
      "a tool call that is not JSON",
      () => streamed([toolCall('{"file'), text("", "tool_calls")]),
    ],
    [
      "a tool call that was repaired",
      () => streamed([toolCall(`{"file_path":"a"`), text("", "tool_calls")]),
    ],
    ["an answer that had to be ended", () => streamed([text("on and on ".repeat(2000), "stop")])],
  ];
  for (const [what, respond] of unstored) {
    test(`does not keep ${what}`, async () => {
      const { server, calls } = cached(respond);

      await (await server.ask(asking("A"))).text();
      await (await server.ask(asking("A"))).text();

      assertEquals(calls.length, 2);
    });
  }

  test("does not keep an answer whose client left", async () => {
    const { server, calls } = cached((held) => streamed([text("Hi")], { held }));
    const left = await server.ask({ ...asking("A"), stream: true });
    const reader = left.body!.getReader();
    await reader.read();
    await reader.cancel();

    assert(calls[0]?.signal.aborted);
    const again = await server.ask({ ...asking("A"), stream: true });
    assertEquals(again.headers.get("x-anyclaude-cache"), "miss");
    await again.body?.cancel();
  });

  test("shares one generation among fifty who ask at once", async () => {
    const { server, calls } = cached(() => streamed(call));
    const requests = Array.from({ length: 50 }, (_, number) => ({
      ...asking(number % 5 === 0 ? "B" : "A"),
      stream: number % 2 === 0,
    }));

    const answers = await Promise.all(requests.map((request) => server.ask(request)));
    const bodies = await Promise.all(answers.map((each) => each.text()));

    assertEquals(calls.length, 2);
    const headers = answers.map((each) => each.headers.get("x-anyclaude-cache"));
    assertEquals(headers.filter((each) => each === "miss").length, 2);
    assertEquals(headers.filter((each) => each === "hit; tier=flight").length, 48);
    const ids = bodies.map((body) => body.match(/"id":"(toolu_\d+)"/)?.[1]);
    assertEquals(new Set(ids).size, 50);
    assertEquals(server.records.length, 50);
  });

  test("gives nothing again when it is switched off, and still counts", async () => {
    const { server, calls } = cached(() => streamed([text("Hi", "stop")]), { isFresh: true });

    await answer(server, "A");
    await answer(server, "A");

    assertEquals(calls.length, 2);
    assertEquals(
      server.records.map(({ responseCache, responseMiss }) => [responseCache, responseMiss]),
      [["miss", "bypassed"], ["miss", "bypassed"]],
    );
  });

  test("records what was asked, why it was missed, and what had to leave for it", async () => {
    const { server, clock } = cached(() => streamed([text("Hi", "stop")]), { maxEntries: 1 });

    for (const content of ["A", "A", "B"]) await answer(server, content);
    await clock.advance(2000);
    await answer(server, "B");

    const [first, again, other, late] = server.records;
    assertEquals(
      server.records.map((each) => [each.responseCache, each.responseMiss, each.isStored]),
      [
        ["miss", "absent", true],
        ["memory", undefined, false],
        ["miss", "absent", true],
        ["miss", "expired", true],
      ],
    );
    assertEquals(server.records.map((each) => each.evictedFromMemory), [0, 0, 1, 0]);
    assertEquals(first?.question, again?.question);
    assertNotEquals(first?.question, other?.question);
    assertEquals(other?.question, late?.question);
    assertEquals([first?.system, first?.tools], [other?.system, other?.tools]);
  });

  test("records how long a stored answer had taken to make", async () => {
    const { server, clock } = cached(async () => {
      await clock.advance(700);
      return streamed([text("Hi", "stop")]);
    });

    await answer(server, "A");
    await answer(server, "A");

    assertEquals(server.records.map(({ generationMs }) => generationMs), [undefined, 700]);
  });
});

function toolCall(json: string) {
  const call = { index: 0, id: "call_up", function: { name: "Read", arguments: json } };
  return { choices: [{ index: 0, delta: { tool_calls: [call] }, finish_reason: null }] };
}

function cached(
  respond: (call: UpstreamCall) => Response | Promise<Response>,
  { isFresh = false, maxEntries = 10 } = {},
) {
  const clock = new FakeClock();
  const newId = countIds();
  const { backend, calls } = upstream(respond, { newId });
  const tiers = [createMemoryTier({ maxEntries, maxBytes: 100_000 })];
  const server = proxy(
    createCachedBackend({
      backend,
      cache: new TieredCache(tiers, { clock, log: silentLog }),
      identity: "model",
      ttlMs: 1000,
      isFresh,
      clock,
      newId,
    }),
    { clock },
  );
  return { server, calls, clock };
}

async function answer(server: ReturnType<typeof proxy>, content: string): Promise<MessageResponse> {
  return await (await server.ask(asking(content))).json() as MessageResponse;
}

function idOf({ content }: MessageResponse): string | undefined {
  const block = content.find(({ type }) => type === "tool_use");
  return block?.type === "tool_use" ? block.id : undefined;
}

function withoutIds({ content, stop_reason }: MessageResponse) {
  return [stop_reason, content.map((block) => ({ ...block, id: undefined }))];
}
