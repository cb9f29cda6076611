import type { Health } from "./health.ts";

/** What was seen of a server that the registry names. */
export interface Sighting {
  readonly health: Health;
  /** Whether a process with its id runs. It need not be the server: ids are used again. */
  readonly isAlive: boolean;
  /** Since it was first asked. */
  readonly waitedMs: number;
}

/** One that is busy, or about to end, has this long until it is taken for dead. */
export const patienceMs = 10_000;

/**
 * Pure: may a registered server be used? An entry is only a hint. Another process at its address
 * is not it, and one that cannot load its model is as good as none. Where there is doubt it is
 * waited for: two models side by side may be more than the machine's memory, and what one that
 * ends is saving is for the next one.
 */
export function judge(pid: number, sighting: Sighting): "use" | "ask again" | "replace" {
  const { health, isAlive, waitedMs } = sighting;
  switch (health.status) {
    case "ready":
    case "loading":
      return health.pid === pid ? "use" : "replace";
    case "failed":
      return "replace";
    case "absent":
      return isAlive && waitedMs < patienceMs ? "ask again" : "replace";
  }
}
