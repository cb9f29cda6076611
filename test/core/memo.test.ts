import { describe, test } from "node:test";
import { assertEquals } from "@std/assert";
import { memoStep } from "../../src/core/memo.ts";

describe("a remembered step", () => {
  test("is made once for each state that an item follows upon", () => {
    const { step, made } = counting();
    const [one, other, item] = [{}, {}, {}];

    const results = [step(one, item), step(other, item), step(one, item), step(one, other)];

    assertEquals(results, [1, 2, 1, 3]);
    assertEquals(made(), 3);
  });

  test("is made again behind a state that too many others have followed", () => {
    const { step, made } = counting();
    const states = Array.from({ length: 65 }, () => ({}));
    const item = {};

    for (const state of states) step(state, item);
    step(states[64] ?? {}, item);
    step(states[1] ?? {}, item);
    const before = made();
    step(states[0] ?? {}, item);

    assertEquals([before, made()], [65, 66]);
  });
});

function counting() {
  let made = 0;
  return { step: memoStep(() => made += 1), made: () => made };
}
