import { defineCommand } from "citty";
import process from "node:process";
import { startApp } from "../app/start.ts";
import { loadConfig } from "../config/load.ts";
import { createMonitor } from "../monitor/monitor.ts";
import { toSummary } from "../monitor/summary.ts";
import { explained } from "./explained.ts";
import { endSignal, report, serverArguments, toFlags } from "./server-arguments.ts";
import { toAppParts, withModel } from "./run.ts";

export const serve = defineCommand({
  meta: { name: "serve", description: "Run the proxy without starting Claude Code" },
  args: serverArguments,
  run: ({ args }) =>
    explained(async () => {
      const ended = endSignal();
      const loaded = loadConfig(toFlags(args));
      const config = await withModel(loaded);
      const monitor = createMonitor();
      {
        await using app = await startApp({
          ...toAppParts(loaded),
          config,
          onRecord: monitor.record,
        });
        report(app, args.json);
        await ended;
      }
      const summary = toSummary(monitor.records);
      if (summary !== undefined) process.stderr.write(`\n${summary}`);
    }),
});
