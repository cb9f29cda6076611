import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { Config } from "../config/schema.ts";
import type { Paths } from "../config/paths.ts";
import type { Clock } from "../core/clock.ts";
import type { Log } from "../core/log.ts";
import { type CachedItems, LogLines } from "../monitor/log-lines.ts";
import { createMonitor, type Monitor } from "../monitor/monitor.ts";
import { openRecordStore, type RecordStore } from "../monitor/record-store.ts";

export interface MonitoringOptions {
  readonly config: Pick<Config, "historyDays">;
  readonly paths: Pick<Paths, "state">;
  /** The folder in which this run was started, if it is a project's. */
  readonly project: string | undefined;
  readonly items: () => Promise<CachedItems>;
  readonly clock: Clock;
  readonly log: Log;
}

/** Where the records of all runs are kept. */
export function historyPath(stateFolder: string): string {
  return join(stateFolder, "history.sqlite");
}

/** The monitor of one run. A history that cannot be kept is a warning: the run goes on. */
export function startMonitor(options: MonitoringOptions): Monitor & Disposable {
  const { project, items, log } = options;
  const store = openHistory(options);
  const monitor = createMonitor({ store, lines: new LogLines(log, items), project, log });
  return { ...monitor, [Symbol.dispose]: () => store?.[Symbol.dispose]() };
}

function openHistory(
  { config: { historyDays: retentionDays }, paths, clock, log }: MonitoringOptions,
): RecordStore | undefined {
  if (retentionDays === 0) return undefined;
  try {
    mkdirSync(paths.state, { recursive: true, mode: 0o700 });
    return openRecordStore({ path: historyPath(paths.state), retentionDays, clock, log });
  } catch (error) {
    log.warn("request history cannot be used", { error });
    return undefined;
  }
}
