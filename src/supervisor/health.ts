import type { Clock } from "../core/clock.ts";

export type Health =
  | { readonly status: "ready"; readonly model: ServedModel }
  | { readonly status: "failed"; readonly reason: string }
  | { readonly status: "loading" };

export interface ServedModel {
  readonly id: string;
  readonly contextLength: number;
  /** Differs whenever the weights, the template or the tokenizer do. */
  readonly fingerprint: string;
}

/** The part of `fetch` that is used. */
export type Fetch = (url: string, init: RequestInit) => Promise<Response>;

const askEveryMs = 50;
const patienceMs = 2000;

/** What the server at this address says of itself; one that does not answer is still loading. */
export async function askHealth(url: string, fetch: Fetch, signal: AbortSignal): Promise<Health> {
  try {
    const patience = AbortSignal.any([signal, AbortSignal.timeout(patienceMs)]);
    const response = await fetch(`${url}/health`, { signal: patience });
    return toHealth(await response.json());
  } catch {
    signal.throwIfAborted();
    return { status: "loading" };
  }
}

/** Asks until the server is ready or says that it never will be. */
export async function untilDecided(
  url: string,
  { fetch, clock, signal }: { fetch: Fetch; clock: Clock; signal: AbortSignal },
): Promise<Exclude<Health, { status: "loading" }>> {
  for (;;) {
    const health = await askHealth(url, fetch, signal);
    if (health.status !== "loading") return health;
    await clock.sleep(askEveryMs, signal);
  }
}

function toHealth(answer: unknown): Health {
  const { status, error, model } = answer as {
    status?: string;
    error?: { message?: string } | null;
    model?: { id: string; context_length: number; fingerprint: string } | null;
  };
  if (status === "failed") {
    return { status, reason: error?.message ?? "The model cannot be loaded" };
  }
  if (status !== "ready" || !model) return { status: "loading" };
  const { id, context_length: contextLength, fingerprint } = model;
  return { status, model: { id, contextLength, fingerprint } };
}
