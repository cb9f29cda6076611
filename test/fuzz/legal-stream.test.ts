import { describe, test } from "node:test";
import { assertEquals } from "@std/assert";
import { type Excuse, illegalities } from "../support/legal-stream.ts";
import {
  call,
  close,
  delta,
  encoded,
  end,
  type Event,
  failure,
  open,
  ping,
  start,
  stop,
  usage,
} from "./events.ts";

const openText = open(0, { type: "text", text: "" });
const openThinking = open(0, { type: "thinking", thinking: "", signature: "" });
const text = delta(0, "text_delta", { text: "Hi" });
const thinking = delta(0, "thinking_delta", { thinking: "Hm" });
const signature = delta(0, "signature_delta", { signature: "s" });
const said = [openText, text, close(0)];
const thought = [openThinking, thinking, signature, close(0)];
const overloaded = failure({ type: "overloaded_error", message: "Overloaded" });

/** An answer of this content that ends its turn. */
const turn = (...content: readonly Event[]) => [start(), ...content, end(), stop];
const calling = (...content: readonly Event[]) => [start(), ...content, end("tool_use"), stop];
const inText = (...content: readonly Event[]) => turn(openText, text, ...content, close(0));
const begun = (changed: object) => [start(changed), end(), stop];
const ended = (...args: Parameters<typeof end>) => [start(), end(...args), stop];
const counted = (counts: object) => ended("end_turn", null, counts);

const legal: readonly [name: string, events: readonly Event[]][] = [
  ["text", turn(...said)],
  ["nothing at all", turn()],
  ["thinking and calls, one without input", calling(...thought, ...call(1), ...call(2, ""))],
  ["pings anywhere", [start(), ping, openText, ping, text, close(0), end(), ping, stop]],
  ["a call cut by the limit", [start(), ...call(0, `{"pa`), end("max_tokens"), stop]],
  ["a stop sequence", ended("stop_sequence", "END")],
  ["an error instead of an answer", [overloaded]],
  ["an error within a block", [start(), openText, text, overloaded]],
  ["a cache that is known late", counted({ input_tokens: 2, cache_read_input_tokens: 7 })],
  ["a prompt that is unknown at the end", counted({ input_tokens: 0 })],
];

const illegal: readonly [name: string, events: readonly Event[], complaint: string][] = [
  ["no start", [ping, ...turn()], "ping before message_start"],
  ["a second start", [start(), ...turn()], "a second message_start"],
  ["an id of OpenAI's", begun({ id: "chatcmpl-1" }), "message id chatcmpl-1"],
  ["another type", begun({ type: "completion" }), "message of type completion"],
  ["another role", begun({ role: "user" }), "role user"],
  ["no model", begun({ model: "" }), "model "],
  ["content at the start", begun({ content: [{}] }), "content at the start"],
  ["an early stop reason", begun({ stop_reason: "end_turn" }), "stop_reason at the start"],
  ["an early stop sequence", begun({ stop_sequence: "END" }), "stop_sequence at the start"],
  ["a count as text", counted({ output_tokens: "3" }), "output_tokens 3"],
  ["a count below zero", counted({ input_tokens: -1 }), "input_tokens -1"],
  ["half a token", counted({ cache_read_input_tokens: 0.5 }), "cache_read_input_tokens 0.5"],
  [
    "a missing count",
    begun({ usage: { ...usage, cache_creation_input_tokens: undefined } }),
    "cache_creation_input_tokens undefined",
  ],
  ["a prompt that shrinks", counted({ input_tokens: 8 }), "the prompt falls from 9 to 8"],
  [
    "an output that shrinks",
    begun({ usage: { ...usage, output_tokens: 5 } }),
    "output_tokens falls from 5 to 3",
  ],
  ["a block behind the end", [start(), end(), ...said, stop], "a block outside the content"],
  [
    "a block inside a block",
    calling(openText, text, ...call(0), close(0)),
    "a block inside a block",
  ],
  ["an index left out", calling(...call(1)), "block 1, expected 0"],
  ["a kind that is not ours", turn(open(0, { type: "image" }), close(0)), "block of type image"],
  [
    "text in the start of a block",
    turn(open(0, { type: "text", text: "Hi" }), text, close(0)),
    "text does not begin empty",
  ],
  [
    "a signature in the start of a block",
    turn(open(0, { type: "thinking", thinking: "", signature: "s" }), ...thought.slice(1)),
    "an early signature",
  ],
  ["a call id of OpenAI's", calling(...call(0, "{}", { id: "call_0" })), "call id call_0"],
  [
    "a call id twice",
    calling(...call(0), ...call(1, "{}", { id: "toolu_0" })),
    "call id toolu_0 a second time",
  ],
  ["a call without a name", calling(...call(0, "{}", { name: "" })), "a call without a name"],
  [
    "input in the start of a block",
    calling(...call(0, "", { input: { path: "a" } })),
    "input in content_block_start",
  ],
  ["input that is cut", calling(...call(0, `{"pa`)), "input of block 0 is broken"],
  ["input that is a list", calling(...call(0, "[]")), "input of block 0 is broken"],
  [
    "input cut before the last block",
    [start(), ...call(0, `{"pa`), ...call(1), end("max_tokens"), stop],
    "input of block 0 is broken",
  ],
  [
    "input cut before an error",
    [start(), ...call(0, `{"pa`), overloaded],
    "input of block 0 is broken",
  ],
  ["an unknown delta", inText(delta(0, "x_delta", {})), "delta of type x_delta"],
  ["thinking in text", inText(thinking), "thinking_delta in text"],
  ["text in no block", turn(text), "text_delta in no block"],
  ["a delta for another block", inText({ ...text, index: 1 }), "delta for block 1"],
  ["a delta without its field", inText(delta(0, "text_delta", {})), "text_delta without text"],
  ["an empty delta", inText(delta(0, "text_delta", { text: "" })), "an empty text_delta"],
  ["an empty block", turn(openText, close(0)), "an empty block of text"],
  ["empty thinking", turn(openThinking, signature, close(0)), "an empty block of thinking"],
  ["no signature", turn(openThinking, thinking, close(0)), "thinking without signature"],
  [
    "two signatures",
    turn(openThinking, thinking, signature, signature, close(0)),
    "signature_delta after the signature",
  ],
  [
    "thinking behind its signature",
    turn(openThinking, thinking, signature, thinking, close(0)),
    "thinking_delta after the signature",
  ],
  ["a stop without a block", turn(close(0)), "content_block_stop without a block"],
  ["a stop of another block", turn(openText, text, close(1)), "stop of block 1"],
  ["an end within a block", turn(openText, text), "message_delta inside a block"],
  ["two ends", [start(), end(), end(), stop], "a second message_delta"],
  ["a reason of OpenAI's", ended("tool_calls"), "stop reason tool_calls"],
  ["no reason", ended(null), "stop reason null"],
  ["tool_use without a call", calling(...said), "tool_use without a call"],
  ["end_turn after a call", turn(...call(0)), "end_turn after a call"],
  ["no stop sequence", ended("stop_sequence"), "stop_sequence with stop_sequence null"],
  ["an empty stop sequence", ended("stop_sequence", ""), "stop_sequence with stop_sequence "],
  ["a needless stop sequence", ended("end_turn", "END"), "end_turn with stop_sequence END"],
  ["no message_delta", [start(), ...said, stop], "message_stop without message_delta"],
  ["no message_stop", [start(), ...said, end()], "no end: neither message_stop nor error"],
  ["anything behind the end", [...turn(), ping], "ping after the end"],
  ["anything behind an error", [start(), overloaded, stop], "message_stop after the end"],
  ["an unknown event", [start(), { type: "progress" }, end(), stop], "unknown event progress"],
  [
    "an unknown error",
    [failure({ type: "server_error", message: "x" })],
    "error of type server_error",
  ],
  ["an error without words", [failure({ type: "api_error" })], "error without a message"],
];

const hi = encoded(turn(...said));
const framed: readonly [name: string, answer: string | Uint8Array, complaint: string][] = [
  ["an unfinished event", hi.slice(0, -1), "the last event is not ended by a blank line"],
  [
    "another name",
    hi.replace("event: message_stop", "event: stop"),
    "event stop holds message_stop",
  ],
  ["no name", hi.replace("event: message_start\n", ""), `not an event: "data: {`],
  ["no JSON", `${hi}event: x\ndata: {\n\n`, `not an event: "event: x\\ndata: {"`],
  ["a comment", `: hi\n\n${hi}`, `not an event: ": hi"`],
  ["CRLF", hi.replaceAll("\n", "\r\n"), "the last event is not ended by a blank line"],
  ["a byte order mark", new TextEncoder().encode(`\ufeff${hi}`), `not an event: "\ufeffevent`],
  ["a trailing [DONE]", `${hi}data: [DONE]\n\n`, `not an event: "data: [DONE]"`],
  ["a replacement character", hi.replace("Hi", "H\ufffd"), "a replacement character"],
  ["half a character", hi.replace("Hi", "\\ud83d"), "half a character in a delta"],
  ["a byte that is not UTF-8", new TextEncoder().encode(hi).fill(255, 200, 201), "not UTF-8"],
];

describe("the strict reading of a stream", () => {
  for (const [name, events] of legal) {
    test(`takes ${name}`, () => {
      assertEquals(illegalities(encoded(events)), []);
    });
  }

  test("takes line separators within a text", () => {
    assertEquals(illegalities(hi.replace("Hi", "a\u2028b\u2029c\u0085d")), []);
  });

  for (const [name, events, complaint] of illegal) {
    test(`refuses ${name}`, () => {
      assertEquals(illegalities(encoded(events))[0], complaint);
    });
  }

  for (const [name, answer, complaint] of framed) {
    test(`refuses ${name}`, () => {
      assertEquals(illegalities(answer)[0]?.slice(0, complaint.length), complaint);
    });
  }
});

const excused: readonly [Excuse, string][] = [
  ["broken arguments", encoded(calling(...call(0, `{"pa`)))],
  ["falling usage", encoded(counted({ input_tokens: 8 }))],
  ["half characters", hi.replace("Hi", "\\ud83d")],
  ["replacement characters", hi.replace("Hi", "H\ufffd")],
];

describe("an upstream that is at fault", () => {
  for (const [excuse, answer] of excused) {
    test(`is an excuse for ${excuse} and for nothing else`, () => {
      const others = excused.map(([other]) => other).filter((other) => other !== excuse);

      assertEquals([illegalities(answer, [excuse]), illegalities(answer, others).length], [[], 1]);
    });
  }
});
