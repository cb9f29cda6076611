import { defineCommand } from "citty";
import process from "node:process";
import { tracesPath } from "../../app/monitoring.ts";
import { clearPrefixes, sizeOfPrefixes } from "../../app/prefixes.ts";
import { openStoredAnswers, responsesPath } from "../../app/response-cache.ts";
import { loadConfig } from "../../config/load.ts";
import { systemClock } from "../../core/clock.ts";
import { UserError } from "../../core/user-error.ts";
import { clearTraces } from "../../monitor/traces.ts";
import { commonArguments } from "../argument/common-arguments.ts";
import { explained } from "../explained.ts";
import { toSize } from "../size.ts";
import { tellingLog } from "../tell.ts";

export const cache = defineCommand({
  meta: { name: "cache", description: "Show what the caches hold on disk, or empty them" },
  args: {
    action: {
      type: "positional",
      required: false,
      description: "clear: remove every answer, prefix and trace",
    },
    ...commonArguments,
  },
  run: ({ args: { action, config: file, json } }) =>
    explained(async () => {
      if (action !== undefined && action !== "clear") {
        throw new UserError(`Cannot ${action} the cache: there is only clear`, { exitCode: 2 });
      }
      const { config, paths } = loadConfig({ flags: {}, file });
      await using stored = openStoredAnswers({
        ...{ config, stateFolder: paths.state, clock: systemClock, log: tellingLog },
      });
      const { entries, bytes, oldestAt } = await stored.size();
      const prefixes = { path: paths.prefixes, ...sizeOfPrefixes(paths.prefixes) };
      if (action === "clear") {
        await stored.clear();
        clearPrefixes(paths.prefixes);
        const traces = clearTraces(tracesPath(paths.state));
        print(json, { removed: entries, bytes, traces, prefixes }, [
          `Removed ${answers(entries)}, ${toSize(bytes)}; prefixes, ${toSize(prefixes.bytes)}; ` +
          `${traces} traces. A running anyclaude keeps its own in memory until it ends.`,
        ]);
        return;
      }
      const path = responsesPath(paths.state);
      const age = oldestAt === undefined ? "" : `, oldest ${ago(systemClock.now() - oldestAt)}`;
      const disk = { path, entries, bytes, oldestAt };
      print(json, { memory: { maxEntries: config.cacheSize }, disk, prefixes }, [
        `memory    up to ${answers(config.cacheSize)} in each running anyclaude`,
        `disk      ${answers(entries)}, ${toSize(bytes)}${age}, in ${path}`,
        `prefixes  ${toSize(prefixes.bytes)} of MLX models, in ${prefixes.path}`,
      ]);
    }),
});

function print(asJson: boolean | undefined, value: object, lines: readonly string[]): void {
  process.stdout.write(`${asJson ? JSON.stringify(value) : lines.join("\n")}\n`);
}

function answers(count: number): string {
  return `${count} ${count === 1 ? "answer" : "answers"}`;
}

function ago(ms: number): string {
  const minutes = Math.floor(ms / 60_000);
  if (minutes < 120) return `${minutes} min ago`;
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? `${hours} h ago` : `${Math.floor(hours / 24)} days ago`;
}
