import type { Log } from "../core/log.ts";
import type { Comparison } from "./equivalent.ts";
import type { LogLines } from "./log-lines.ts";
import { type Metrics, toMetrics } from "./metrics.ts";
import type { RecordSink, RequestRecord } from "./record.ts";
import type { RecordStore } from "./record-store.ts";
import { toSummary } from "./summary.ts";
import { type Speeds, toSpeeds } from "./totals.ts";

const recentMs = 14 * 24 * 3_600_000;

/** Keeps the records of one run, in the order in which the requests ended, and shows them. */
export interface Monitor {
  readonly record: RecordSink;
  /** The block for the end; undefined when there was no request. */
  summary(): string | undefined;
  metrics(): Metrics;
}

export interface MonitorOptions {
  /** Undefined when nothing is kept beyond this run. */
  readonly store: RecordStore | undefined;
  readonly lines: LogLines;
  /** The folder in which this run was started. */
  readonly project: string | undefined;
  readonly comparison: Comparison | undefined;
  readonly log: Log;
}

export function createMonitor({ store, lines, project, comparison, log }: MonitorOptions): Monitor {
  const records: RequestRecord[] = [];
  let hasWarned = false;
  return {
    summary: () => toSummary(records, comparison, speedsOf(records, store, log)),
    metrics: () => toMetrics(records, comparison),
    record(record) {
      records.push(record);
      lines.write(record);
      try {
        store?.add({ ...record, project });
      } catch (error) {
        // Once: a full disk would otherwise fill the log as well.
        if (!hasWarned) log.warn("request history cannot be written", { error });
        hasWarned = true;
      }
    },
  };
}

/** Of this run; where its prompts were too short to tell, of the last weeks. */
function speedsOf(
  records: readonly RequestRecord[],
  store: RecordStore | undefined,
  log: Log,
): Speeds {
  const measured = toSpeeds(records);
  const last = records.at(-1);
  if (!store || !last || records.every(({ model }) => measured.has(model))) return measured;
  try {
    return new Map([...toSpeeds(store.since(last.startedAt - recentMs)), ...measured]);
  } catch (error) {
    log.warn("request history cannot be read", { error });
    return measured;
  }
}
