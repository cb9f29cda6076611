import { describe, test } from "node:test";
import { assertEquals } from "@std/assert";
import {
  defaultPolicy as policy,
  type Event,
  type State,
  step,
} from "../../src/supervisor/machine.ts";

const lost: Event = { type: "lost", how: "was gone" };

describe("the supervisor's machine", () => {
  test("waits twice as long after each failure, and gives up with the reason", () => {
    let state: State = { name: "starting", failures: 0 };
    const waits: number[] = [];
    while (state.name !== "failed") {
      const [waiting, ...effects] = step(state, lost, policy);
      waits.push(...effects.flatMap((effect) => effect.type === "timer" ? [effect.ms] : []));
      [state] = step(waiting, { type: "retry-due" }, policy);
    }

    assertEquals(waits, [250, 500, 1000, 2000, 4000]);
    assertEquals(state.reason, "it was gone 6 times in a row");
  });

  test("forgives failures once the server has been ready for long", () => {
    const [settled] = step({ name: "ready", failures: 4 }, { type: "settled" }, policy);

    assertEquals(settled, { name: "ready", failures: 0 });
  });

  test("counts the end of a server that was ready only for a moment", () => {
    const [ready] = step({ name: "starting", failures: 2 }, { type: "healthy" }, policy);

    assertEquals(step(ready, lost, policy)[0], { name: "waiting", failures: 3 });
  });

  test("lets go of what can never be ready, and says why", () => {
    assertEquals(
      step({ name: "starting", failures: 0 }, { type: "unable", reason: "No" }, policy),
      [{ name: "failed", reason: "No" }, { type: "release" }],
    );
  });

  test("has nothing to let go of between two attempts", () => {
    assertEquals(step({ name: "waiting", failures: 1 }, { type: "stop" }, policy), [
      { name: "stopped" },
    ]);
  });
});
