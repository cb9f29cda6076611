import { readdir, readFile, writeFile } from "node:fs/promises";
import process from "node:process";
import { describe, test } from "node:test";
import { assertEquals, assertStringIncludes } from "@std/assert";
import fc from "fast-check";
import { cut } from "../support/cut.ts";
import { illegalities } from "../support/legal-stream.ts";
import { question } from "../support/proxy.ts";
import { translate } from "../support/translate.ts";

const streams = new URL("../fixtures/streams/", import.meta.url);
const recordings = (await readdir(streams)).filter((name) => name.endsWith(".openai.sse")).sort();

const properties = {
  path: { type: "string" },
  limit: { type: "integer" },
  all: { type: "boolean" },
  command: { type: "string" },
};
const tools = ["Read", "Write", "Bash"].map((name) => ({
  name,
  input_schema: { type: "object", properties },
}));
const request = { ...question, stop_sequences: ["</end>", "tiny"], tools };

describe("an upstream stream", () => {
  for (const recording of recordings) {
    const golden = recording.replace(".openai.", ".anthropic.");
    const options = { ours: recording.includes(".ours."), request };

    test(`${recording} becomes ${golden}`, async () => {
      const actual = await translate([await readFile(new URL(recording, streams))], options);

      if (process.env["UPDATE_GOLDEN"]) await writeFile(new URL(golden, streams), actual);
      assertEquals(actual, await readFile(new URL(golden, streams), "utf8"));
      assertEquals(illegalities(actual), []);
    });

    test(`${recording} means the same wherever the network cuts it`, async () => {
      const bytes = await readFile(new URL(recording, streams));
      const whole = joined(await translate([bytes], options));

      const sizes = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1 });
      await fc.assert(
        fc.asyncProperty(sizes, async (each) => {
          assertEquals(joined(await translate(cut(bytes, each), options)), whole);
        }),
        { numRuns: 20, examples: [[[1]]] },
      );
    });

    test(`${recording} ends legally wherever the server dies`, async () => {
      const bytes = await readFile(new URL(recording, streams));

      await fc.assert(
        fc.asyncProperty(fc.nat({ max: bytes.length }), async (length) => {
          assertEquals(illegalities(await translate([bytes.slice(0, length)], options)), []);
        }),
        { numRuns: 40 },
      );
    });
  }
});

describe("ids", () => {
  test("of messages and calls are fresh although the server repeats its own", async () => {
    const recording = await readFile(new URL("parallel-calls-same-id.openai.sse", streams));

    const told = await translate([recording], { request: { ...question, stream: true } });

    const ids = [...told.matchAll(/"id":"(\w+)"/g)].map(([, id]) => id);
    assertEquals(ids, ["msg_1", "toolu_2", "toolu_3"]);
  });
});

describe("a lost connection", () => {
  test("ends in an error on which the client tries again", async () => {
    const recording = await readFile(new URL("cut-in-mid-stream.openai.sse", streams));

    const told = await translate([recording]);

    assertStringIncludes(told, `"type":"overloaded_error"`);
  });
});

/** Where a delta is cut does not matter, only what the deltas of a block say together. */
function joined(sse: string): string {
  const seen: string[] = [];
  for (const frame of sse.split("\n\n")) {
    const text = /"(?:text|thinking|partial_json)":"((?:[^"\\]|\\.)*)"\}\}$/.exec(frame)?.[1];
    const before = text === undefined ? frame : frame.slice(0, -`${text}"}}`.length);
    const last = seen.at(-1);
    if (text !== undefined && last?.startsWith(before)) seen[seen.length - 1] = last + text;
    else seen.push(text === undefined ? frame : before + text);
  }
  return seen.join("\n");
}
