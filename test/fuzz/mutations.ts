import fc from "fast-check";
import { encodeChunk } from "../support/upstream.ts";
import { odd, setField } from "./odd-values.ts";
import { joined } from "./wire.ts";

/** Something that breaks a stream: chunks first, then what one chunk says, then the bytes. */
export type Mutation =
  | { readonly kind: "drop" | "swap" | "insert"; readonly at: number; readonly frame: string }
  | { readonly kind: "repeat"; readonly at: number; readonly times: number }
  | { readonly kind: "set"; readonly at: number; readonly field: number; readonly value: unknown }
  | {
    readonly kind: "flip" | "splice" | "copy" | "truncate";
    readonly at: number;
    readonly length: number;
    readonly bytes: readonly number[];
  };

const frames = [
  "data: [DONE]\n\n",
  "data: {}\n\n",
  "data: null\n\n",
  "data: 5\n\n",
  'data: "text"\n\n',
  "data: {\n\n",
  "data:\n\n",
  "data\n\n",
  ": comment\r\n\r\n",
  'event: error\ndata: {"error":{"message":"late"}}\n\n',
  '{"choices":[]}\n\n',
  'data: {"choices":[{"delta":{"content":"x"},"finish_reason":"stop"}]}\n\n',
  'data: {"choices":[{"delta":{"content":"x"},"finish_reason":"length"}]}\n\n',
  'data: {"choices":[{"delta":{"tool_calls":[{"index":0,"id":"c","function":{"name":"Read","arguments":"{}"}}]}}]}\n\n',
  'data: {"choices":[{"delta":{"tool_calls":[{"index":7,"function":{"arguments":"{\\"a\\""}}]}}]}\n\n',
  'data: {"choices":[],"usage":{"prompt_tokens":1,"completion_tokens":0}}\n\n',
  'data: {"choices":[],"anyclaude":{"event":"accepted"}}\n\n',
  `data: {"choices":[{"delta":{"content":${"[".repeat(3000)}${"]".repeat(3000)}}}]}\n\n`,
  "<html><body>502 Bad Gateway</body></html>\n\n",
  "\ufeff",
  "\r",
  "\n",
];

const at = fc.nat({ max: 10_000 });
export const mutations: fc.Arbitrary<readonly Mutation[]> = fc.array(
  fc.oneof(
    { weight: 4, arbitrary: fc.record({ kind: fc.constant("set"), at, field: at, value: odd }) },
    {
      weight: 3,
      arbitrary: fc.record({
        kind: fc.constantFrom("drop", "swap", "insert"),
        at,
        frame: fc.constantFrom(...frames),
      }),
    },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant("repeat"), at, times: fc.nat(300) }) },
    {
      weight: 2,
      arbitrary: fc.record({
        kind: fc.constantFrom("flip", "splice", "copy", "truncate"),
        at,
        length: fc.nat({ max: 40 }),
        bytes: fc.array(fc.oneof(fc.constantFrom(0, 10, 13, 58, 239, 187, 191, 255), fc.nat(255))),
      }),
    },
  ) as fc.Arbitrary<Mutation>,
  { minLength: 1, maxLength: 5 },
);

/** The bytes of a stream to which all this has happened. */
export function mutated(frames: readonly Uint8Array[], all: readonly Mutation[]): Uint8Array {
  const changed = [...frames];
  for (const mutation of all) changeFrames(changed, mutation);
  return all.reduce(changeBytes, joined(changed));
}

function changeFrames(frames: Uint8Array[], mutation: Mutation): void {
  const place = mutation.at % Math.max(frames.length, 1);
  const frame = frames[place] ?? new Uint8Array();
  switch (mutation.kind) {
    case "drop":
      frames.splice(place, 1);
      break;
    case "swap":
      frames.push(...frames.splice(place, 1));
      break;
    case "insert":
      frames.splice(place, 0, new TextEncoder().encode(mutation.frame));
      break;
    case "repeat":
      frames.splice(place, 0, ...Array(timesOf(frame, mutation.times)).fill(frame));
      break;
    case "set":
      frames[place] = withField(frame, mutation.field, mutation.value);
  }
}

/** Many small frames or few large ones: what is tested does not grow with their bytes. */
function timesOf(frame: Uint8Array, times: number): number {
  return Math.min(times, Math.ceil(100_000 / Math.max(frame.length, 1)));
}

/** Another value in one of the fields of a chunk, however deep it lies. */
function withField(frame: Uint8Array, field: number, value: unknown): Uint8Array {
  const data = [...new TextDecoder().decode(frame).matchAll(/^data:(.*)$/gm)]
    .map(([, line = ""]) => line).join("");
  let chunk: unknown;
  try {
    chunk = JSON.parse(data);
  } catch {
    return frame; // [DONE], or what an earlier mutation has left
  }
  setField(chunk, field, value);
  return encodeChunk(chunk);
}

function changeBytes(bytes: Uint8Array, mutation: Mutation): Uint8Array {
  if (!("length" in mutation)) return bytes;
  const place = mutation.at % Math.max(bytes.length, 1);
  const [head, tail] = [bytes.slice(0, place), bytes.slice(place + mutation.length)];
  switch (mutation.kind) {
    case "flip":
      return bytes.map((byte, index) => index === place ? byte ^ (1 << mutation.length % 8) : byte);
    case "splice":
      return joined([head, Uint8Array.from(mutation.bytes), tail]);
    case "copy":
      return joined([bytes.slice(0, place + mutation.length), bytes.slice(place)]);
    case "truncate":
      return head;
  }
}
