import type { Fetch } from "../core/fetch.ts";

/** Where a server is, and what it wants to be shown. */
export interface Address {
  readonly url: string;
  readonly token: string;
}

/** An open connection, which the server counts. It is let go by the signal, or when we die. */
export interface Lease {
  /** Resolves when the server is gone. */
  readonly ended: Promise<void>;
}

/** Undefined when the server does not take the token. Rejects when nobody answers. */
export async function takeLease(
  { url, token }: Address,
  fetch: Fetch,
  signal: AbortSignal,
): Promise<Lease | undefined> {
  const headers = { authorization: `Bearer ${token}` };
  const { ok, body } = await fetch(`${url}/lease`, { headers, signal });
  if (ok && body) return { ended: drained(body) };
  await body?.cancel();
  return undefined;
}

async function drained(body: ReadableStream<Uint8Array>): Promise<void> {
  try {
    for await (const _ of body);
  } catch {
    // The connection broke, or was let go: over as well.
  }
}
