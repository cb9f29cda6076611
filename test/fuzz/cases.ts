import fc from "fast-check";
import { type Answer, answers } from "./answer.ts";
import { type Dialect, dialects } from "./dialect.ts";
import { toChunks } from "./rendering.ts";
import { Tape, tapes } from "./tape.ts";
import { toFrames, type Wire, wires } from "./wire.ts";

/** An answer, and how a server and a network tell it. */
export interface Case {
  readonly answer: Answer;
  readonly dialect: Dialect;
  readonly wire: Wire;
  readonly tape: readonly number[];
  readonly sizes: readonly number[];
}

export const cases: fc.Arbitrary<Case> = fc.record({
  answer: answers,
  dialect: dialects,
  wire: wires,
  tape: tapes,
  sizes: fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 1, maxLength: 10 }),
});

/** The stream that such a server sends, chunk by chunk. */
export function framesOf({ answer, dialect, wire, tape }: Case): readonly Uint8Array[] {
  const choices = new Tape(tape);
  return toFrames(toChunks(answer, dialect, choices), wire, choices);
}
