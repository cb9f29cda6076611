import type { Log } from "../core/log.ts";
import type { RequestRecord } from "./record.ts";
import { isHit } from "./totals.ts";

/** The memory tier of the response cache; 0 of 0 where there is none. */
export interface CachedItems {
  readonly entries: number;
  readonly maxEntries: number;
}

/** The guide's lines, one for the hit or miss and one for the statistics so far, and the details. */
export class LogLines {
  readonly #log: Log;
  readonly #items: () => Promise<CachedItems>;
  #hits = 0;
  #requests = 0;

  constructor(log: Log, items: () => Promise<CachedItems>) {
    this.#log = log;
    this.#items = items;
  }

  write(record: RequestRecord): void {
    this.#requests += 1;
    if (isHit(record)) this.#hits += 1;
    const [hits, requests] = [this.#hits, this.#requests];
    void this.#items().then(({ entries, maxEntries }) => {
      const size = `${entries}/${maxEntries}`;
      const rate = ((hits / requests) * 100).toFixed(1);
      this.#log.info(
        isHit(record)
          ? `[Cache HIT] ${whatHit(record)} (cache size: ${size})`
          : `[Cache Miss] Processing new request (cache size: ${size})`,
      );
      this.#log.info(
        `[Cache Stats] Hit Rate: ${rate}% (${hits}/${requests}), Cached Items: ${size}`,
      );
      this.#log.debug("[Request]", { ...record });
    });
  }
}

function whatHit({ responseCache, prefixTokensReused, promptTokens }: RequestRecord): string {
  if (responseCache !== undefined) return `Answered from ${responseCache}`;
  return `Read ${prefixTokensReused} of ${promptTokens} prompt tokens from the prompt cache`;
}
