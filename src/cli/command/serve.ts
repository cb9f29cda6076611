import { defineCommand } from "citty";
import { announceProxy } from "../../app/running.ts";
import { type RunningApp, startApp } from "../../app/start.ts";
import { loadConfig } from "../../config/load.ts";
import { explained } from "../explained.ts";
import { endSignal, report, serverArguments, toFlags } from "../argument/server-arguments.ts";
import { toAppParts, withModel } from "../run.ts";
import { tellEnd } from "../tell.ts";

export const serve = defineCommand({
  meta: { name: "serve", description: "Run the proxy without starting Claude Code" },
  args: serverArguments,
  run: ({ args }) =>
    explained(async () => {
      const loaded = loadConfig(toFlags(args));
      const config = await withModel(loaded);
      // Only now: a question to the user ends with its terminal.
      const ended = endSignal();
      const parts = toAppParts(loaded);
      const app = await startApp({ ...parts, config, project: undefined });
      {
        await using _ = app;
        using _announced = announced(parts, app);
        report(app, args.json);
        await ended;
      }
      tellEnd(app.summary(), parts.log);
    }),
});

/** Where `anyclaude env` finds it; on a disk that cannot be written it is not found. */
function announced(
  { paths, log }: ReturnType<typeof toAppParts>,
  { url, token, model, contextLength }: RunningApp,
): Disposable {
  try {
    return announceProxy(paths.state, { url, token, model, contextLength });
  } catch (error) {
    log.warn("cannot be found by anyclaude env", { error });
    return { [Symbol.dispose]() {} };
  }
}
