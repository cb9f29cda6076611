import { describe, test } from "node:test";
import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import {
  defaultPolicy as policy,
  type Event,
  type State,
  step,
} from "../../src/supervisor/machine.ts";

/** Events that may come at any time; an exit and health need a child. */
const anyEvent: fc.Arbitrary<Event> = fc.oneof(
  ...(["start", "stop", "healthy", "settled", "retry-due", "kill-due"] as const).map((type) =>
    fc.constant({ type })
  ),
  fc.constant({ type: "unable" as const, reason: "No weights" }),
  fc.record({ type: fc.constant("exited" as const), code: fc.constantFrom(null, 0, 1) }),
);

describe("the supervisor's machine", () => {
  test("starts a child only when one is wanted and none is alive, and not for ever", () => {
    fc.assert(fc.property(fc.array(anyEvent, { maxLength: 200 }), (events) => {
      let state: State = { name: "stopped" };
      let isAlive = false;
      let isWanted = false;
      let spawns = 0;
      for (const event of events) {
        const needsChild = ["healthy", "unable", "exited"].includes(event.type);
        if (needsChild && !isAlive) continue;
        if (state.name === "failed" && isAlive && event.type === "start") continue;
        if (event.type === "start") {
          isWanted = true;
          if (!["starting", "ready", "waiting"].includes(state.name)) spawns = 0;
        }
        if (event.type === "stop") isWanted = false;
        if (event.type === "exited") isAlive = false;
        const [next, ...effects] = step(state, event, policy);
        for (const effect of effects) {
          if (effect.type === "spawn") {
            assert(isWanted && !isAlive, `spawned in ${state.name}`);
            isAlive = true;
            spawns += 1;
          }
          if (effect.type === "signal") assert(isAlive, `signalled nobody in ${state.name}`);
        }
        if (state.name === "ready" && event.type === "settled") spawns = 1;
        assert(spawns <= policy.maxRestarts + 1, "restarted too often");
        if (["starting", "ready", "stopping"].includes(next.name)) assert(isAlive, next.name);
        state = next;
      }
    }));
  });

  test("can be left in every state: told to stop, it stops", () => {
    fc.assert(fc.property(fc.array(anyEvent, { maxLength: 50 }), (events) => {
      let state: State = { name: "stopped" };
      const next = (event: Event) => [state] = step(state, event, policy);
      for (const event of events) next(event);

      next({ type: "stop" });
      next({ type: "kill-due" });
      next({ type: "exited", code: null });

      assert(["stopped", "failed"].includes(state.name), state.name);
    }));
  });

  test("waits twice as long after each failure, and gives up with the reason", () => {
    let state: State = { name: "starting", failures: 0 };
    const waits: number[] = [];
    while (state.name !== "failed") {
      const [waiting, effect] = step(state, { type: "exited", code: 1 }, policy);
      if (effect?.type === "timer") waits.push(effect.ms);
      [state] = step(waiting, { type: "retry-due" }, policy);
    }

    assertEquals(waits, [250, 500, 1000, 2000, 4000]);
    assertEquals(state.reason, "it ended with code 1 6 times in a row");
  });

  test("forgives failures once the child has been ready for long", () => {
    const [settled] = step({ name: "ready", failures: 4 }, { type: "settled" }, policy);

    assertEquals(settled, { name: "ready", failures: 0 });
  });

  test("kills what does not stop in time, and what can never be ready", () => {
    assertEquals(step({ name: "stopping" }, { type: "kill-due" }, policy)[1], {
      type: "signal",
      signal: "SIGKILL",
    });
    assertEquals(
      step({ name: "starting", failures: 0 }, { type: "unable", reason: "No" }, policy),
      [{ name: "failed", reason: "No" }, { type: "signal", signal: "SIGKILL" }],
    );
  });
});
