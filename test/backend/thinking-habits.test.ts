import { describe, test } from "node:test";
import { assertEquals } from "@std/assert";
import type { Observation } from "../../src/backend/backend.ts";
import type { MessagesRequest } from "../../src/protocol/anthropic.ts";
import { encodeSse } from "../../src/protocol/sse.ts";
import { question } from "../support/proxy.ts";
import { told } from "../support/told.ts";
import { called, callOf, end, streamed, text, thought, upstream } from "../support/upstream.ts";

const tool = { name: "Read", input_schema: { type: "object" } };
const asked: MessagesRequest = { ...question, tools: [tool] };
const stray = [text("Hm.\n</think>\n\nYes"), end("stop")];
const asText = [{ text: "Hm.\n</think>\n\nYes" }];
const separated = [{ thinking: "Hm.\n" }, { text: "Yes" }];
const plain = [text("Just "), text("so"), end("stop")];

describe("thinking that a prompt has begun", () => {
  test("is told from the text from the second answer on", async () => {
    assertEquals(await answers(stray, stray, stray), [asText, separated, separated]);
  });

  test("ends with a call as well", async () => {
    const calling = [text("Hm.\n</think>\n\n"), called(0, "c", "Read", "{}"), end("tool_calls")];
    const read = { name: "Read", input: {} };

    assertEquals(await answers(calling, calling), [
      [{ text: "Hm.\n</think>\n\n" }, read],
      [{ thinking: "Hm.\n" }, read],
    ]);
  });

  test("is text when it does not end, until it is seen again", async () => {
    assertEquals(await answers(stray, plain, plain, stray, stray), [
      asText,
      [{ thinking: "Just so" }, { text: "Just so" }],
      [{ text: "Just so" }],
      asText,
      separated,
    ]);
  });

  test("is not ended by a tag that is no line of its own", async () => {
    const edit = '<tool_call>{"name":"Read","arguments":{"path":"a</think>b"}}</tool_call>';

    const [, quoted, called] = await answers(
      stray,
      [text("It is `</think>`, as in a</think>b.\n</think>\nSo"), end("stop")],
      [text(`I fix it.\n${edit}`), end("stop")],
    );

    assertEquals(quoted, [{ thinking: "It is `</think>`, as in a</think>b.\n" }, { text: "So" }]);
    assertEquals(called?.at(-1), { name: "Read", input: { path: "a</think>b" } });
  });

  test("is neither looked for nor doubted where an answer has a format", async () => {
    const schema = { type: "object" };
    const formatted = { output_config: { format: { type: "json_schema", schema } } };
    const { ask } = server(stray, [text("{}"), end("stop")], stray);

    assertEquals(await ask(), asText);
    assertEquals(await ask(formatted), [{ text: "{}" }]);
    assertEquals(await ask(), separated);
  });

  test("is not told a second time in front of a refusal", async () => {
    const refusing = [
      text("Hm"),
      { choices: [{ index: 0, delta: { refusal: "No" } }] },
      end("stop"),
    ];

    assertEquals(await answers(stray, refusing), [asText, [{ thinking: "Hm" }, { text: "No" }]]);
  });

  test("keeps answers out of the response cache that would be told otherwise now", async () => {
    const { altered } = server(stray, stray, plain, plain);

    assertEquals([await altered(), await altered(), await altered(), await altered()], [
      ["repaired"],
      [],
      ["repaired"],
      [],
    ]);
  });

  test("holds a call that was written as text when it does not end", async () => {
    const written = '<tool_call>{"name": "Read", "arguments": {}}</tool_call>';

    const [, second] = await answers(stray, [text(written), end("stop")]);

    assertEquals(second?.at(-1), { name: "Read", input: {} });
  });

  test("stays thinking when it is cut by the limit, has its own beginning, or leads to a call", async () => {
    const cut = [text("Hm. So"), end("length")];
    const calling = [text("Hm."), called(0, "c", "Read", "{}"), end("tool_calls")];

    const begun = [text("<think>Hm. So"), end("stop")];

    assertEquals(await answers(stray, cut, begun, stray, calling, plain), [
      asText,
      [{ thinking: "Hm. So" }],
      [{ thinking: "Hm. So" }],
      separated,
      [{ thinking: "Hm." }, { name: "Read", input: {} }],
      [{ text: "Just so" }],
    ]);
  });

  test("is not looked for where a server tells it from the text by itself", async () => {
    const both = [thought("I see"), ...stray];
    const known = [{ thinking: "I see" }, ...asText];

    assertEquals(await answers(both, plain, both), [known, [{ text: "Just so" }], known]);
    assertEquals((await answers(stray, [thought("I see"), ...plain])).at(-1), [
      { thinking: "I see" },
      { text: "Just so" },
    ]);
  });

  test("is another one for another model, and with thinking turned off", async () => {
    const { ask } = server(stray, plain, plain, stray);

    assertEquals(await ask(), asText);
    assertEquals(await ask({ model: "other" }), [{ text: "Just so" }]);
    assertEquals(await ask({ thinking: { type: "disabled" } }), [{ text: "Just so" }]);
    assertEquals(await ask(), separated);
  });
});

async function answers(...streams: readonly (readonly unknown[])[]) {
  const { ask } = server(...streams);
  const all = [];
  for (let number = 0; number < streams.length; number += 1) all.push(await ask());
  return all;
}

/** One that answers so, one after the other. */
function server(...streams: readonly (readonly unknown[])[]) {
  const waiting = [...streams];
  const { backend } = upstream(() => streamed(waiting.shift() ?? []), { kind: "vllm" });
  const ask = async (changed: Partial<MessagesRequest> = {}) => {
    const events = await Array.fromAsync(backend.stream({ ...asked, ...changed }, callOf()));
    return told(events.map((event) => encodeSse(event)).join("")).blocks;
  };
  const altered = async () => {
    const seen: unknown[] = [];
    const observe = (each: Observation) => seen.push(...(each.altered ? [each.altered] : []));
    await Array.fromAsync(backend.stream(asked, callOf({ observe })));
    return seen;
  };
  return { ask, altered };
}
