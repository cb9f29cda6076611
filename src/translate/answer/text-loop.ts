export interface LoopLimits {
  /** Characters that have to consist of one piece said over and over. */
  readonly minRun: number;
  /** How often it has to be said. */
  readonly minTimes: number;
}

/** What the user is told. */
export const endless = "the model repeated the same text without end";

/**
 * What a model says or thinks: 8,000 characters are some 1,800 tokens of prose, a minute on a laptop.
 * Longer than any ruled line, table, grid of markup or list of equal lines that we have seen meant.
 */
export const speechLimits: LoopLimits = { minRun: 8000, minTimes: 12 };
/** What it puts into a file may be padding, a bitmap or an empty table. */
export const argumentLimits: LoopLimits = { minRun: 32_000, minTimes: 12 };

const checkEvery = 1024;
/** Characters that are looked for before a loop is worth looking for. */
const sample = 64;

/**
 * Notices a text that has come to say the same piece without end, wherever the text is cut. Costs
 * next to nothing a piece: only every 1,024 characters are looked at, and most of them by a search
 * for their last 64 (0.06 µs a piece, test/bench/stream-chunk.bench.ts).
 */
export class TextLoop {
  readonly #limits: LoopLimits;
  readonly #window: number;
  #tail = "";
  #unchecked = 0;
  #isFound = false;

  constructor(limits: LoopLimits) {
    this.#limits = limits;
    // The longest piece that is found is so long that it has to be said three times as much.
    this.#window = 3 * limits.minRun;
  }

  get isFound(): boolean {
    return this.#isFound;
  }

  /** How many characters of the piece come before the loop is certain; all where there is none. */
  feed(piece: string): number {
    let passed = 0;
    while (this.#unchecked + piece.length - passed >= checkEvery) {
      const until = passed + checkEvery - this.#unchecked;
      this.#tail = (this.#tail + piece.slice(passed, until)).slice(-this.#window);
      passed = until;
      this.#unchecked = 0;
      this.#isFound ||= this.#isLoop();
      if (this.#isFound) return passed;
    }
    this.#tail += piece.slice(passed);
    this.#unchecked += piece.length - passed;
    return piece.length;
  }

  #isLoop(): boolean {
    const { minRun, minTimes } = this.#limits;
    if (this.#tail.length < minRun) return false;
    // The longest piece that can be found, and the sample again.
    const recent = this.#tail.slice(-sample - this.#window / minTimes);
    const isAgain = recent.lastIndexOf(recent.slice(-sample), recent.length - sample - 1) >= 0;
    return isAgain && hasLoop(this.#tail, minRun, minTimes);
  }
}

/** Whether the text ends in a run of one piece, by the borders of its endings (Knuth, Morris, Pratt). */
function hasLoop(text: string, minRun: number, minTimes: number): boolean {
  const borders = new Int32Array(text.length);
  const last = text.length - 1;
  let border = 0;
  for (let length = 1; length < text.length; length += 1) {
    const code = text.charCodeAt(last - length);
    while (border > 0 && text.charCodeAt(last - border) !== code) {
      border = borders[border - 1] ?? 0;
    }
    if (text.charCodeAt(last - border) === code) border += 1;
    borders[length] = border;
    const run = length + 1;
    if (run >= minRun && run >= minTimes * (run - border)) return true;
  }
  return false;
}
