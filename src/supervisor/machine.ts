/** How we stand with the server, as far as we know. `failures` counts since it was last settled. */
export type State =
  | { readonly name: "stopped" }
  | { readonly name: "starting"; readonly failures: number }
  | { readonly name: "ready"; readonly failures: number }
  | { readonly name: "waiting"; readonly failures: number }
  | { readonly name: "failed"; readonly reason: string };

export type Event =
  | { readonly type: "start" | "stop" | "healthy" | "settled" | "retry-due" }
  /** It will never be ready, and has said why. */
  | { readonly type: "unable"; readonly reason: string }
  /** It is gone, or none could be started; `how` goes on from "it". */
  | { readonly type: "lost"; readonly how: string };

/** What the runner must do. Setting a timer replaces the one before it. */
export type Effect =
  /** Find a server or start one, and hold on to it. */
  | { readonly type: "attach" }
  /** Let go of it, dead or alive. */
  | { readonly type: "release" }
  | { readonly type: "timer"; readonly event: "settled" | "retry-due"; readonly ms: number };

export interface Policy {
  readonly maxRestarts: number;
  readonly firstRetryMs: number;
  /** Ready for this long, a server has not failed at starting: its failures are forgotten. */
  readonly settledMs: number;
}

export const defaultPolicy: Policy = { maxRestarts: 5, firstRetryMs: 250, settledMs: 30_000 };

export type Step = readonly [State, ...Effect[]];

/** Pure: the only place where it is decided when to attach, try again, let go and give up. */
export function step(state: State, event: Event, policy: Policy): Step {
  switch (state.name) {
    case "stopped":
    case "failed":
      return event.type === "start" ? [{ name: "starting", failures: 0 }, attach] : [state];

    case "starting":
      if (event.type === "healthy") return [{ ...state, name: "ready" }, settle(policy)];
      if (event.type === "unable") return [{ name: "failed", reason: event.reason }, release];
      if (event.type === "lost") return retry(state.failures + 1, event.how, policy);
      return event.type === "stop" ? [{ name: "stopped" }, release] : [state];

    case "ready":
      if (event.type === "settled") return [{ ...state, failures: 0 }];
      if (event.type === "lost") return retry(state.failures + 1, event.how, policy);
      return event.type === "stop" ? [{ name: "stopped" }, release] : [state];

    case "waiting":
      if (event.type === "retry-due") return [{ ...state, name: "starting" }, attach];
      return event.type === "stop" ? [{ name: "stopped" }] : [state];
  }
}

const attach: Effect = { type: "attach" };
const release: Effect = { type: "release" };

function settle({ settledMs }: Policy): Effect {
  return { type: "timer", event: "settled", ms: settledMs };
}

function retry(failures: number, how: string, policy: Policy): Step {
  if (failures > policy.maxRestarts) {
    return [{ name: "failed", reason: `it ${how} ${failures} times in a row` }, release];
  }
  const ms = policy.firstRetryMs * 2 ** (failures - 1);
  return [{ name: "waiting", failures }, release, { type: "timer", event: "retry-due", ms }];
}
