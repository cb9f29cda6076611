import type { Dialect } from "./dialect.ts";
import type { Tape } from "./tape.ts";

/** The same text in pieces: most servers send a token each, some whole sentences. */
export function piecesOf(text: string, { halves }: Dialect, tape: Tape): readonly string[] {
  const units = halves ? text.split("") : [...text];
  const pieces: string[] = [];
  while (units.length > 0) {
    pieces.push(units.splice(0, 1 + tape.next(tape.chance(4) ? 100 : 8)).join(""));
  }
  return pieces;
}

/** One sequence of several: each keeps its order, and none begins before the one in front of it. */
export function inTurns<T>(sequences: readonly (readonly T[])[], tape: Tape): readonly T[] {
  const waiting = sequences.filter(({ length }) => length > 0).map((each) => [...each]);
  const merged: T[] = [];
  let begun = 0;
  while (waiting.length > 0) {
    const turn = tape.next(Math.min(begun + 1, waiting.length));
    begun = Math.max(begun, turn + 1);
    merged.push(...(waiting[turn]?.splice(0, 1) ?? []));
    if (waiting[turn]?.length === 0) {
      waiting.splice(turn, 1);
      begun -= 1;
    }
  }
  return merged;
}
