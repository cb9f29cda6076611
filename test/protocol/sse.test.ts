import { describe, test } from "node:test";
import { assertEquals, assertRejects } from "@std/assert";
import { encodeSse, parseSse } from "../../src/protocol/sse.ts";
import { cut } from "../support/cut.ts";

describe("parseSse", () => {
  test("puts characters together that were cut between two reads", async () => {
    const bytes = new TextEncoder().encode("data: 世界 🌍\n\n");

    assertEquals(await dataOf(cut(bytes, [1])), ["世界 🌍"]);
  });

  for (const start of ["", "\ufeff"]) {
    test(`drops a byte order mark at the start only: ${JSON.stringify(start)}`, async () => {
      const [head, tail] = [`${start}data: a`, "\ufeffb\n\n"];

      const pieces = [head, tail].map((text) => new TextEncoder().encode(text));

      assertEquals(await dataOf(pieces), ["a\ufeffb"]);
    });
  }

  test("reads CRLF, comments, missing blanks and several data lines", async () => {
    const bytes = new TextEncoder().encode(": hi\r\n\r\ndata:one\r\ndata: two\r\n\r\n");

    assertEquals(await dataOf([bytes]), ["one\ntwo"]);
  });

  test("gives up on an event that does not end", async () => {
    const piece = new TextEncoder().encode("a".repeat(1024 * 1024));
    const endless = [
      new TextEncoder().encode("data: "),
      ...Array.from({ length: 20 }, () => piece),
    ];

    await assertRejects(() => dataOf(endless));
  });
});

describe("encodeSse", () => {
  test("names the event and keeps the data on one line", () => {
    assertEquals(
      encodeSse({ type: "ping", text: "a\nb" } as { type: string }),
      `event: ping\ndata: {"type":"ping","text":"a\\nb"}\n\n`,
    );
  });
});

async function dataOf(pieces: readonly Uint8Array[]): Promise<string[]> {
  const seen: string[] = [];
  const source = (async function* () {
    yield* pieces;
  })();
  for await (const { data } of parseSse(source)) seen.push(data);
  return seen;
}
