import { defineCommand } from "citty";
import { homedir } from "node:os";
import process from "node:process";
import { openStoredRecords } from "../../app/monitoring.ts";
import { loadConfig } from "../../config/load.ts";
import { systemClock } from "../../core/clock.ts";
import { UserError } from "../../core/user-error.ts";
import { diagnose } from "../../monitor/diagnosis.ts";
import { type Grouping, groupings, toDay, toGroups } from "../../monitor/history.ts";
import { toTotals } from "../../monitor/totals.ts";
import { commonArguments } from "../argument/common-arguments.ts";
import { explained } from "../explained.ts";
import { tellingLog } from "../tell.ts";
import { advice, chart, table } from "./stats-text.ts";

export const stats = defineCommand({
  meta: { name: "stats", description: "Show what the caches did, over all runs" },
  args: {
    since: { type: "string", valueHint: "7d", description: "Days, hours, weeks, or a date" },
    by: { type: "string", valueHint: groupings.join("|"), description: "One line for each" },
    ...commonArguments,
  },
  run: ({ args: { since = "7d", by = "day", config: file, json } }) =>
    explained(async () => {
      const grouping = toGrouping(by);
      const start = toStart(since, systemClock.now());
      const { config, paths } = loadConfig({ flags: {}, file });
      using stored = openStoredRecords({
        ...{ config, paths, clock: systemClock, log: tellingLog },
      });
      const records = stored.since(start);
      const groups = toGroups(records, grouping);
      const total = toTotals(records);
      const findings = diagnose(records);
      if (json) {
        const flat = groups.map(({ name, totals }) => ({ name, ...totals }));
        const all = { since: start, by: grouping, groups: flat, total, findings };
        process.stdout.write(`${JSON.stringify(all)}\n`);
        return;
      }
      const named = groups.map(({ name, totals }) => ({ name: withoutHome(name), totals }));
      const lines = records.length === 0 ? [`No request since ${toDay(start)}.`] : [
        ...table(grouping, named, total),
        ...chart(named),
        ...advice(findings, total.requests, config),
      ];
      process.stdout.write(`${lines.join("\n")}\n`);
    }),
});

function toGrouping(by: string): Grouping {
  const grouping = groupings.find((known) => known === by);
  if (grouping) return grouping;
  throw new UserError(`Cannot use --by ${by}: expected one of ${groupings.join(", ")}`, {
    exitCode: 2,
  });
}

const unitMs = { h: 3_600_000, d: 24 * 3_600_000, w: 7 * 24 * 3_600_000 };

/** `36h`, `7d`, `4w`, or a day of the user's calendar. */
function toStart(since: string, now: number): number {
  const [, count, unit] = since.match(/^(\d{1,4})([hdw])$/) ?? [];
  if (count !== undefined) return now - Number(count) * unitMs[unit as keyof typeof unitMs];
  const start = /^\d{4}-\d{2}-\d{2}$/.test(since) ? new Date(`${since}T00:00:00`).getTime() : NaN;
  if (!Number.isNaN(start)) return start;
  throw new UserError(
    `Cannot use --since ${since}: expected hours, days or weeks such as 36h, 7d, 4w, or a date ` +
      "such as 2026-11-24",
    { exitCode: 2 },
  );
}

function withoutHome(name: string): string {
  const home = homedir();
  return name === home || name.startsWith(`${home}/`) ? `~${name.slice(home.length)}` : name;
}
