import { defineCommand } from "citty";
import { startApp } from "../app/start.ts";
import { loadConfig } from "../config/load.ts";
import { explained } from "./explained.ts";
import { endSignal, report, serverArguments, toFlags } from "./server-arguments.ts";
import { toAppParts, withModel } from "./run.ts";
import { tellEnd } from "./tell.ts";

export const serve = defineCommand({
  meta: { name: "serve", description: "Run the proxy without starting Claude Code" },
  args: serverArguments,
  run: ({ args }) =>
    explained(async () => {
      const ended = endSignal();
      const loaded = loadConfig(toFlags(args));
      const config = await withModel(loaded);
      const parts = toAppParts(loaded);
      const app = await startApp({ ...parts, config, project: undefined });
      {
        await using _ = app;
        report(app, args.json);
        await ended;
      }
      tellEnd(app.summary(), parts.log);
    }),
});
