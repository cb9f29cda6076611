import type { Clock } from "../core/clock.ts";

/** What a server says of itself. `pid` tells one process at an address from the next one. */
export type Health =
  | { readonly status: "ready"; readonly pid: number; readonly model: ServedModel }
  | { readonly status: "failed"; readonly pid: number; readonly reason: string }
  | { readonly status: "loading"; readonly pid: number }
  /** Somebody took the connection, and said nothing in time. */
  | { readonly status: "silent" }
  /** Nobody is there, or somebody else. */
  | { readonly status: "absent" };

export type Decided = Extract<Health, { status: "ready" | "failed" }>;

export interface ServedModel {
  readonly id: string;
  readonly contextLength: number;
  /** Differs whenever the weights, the template or the tokenizer do. */
  readonly fingerprint: string;
}

/** The part of `fetch` that is used. */
export type Fetch = (url: string, init: RequestInit) => Promise<Response>;

/** How to ask, and until when. */
export interface Asking {
  readonly fetch: Fetch;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

export const askEveryMs = 50;
const patienceMs = 2000;

export async function askHealth(url: string, fetch: Fetch, signal: AbortSignal): Promise<Health> {
  const patience = AbortSignal.timeout(patienceMs);
  try {
    const response = await fetch(`${url}/health`, { signal: AbortSignal.any([signal, patience]) });
    return toHealth(await response.json());
  } catch {
    signal.throwIfAborted();
    return { status: patience.aborted ? "silent" : "absent" };
  }
}

/** Asks until the server is ready or says that it never will be. */
export async function untilDecided(
  url: string,
  { fetch, clock, signal }: Asking,
  onWait: (waitedMs: number) => void,
): Promise<Decided> {
  const startedAt = clock.now();
  for (;;) {
    const health = await askHealth(url, fetch, signal);
    if (health.status === "ready" || health.status === "failed") return health;
    onWait(clock.now() - startedAt);
    await clock.sleep(askEveryMs, signal);
  }
}

function toHealth(answer: unknown): Health {
  const { status, error, model, pid } = answer as {
    status?: string;
    error?: { message?: string } | null;
    model?: { id: string; context_length: number; fingerprint: string } | null;
    pid?: number;
  };
  if (typeof pid !== "number") return { status: "absent" };
  if (status === "failed") {
    return { status, pid, reason: error?.message ?? "The model cannot be loaded" };
  }
  if (status !== "ready" || !model) return { status: "loading", pid };
  const { id, context_length: contextLength, fingerprint } = model;
  return { status, pid, model: { id, contextLength, fingerprint } };
}
