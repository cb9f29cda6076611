import type { Log } from "../core/log.ts";
import type { Comparison } from "./equivalent.ts";
import type { LogLines } from "./log-lines.ts";
import { type Metrics, toMetrics } from "./metrics.ts";
import type { RecordSink, RequestRecord } from "./record.ts";
import type { RecordStore } from "./record-store.ts";
import { toSummary } from "./summary.ts";

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
    summary: () => toSummary(records, comparison),
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
