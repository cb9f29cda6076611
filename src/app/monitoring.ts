import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { Config } from "../config/schema.ts";
import type { Paths } from "../config/paths.ts";
import type { Clock } from "../core/clock.ts";
import type { Log } from "../core/log.ts";
import { UserError } from "../core/user-error.ts";
import type { Comparison } from "../monitor/equivalent.ts";
import { type CachedItems, LogLines } from "../monitor/log-lines.ts";
import { createMonitor, type Monitor } from "../monitor/monitor.ts";
import { builtInPrices, loadPrices, type Prices } from "../monitor/prices.ts";
import { openRecordStore, type RecordStore } from "../monitor/record-store.ts";

export interface MonitoringOptions {
  readonly config: Pick<Config, "historyDays">;
  readonly paths: Pick<Paths, "state">;
  /** The folder in which this run was started, if it is a project's. */
  readonly project: string | undefined;
  readonly comparison: Comparison | undefined;
  readonly items: () => Promise<CachedItems>;
  readonly clock: Clock;
  readonly log: Log;
}

/** Where the records of all runs are kept. */
export function historyPath(stateFolder: string): string {
  return join(stateFolder, "history.sqlite");
}

/** Where exchanges are kept at level 3 of the log. */
export function tracesPath(stateFolder: string): string {
  return join(stateFolder, "traces");
}

/** The monitor of one run. A history that cannot be kept is a warning: the run goes on. */
export function startMonitor(options: MonitoringOptions): Monitor & Disposable {
  const { project, items, comparison, log } = options;
  const store = openHistory(options);
  const lines = new LogLines(log, items);
  const monitor = createMonitor({ store, lines, project, comparison, log });
  let last: string | undefined;
  return {
    ...monitor,
    summary: () => last ?? monitor.summary(),
    [Symbol.dispose]() {
      // The summary also asks the history.
      last = monitor.summary();
      store?.[Symbol.dispose]();
    },
  };
}

/** The built-in prices, or with rows of the user's. Fails in the user's words. */
export function openPrices({ pricesFile }: Pick<Config, "pricesFile">): Prices {
  return pricesFile === undefined ? builtInPrices : loadPrices(pricesFile);
}

/** What a local model is compared with, if the user wants it. */
export function toComparison(
  { compareWith: model }: Pick<Config, "compareWith">,
  prices: Prices,
): Comparison | undefined {
  if (model === undefined) return undefined;
  if (prices.models.some((id) => model.startsWith(id))) return { model, prices };
  throw new UserError(
    `Cannot compare with ${JSON.stringify(model)} (compareWith): prices are known for ` +
      prices.models.join(", "),
    { exitCode: 2 },
  );
}

/** The records of all runs, for looking. Fails in the user's words. */
export function openStoredRecords(
  options: Pick<MonitoringOptions, "config" | "paths" | "clock" | "log">,
): RecordStore {
  try {
    return openStore(options);
  } catch (cause) {
    const path = historyPath(options.paths.state);
    throw new UserError(`Cannot open the request history ${path}: ${(cause as Error).message}`, {
      cause,
    });
  }
}

function openHistory(options: MonitoringOptions): RecordStore | undefined {
  if (options.config.historyDays === 0) return undefined;
  try {
    return openStore(options);
  } catch (error) {
    options.log.warn("request history cannot be used", { error });
    return undefined;
  }
}

function openStore(
  { config, paths, clock, log }: Pick<MonitoringOptions, "config" | "paths" | "clock" | "log">,
): RecordStore {
  mkdirSync(paths.state, { recursive: true, mode: 0o700 });
  const { historyDays: retentionDays } = config;
  return openRecordStore({ path: historyPath(paths.state), retentionDays, clock, log });
}
