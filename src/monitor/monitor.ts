import type { Log } from "../core/log.ts";
import type { LogLines } from "./log-lines.ts";
import type { RecordSink, RequestRecord } from "./record.ts";
import type { RecordStore } from "./record-store.ts";

/** Keeps the records of one run, in the order in which the requests ended. */
export interface Monitor {
  readonly record: RecordSink;
  readonly records: readonly RequestRecord[];
}

export interface MonitorOptions {
  /** Undefined when nothing is kept beyond this run. */
  readonly store: RecordStore | undefined;
  readonly lines: LogLines;
  /** The folder in which this run was started. */
  readonly project: string | undefined;
  readonly log: Log;
}

export function createMonitor({ store, lines, project, log }: MonitorOptions): Monitor {
  const records: RequestRecord[] = [];
  let hasWarned = false;
  return {
    records,
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
