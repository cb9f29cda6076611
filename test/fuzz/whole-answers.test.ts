import { describe, test } from "node:test";
import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { proxy } from "../support/proxy.ts";
import { cut } from "../support/cut.ts";
import { bytes, upstream } from "../support/upstream.ts";
import { type Part, question } from "./answer.ts";
import { cases, framesOf } from "./cases.ts";
import { patience, runs } from "./runs.ts";
import { byKind, compact, toExpected } from "./told.ts";
import { joined } from "./wire.ts";

describe("a client that wants no stream", () => {
  test("gets any answer as one message", patience, async () => {
    await fc.assert(
      fc.asyncProperty(cases, async (each) => {
        const pieces = cut(joined(framesOf(each)), each.sizes);
        const { backend } = upstream(() => bytes(pieces), { ours: each.dialect.ours });

        const response = await proxy(backend).ask({ ...question, stream: false });

        const { content, stop_reason, stop_sequence } = await response.json();
        const expected = toExpected(each.answer, each.dialect);
        assertEquals(byKind(compact(content.map(toPart))), byKind(compact(expected.parts)));
        assertEquals([stop_reason, stop_sequence], [expected.stopReason, expected.stopSequence]);
      }),
      runs(100),
    );
  });
});

interface Block {
  readonly type: "text" | "thinking" | "tool_use";
  readonly text?: string;
  readonly thinking?: string;
  readonly name: string;
  readonly input: { readonly __unparsedToolInput?: { readonly raw: string } };
}

function toPart({ type, text, thinking, name, input }: Block): Part {
  if (type !== "tool_use") return { kind: type, text: text ?? thinking ?? "" };
  return { kind: "call", name, json: input.__unparsedToolInput?.raw ?? JSON.stringify(input) };
}
