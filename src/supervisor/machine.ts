/** What the child is doing, as far as we know. `failures` counts since it was last ready. */
export type State =
  | { readonly name: "stopped" }
  | { readonly name: "starting"; readonly failures: number }
  | { readonly name: "ready"; readonly failures: number }
  | { readonly name: "waiting"; readonly failures: number }
  | { readonly name: "stopping" }
  | { readonly name: "failed"; readonly reason: string };

export type Event =
  | { readonly type: "start" | "stop" | "healthy" | "settled" | "retry-due" | "kill-due" }
  /** The child lives but will never be ready: it has said why. */
  | { readonly type: "unable"; readonly reason: string }
  | { readonly type: "exited"; readonly code: number | null };

/** What the runner must do. Setting a timer replaces the one before it. */
export type Effect =
  | { readonly type: "spawn" }
  | { readonly type: "signal"; readonly signal: "SIGTERM" | "SIGKILL" }
  | {
    readonly type: "timer";
    readonly event: "settled" | "retry-due" | "kill-due";
    readonly ms: number;
  };

export interface Policy {
  readonly maxRestarts: number;
  readonly firstRetryMs: number;
  /** Ready for this long, a child has not failed at starting: its failures are forgotten. */
  readonly settledMs: number;
  readonly killMs: number;
}

export const defaultPolicy: Policy = {
  maxRestarts: 5,
  firstRetryMs: 250,
  settledMs: 30_000,
  killMs: 5000,
};

export type Step = readonly [State, ...Effect[]];

/** Pure: the only place where it is decided when to start, restart, give up and kill. */
export function step(state: State, event: Event, policy: Policy): Step {
  switch (state.name) {
    case "stopped":
    case "failed":
      return event.type === "start" ? [{ name: "starting", failures: 0 }, spawn] : [state];

    case "starting":
      if (event.type === "healthy") return [{ ...state, name: "ready" }, settle(policy)];
      if (event.type === "unable") return [{ name: "failed", reason: event.reason }, kill];
      if (event.type === "exited") return retry(state.failures + 1, event.code, policy);
      return event.type === "stop" ? [{ name: "stopping" }, ...stop(policy)] : [state];

    case "ready":
      if (event.type === "settled") return [{ ...state, failures: 0 }];
      if (event.type === "exited") return retry(state.failures + 1, event.code, policy);
      return event.type === "stop" ? [{ name: "stopping" }, ...stop(policy)] : [state];

    case "waiting":
      if (event.type === "retry-due") return [{ ...state, name: "starting" }, spawn];
      return event.type === "stop" ? [{ name: "stopped" }] : [state];

    case "stopping":
      if (event.type === "exited") return [{ name: "stopped" }];
      return event.type === "kill-due" ? [state, kill] : [state];
  }
}

const spawn: Effect = { type: "spawn" };
const kill: Effect = { type: "signal", signal: "SIGKILL" };

function settle({ settledMs }: Policy): Effect {
  return { type: "timer", event: "settled", ms: settledMs };
}

function stop({ killMs }: Policy): readonly [Effect, Effect] {
  return [{ type: "signal", signal: "SIGTERM" }, { type: "timer", event: "kill-due", ms: killMs }];
}

function retry(failures: number, code: number | null, policy: Policy): Step {
  if (failures > policy.maxRestarts) {
    const how = code === null ? "was killed" : `ended with code ${code}`;
    return [{ name: "failed", reason: `it ${how} ${failures} times in a row` }];
  }
  const ms = policy.firstRetryMs * 2 ** (failures - 1);
  return [{ name: "waiting", failures }, { type: "timer", event: "retry-due", ms }];
}
