import { describe, test } from "node:test";
import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import {
  type Event,
  type Policy,
  type State,
  type Step,
  step,
} from "../../src/supervisor/machine.ts";

const policy: Policy = { maxRestarts: 3, firstRetryMs: 10, settledMs: 1000, killMs: 100 };

/** Exits and early ends come often, else no run would ever reach the limit of restarts. */
const events: fc.Arbitrary<readonly Event[]> = fc.array(
  fc.oneof(
    ...(["start", "stop", "healthy", "settled", "kill-due"] as const)
      .map((type) => ({ weight: 1, arbitrary: fc.constant<Event>({ type }) })),
    { weight: 4, arbitrary: fc.constant<Event>({ type: "retry-due" }) },
    { weight: 4, arbitrary: fc.constantFrom<Event>(exited(null), exited(1)) },
    { weight: 1, arbitrary: fc.constant<Event>({ type: "unable", reason: "No weights" }) },
  ),
  { maxLength: 60 },
);

describe("the supervisor's rules, whatever happens", () => {
  test("start a child only when one is wanted and none lives, and never too often", () => {
    fc.assert(fc.property(events, (happened) => void play(happened)), { numRuns: 2000 });
  });

  test("set the timer that each state waits for, and no other", () => {
    fc.assert(
      fc.property(events, (happened) => {
        const { state, timer, wentOff } = play(happened);
        const expected = { waiting: "retry-due", stopping: "kill-due", ready: "settled" }[
          state.name as string
        ];
        assertEquals(timer, wentOff ? undefined : expected);
      }),
      { numRuns: 2000 },
    );
  });

  test("let every state be left, and a start bring a child", () => {
    fc.assert(fc.property(events, (happened) => {
      const { state } = play(happened);

      const [stopped] = stop(state);
      const [started, ...effects] = step(stopped, { type: "start" }, policy);

      assert(["stopped", "failed"].includes(stopped.name), `${state.name}, ${stopped.name}`);
      assertEquals(started, { name: "starting", failures: 0 });
      assertEquals(effects, [{ type: "spawn" }]);
    }));
  });

  test("remember a stop: afterwards only a start leads to a child", () => {
    fc.assert(fc.property(events, events, (before, after) => {
      let state = step(play(before).state, { type: "stop" }, policy)[0];

      for (const event of after.filter(({ type }) => type !== "start")) {
        const [next, ...effects] = step(state, event, policy);
        assert(!effects.some(({ type }) => type === "spawn"), `${event.type} in ${state.name}`);
        state = next;
      }
    }));
  });
});

describe("the supervisor's rules", () => {
  test("allow exactly the restarts of the policy, each after twice the wait", () => {
    let state: State = { name: "starting", failures: 0 };
    const waits: number[] = [];
    while (state.name !== "failed") {
      const [waiting, ...effects] = step(state, exited(1), policy);
      waits.push(...effects.map((effect) => effect.type === "timer" ? effect.ms : -1));
      [state] = step(waiting, { type: "retry-due" }, policy);
    }

    assertEquals(waits, [10, 20, 40]);
    assertEquals(state.reason, "it ended with code 1 4 times in a row");
  });

  test("say that a child was killed when it has no exit code", () => {
    const [state] = step({ name: "starting", failures: 3 }, exited(null), policy);

    assertEquals(state, { name: "failed", reason: "it was killed 4 times in a row" });
  });

  test("count the deaths of a child that was ready only for a moment", () => {
    const starting: State = { name: "starting", failures: 2 };

    const [ready] = step(starting, { type: "healthy" }, policy);

    assertEquals(step(ready, exited(1), policy)[0], { name: "waiting", failures: 3 });
  });

  test("ask a child to stop, give it time, and kill it then", () => {
    const [stopping, ...first] = step({ name: "ready", failures: 0 }, { type: "stop" }, policy);

    assertEquals(first, [
      { type: "signal", signal: "SIGTERM" },
      { type: "timer", event: "kill-due", ms: 100 },
    ]);
    assertEquals(step(stopping, { type: "kill-due" }, policy), [
      stopping,
      { type: "signal", signal: "SIGKILL" },
    ]);
  });

  test("do not wait for a child between two attempts", () => {
    assertEquals(step({ name: "waiting", failures: 1 }, { type: "stop" }, policy), [
      { name: "stopped" },
    ]);
  });
});

/**
 * Lives through the events that can happen: only a living child is healthy, unable or ends, and
 * only a set timer goes off. Fails where the rules break a promise on the way.
 */
function play(happened: readonly Event[]): Played {
  let state: State = { name: "stopped" };
  const world = { child: "none" as "none" | "alive" | "killed", isWanted: false, spawns: 0 };
  let timer: string | undefined;
  let wentOff = false;
  for (const event of happened) {
    const isChilds = ["healthy", "unable", "exited"].includes(event.type);
    const isTimers = ["settled", "retry-due", "kill-due"].includes(event.type);
    if (isChilds && world.child === "none") continue;
    if (isTimers && timer !== event.type) continue;
    if (event.type === "start") {
      if (["stopped", "failed"].includes(state.name)) world.spawns = 0;
      world.isWanted ||= state.name !== "stopping";
    }
    if (event.type === "stop") world.isWanted = false;
    if (event.type === "exited") world.child = "none";
    if (event.type === "settled") world.spawns = 1;

    const [next, ...effects]: Step = step(state, event, policy);
    if (next.name !== state.name || isTimers) timer = undefined;
    wentOff = next.name === state.name && (wentOff || isTimers);
    for (const effect of effects) {
      if (effect.type === "timer") timer = effect.event;
      if (effect.type === "signal") {
        assert(world.child !== "none", `signalled nobody in ${state.name}`);
        if (effect.signal === "SIGKILL") world.child = "killed";
      }
      if (effect.type === "spawn") {
        assert(world.isWanted && world.child !== "alive", `spawned in ${state.name}`);
        world.child = "alive";
        world.spawns += 1;
      }
    }
    if (["starting", "ready"].includes(next.name)) assertEquals(world.child, "alive", next.name);
    if (["stopped", "waiting"].includes(next.name)) assertEquals(world.child, "none", next.name);
    assert(next.name === "failed" || world.child !== "none" || next.name !== "stopping");
    assert(world.spawns <= policy.maxRestarts + 1, "restarted too often");
    state = next;
  }
  return { state, timer, wentOff };
}

interface Played {
  readonly state: State;
  readonly timer: string | undefined;
  /** The timer of this state has done its work. */
  readonly wentOff: boolean;
}

function stop(state: State): Step {
  const [stopping] = step(state, { type: "stop" }, policy);
  const [killed] = step(stopping, { type: "kill-due" }, policy);
  return step(killed, exited(null), policy);
}

function exited(code: number | null): Event {
  return { type: "exited", code };
}
