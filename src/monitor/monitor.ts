import type { RecordSink, RequestRecord } from "./record.ts";

/** Keeps the records of one run, in the order in which the requests ended. */
export interface Monitor {
  readonly record: RecordSink;
  readonly records: readonly RequestRecord[];
}

export function createMonitor(): Monitor {
  const records: RequestRecord[] = [];
  return { records, record: (record) => void records.push(record) };
}
