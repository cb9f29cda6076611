import type { Clock } from "../core/clock.ts";
import type { Fetch } from "../core/fetch.ts";

/** What a server says of itself. `pid` tells one process at an address from the next one. */
export type Health =
  | { readonly status: "ready"; readonly pid: number; readonly model: ServedModel }
  | { readonly status: "failed"; readonly pid: number; readonly reason: string }
  | { readonly status: "loading"; readonly pid: number }
  /** Nobody answers in time, or somebody else does. */
  | { readonly status: "absent" };

type Decided = Extract<Health, { status: "ready" | "failed" }>;

export interface ServedModel {
  readonly id: string;
  readonly contextLength: number;
  /** Differs whenever the weights, the template or the tokenizer do. */
  readonly fingerprint: string;
}

/** How to ask, and until when. */
export interface Asking {
  readonly fetch: Fetch;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

const askEveryMs = 50;
const patienceMs = 2000;

/** What stands at `/health`, as far as it is used. */
interface Said {
  readonly status?: string;
  readonly error?: { readonly message?: string } | null;
  readonly model?: {
    readonly id: string;
    readonly context_length: number;
    readonly fingerprint: string;
  } | null;
  readonly pid?: number;
  readonly leases?: number;
  readonly active?: number;
}

export async function askHealth(url: string, fetch: Fetch, signal?: AbortSignal): Promise<Health> {
  return toHealth(await ask(url, fetch, signal));
}

/** Nothing when nobody answers in time, or somebody else does. */
export async function ask(url: string, fetch: Fetch, signal?: AbortSignal): Promise<Said> {
  const patience = AbortSignal.timeout(patienceMs);
  try {
    const response = await fetch(`${url}/health`, {
      signal: signal ? AbortSignal.any([signal, patience]) : patience,
    });
    return await response.json() as Said | null ?? {};
  } catch {
    signal?.throwIfAborted();
    return {};
  }
}

/** Asks until `decide` knows; it is told for how long it has been asked. */
export async function askUntil<T>(
  url: string,
  { fetch, clock, signal }: Asking,
  decide: (health: Health, waitedMs: number) => T | undefined,
): Promise<T> {
  const startedAt = clock.now();
  for (;;) {
    const health = await askHealth(url, fetch, signal);
    const decided = decide(health, clock.now() - startedAt);
    if (decided !== undefined) return decided;
    await clock.sleep(askEveryMs, signal);
  }
}

/** Asks until the server is ready or says that it never will be. */
export async function untilDecided(
  url: string,
  asking: Asking,
  onWait: (waitedMs: number) => void,
): Promise<Decided> {
  return await askUntil(url, asking, (health, waitedMs) => {
    if (health.status === "ready" || health.status === "failed") return health;
    onWait(waitedMs);
    return undefined;
  });
}

function toHealth({ status, error, model, pid }: Said): Health {
  if (typeof pid !== "number") return { status: "absent" };
  if (status === "failed") {
    return { status, pid, reason: error?.message ?? "The model cannot be loaded" };
  }
  if (status !== "ready" || !model) return { status: "loading", pid };
  const { id, context_length: contextLength, fingerprint } = model;
  return { status, pid, model: { id, contextLength, fingerprint } };
}
