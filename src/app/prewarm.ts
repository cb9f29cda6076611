import { authorizationOf, rootUrl, type ServerAddress } from "../backend/address.ts";
import type { Fetch } from "../core/fetch.ts";
import type { Log } from "../core/log.ts";

export interface PrewarmOptions {
  readonly address: () => ServerAddress;
  readonly project: string;
  readonly fetch: Fetch;
  readonly log: Log;
}

/**
 * Lets our server bring up what this project's conversations begin with, while the user is still
 * typing. Nothing depends on it. Disposing breaks the asking off, not the work.
 */
export function prewarm({ address, project, fetch, log }: PrewarmOptions): Disposable {
  const abort = new AbortController();
  const ask = async () => {
    const place = address();
    const authorization = authorizationOf(place);
    const response = await fetch(rootUrl(place.baseUrl, "/prefix/warm"), {
      method: "POST",
      headers: {
        "content-type": "application/json",
        ...(authorization ? { authorization } : {}),
      },
      body: JSON.stringify({ project }),
      signal: abort.signal,
    });
    log.info("prewarming", { status: response.status, answer: await response.text() });
  };
  ask().catch((error: unknown) => {
    if (!abort.signal.aborted) log.info("cannot prewarm", { error });
  });
  return { [Symbol.dispose]: () => abort.abort() };
}
