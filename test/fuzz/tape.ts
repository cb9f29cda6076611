import fc from "fast-check";

/** Small numbers to decide with, over and over; zeros are the simplest choice. */
export class Tape {
  readonly #numbers: readonly number[];
  #at = 0;

  constructor(numbers: readonly number[]) {
    this.#numbers = numbers;
  }

  /** A number below `limit`. */
  next(limit: number): number {
    const number = this.#numbers[this.#at % this.#numbers.length] ?? 0;
    this.#at += 1;
    return number % limit;
  }

  chance(oneIn: number): boolean {
    return this.next(oneIn) === oneIn - 1;
  }

  pick<T>(choices: readonly [T, ...T[]]): T {
    return choices[this.next(choices.length)] ?? choices[0];
  }
}

/** Given as numbers, because a counterexample is printed and a tape has been used up by then. */
export const tapes: fc.Arbitrary<readonly number[]> = fc.array(fc.nat({ max: 1000 }), {
  minLength: 1,
  maxLength: 60,
});
