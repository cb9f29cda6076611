import { Buffer } from "node:buffer";
import fc from "fast-check";
import type { Tape } from "./tape.ts";

/** How chunks become bytes: everything that server-sent events and JSON leave open. */
export interface Wire {
  readonly lineEnd: "\n" | "\r\n" | "\r";
  readonly colon: "data: " | "data:";
  /** Escapes instead of UTF-8, as Python writes it. */
  readonly isAscii: boolean;
  /** JSON over several lines. */
  readonly isPretty: boolean;
  readonly hasMark: boolean;
  /** Comments and fields that say nothing here. */
  readonly hasNoise: boolean;
  readonly isDone: boolean;
}

export const wires: fc.Arbitrary<Wire> = fc.record({
  lineEnd: fc.constantFrom("\n", "\n", "\r\n", "\r"),
  colon: fc.constantFrom("data: ", "data:"),
  isAscii: fc.boolean(),
  isPretty: fc.boolean(),
  hasMark: fc.boolean(),
  hasNoise: fc.boolean(),
  isDone: fc.boolean(),
});

/** One frame for each chunk, so that what is done to a frame is done to a chunk. */
export function toFrames(
  chunks: readonly unknown[],
  wire: Wire,
  tape: Tape,
): readonly Uint8Array[] {
  const frames = chunks.map((chunk) => {
    const json = JSON.stringify(chunk, null, wire.isPretty ? 1 : undefined);
    return [
      ...noise(wire, tape),
      ...(wire.isAscii ? toAscii(json) : json).split("\n").map(
        (line) => wire.colon + line,
      ),
    ];
  });
  if (wire.isDone) frames.push([`${wire.colon}[DONE]`]);
  const mark = wire.hasMark ? "\ufeff" : "";
  return frames.map((lines, index) => {
    const text = [...lines, "", ""].join(wire.lineEnd);
    return new TextEncoder().encode(index === 0 ? mark + text : text);
  });
}

function noise({ hasNoise, lineEnd }: Wire, tape: Tape): readonly string[] {
  if (!hasNoise || !tape.chance(3)) return [];
  return tape.pick([[": ping"], [":"], ["event: message"], ["id: 7"], ["retry: 10"], [
    `:${lineEnd}`,
  ]]);
}

function toAscii(json: string): string {
  return json.replace(
    /[\u0080-\uffff]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

export function joined(pieces: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(pieces));
}
