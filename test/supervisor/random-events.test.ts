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

const policy: Policy = { maxRestarts: 3, firstRetryMs: 10, settledMs: 1000 };

/** Losses and retries come often, else no run would ever reach the limit of restarts. */
const events: fc.Arbitrary<readonly Event[]> = fc.array(
  fc.oneof(
    ...(["start", "stop", "healthy", "settled"] as const)
      .map((type) => ({ weight: 1, arbitrary: fc.constant<Event>({ type }) })),
    { weight: 4, arbitrary: fc.constant<Event>({ type: "retry-due" }) },
    { weight: 4, arbitrary: fc.constantFrom<Event>(lost("was killed"), lost("was gone")) },
    { weight: 1, arbitrary: fc.constant<Event>({ type: "unable", reason: "No weights" }) },
  ),
  { maxLength: 60 },
);

describe("the supervisor's rules, whatever happens", () => {
  test("attach only when a server is wanted and none is held, and never too often", () => {
    fc.assert(fc.property(events, (happened) => void play(happened)), { numRuns: 2000 });
  });

  test("set the timer that each state waits for, and no other", () => {
    fc.assert(
      fc.property(events, (happened) => {
        const { state, timer, wentOff } = play(happened);
        const expected = { waiting: "retry-due", ready: "settled" }[state.name as string];
        assertEquals(timer, wentOff ? undefined : expected);
      }),
      { numRuns: 2000 },
    );
  });

  test("let every state be left, and a start bring a server", () => {
    fc.assert(fc.property(events, (happened) => {
      const { state } = play(happened);

      const [stopped] = step(state, { type: "stop" }, policy);
      const [started, ...effects] = step(stopped, { type: "start" }, policy);

      assert(["stopped", "failed"].includes(stopped.name), `${state.name}, ${stopped.name}`);
      assertEquals(started, { name: "starting", failures: 0 });
      assertEquals(effects, [{ type: "attach" }]);
    }));
  });

  test("remember a stop: afterwards only a start leads to a server", () => {
    fc.assert(fc.property(events, events, (before, after) => {
      let state = step(play(before).state, { type: "stop" }, policy)[0];

      for (const event of after.filter(({ type }) => type !== "start")) {
        const [next, ...effects] = step(state, event, policy);
        assertEquals(effects, [], `${event.type} in ${state.name}`);
        state = next;
      }
    }));
  });
});

/**
 * Lives through the events that can happen: only of what is held can anything be heard, and only a
 * set timer goes off. Fails where the rules break a promise on the way.
 */
function play(happened: readonly Event[]): Played {
  let state: State = { name: "stopped" };
  const world = { isHeld: false, isWanted: false, attempts: 0 };
  let timer: string | undefined;
  let wentOff = false;
  for (const event of happened) {
    const isServers = ["healthy", "unable", "lost"].includes(event.type);
    const isTimers = ["settled", "retry-due"].includes(event.type);
    if (isServers && !world.isHeld) continue;
    if (isTimers && timer !== event.type) continue;
    if (event.type === "start") {
      if (["stopped", "failed"].includes(state.name)) world.attempts = 0;
      world.isWanted = true;
    }
    if (event.type === "stop") world.isWanted = false;
    if (event.type === "settled") world.attempts = 1;

    const [next, ...effects]: Step = step(state, event, policy);
    if (next.name !== state.name || isTimers) timer = undefined;
    wentOff = next.name === state.name && (wentOff || isTimers);
    for (const effect of effects) {
      if (effect.type === "timer") timer = effect.event;
      if (effect.type === "release") {
        assert(world.isHeld, `let go of nothing in ${state.name}`);
        world.isHeld = false;
      }
      if (effect.type === "attach") {
        assert(world.isWanted && !world.isHeld, `attached in ${state.name}`);
        world.isHeld = true;
        world.attempts += 1;
      }
    }
    assertEquals(world.isHeld, ["starting", "ready"].includes(next.name), next.name);
    assert(world.attempts <= policy.maxRestarts + 1, "tried too often");
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

function lost(how: string): Event {
  return { type: "lost", how };
}
