import type { Fetch } from "../core/fetch.ts";

/** Bun ends a request after five minutes otherwise: less than a long prefill. */
export const patientFetch: Fetch = (url, init) =>
  fetch(url, { ...init, timeout: false } as RequestInit);
