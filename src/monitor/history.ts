import type { StoredRecord } from "./record-store.ts";
import { toSpeeds, type Totals, toTotals } from "./totals.ts";

export const groupings = ["day", "project", "model", "mode"] as const;
export type Grouping = (typeof groupings)[number];

export interface HistoryGroup {
  readonly name: string;
  readonly totals: Totals;
}

/** Days in their order, everything else by the number of requests. */
export function toGroups(
  records: readonly StoredRecord[],
  by: Grouping,
): readonly HistoryGroup[] {
  const speeds = toSpeeds(records);
  const groups = Map.groupBy(records, (record) => nameOf(record, by));
  const named = [...groups].map(([name, members]) => ({ name, totals: toTotals(members, speeds) }));
  return by === "day"
    ? named.toSorted((a, b) => a.name < b.name ? -1 : 1)
    : named.toSorted((a, b) => b.totals.requests - a.totals.requests);
}

function nameOf(record: StoredRecord, by: Grouping): string {
  switch (by) {
    case "day":
      return toDay(record.startedAt);
    case "project":
      return record.project ?? "(none)";
    default:
      return record[by];
  }
}

/** In the user's time zone. */
export function toDay(at: number): string {
  const date = new Date(at);
  const [month, day] = [date.getMonth() + 1, date.getDate()].map((part) =>
    String(part).padStart(2, "0")
  );
  return `${date.getFullYear()}-${month}-${day}`;
}
