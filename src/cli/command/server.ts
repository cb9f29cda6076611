import { defineCommand } from "citty";
import { startMlxServer } from "../../app/mlx-server.ts";
import { patientFetch } from "../../app/patient-fetch.ts";
import { loadConfig } from "../../config/load.ts";
import { systemClock } from "../../core/clock.ts";
import { randomId } from "../../core/ids.ts";
import { UserError } from "../../core/user-error.ts";
import { explained } from "../explained.ts";
import { endSignal, report, serverArguments, toFlags } from "../argument/server-arguments.ts";
import { toAppParts, withModel } from "../run.ts";

export const server = defineCommand({
  meta: { name: "server", description: "Run the MLX server alone, for other tools" },
  args: serverArguments,
  run: ({ args }) =>
    explained(async () => {
      const loaded = loadConfig(toFlags(args));
      const { paths, environment, config } = loaded;
      const { model } = await withModel(loaded);
      // Only now: a question to the user ends with its terminal.
      const ended = endSignal();
      if (config.mode !== "mlx" || config.baseUrl || !model) {
        throw new UserError("Cannot run the MLX server: this is for mlx mode without a base url", {
          exitCode: 2,
        });
      }
      const token = environment["ANYCLAUDE_SERVER_TOKEN"] || randomId("server");
      const { prefixDiskGigabytes, kvBits, port } = config;
      await using running = await startMlxServer({
        ...toAppParts(loaded),
        ...{ model, prefixDiskGigabytes, kvBits, prefixFolder: paths.prefixes },
        ...{ fetch: patientFetch, clock: systemClock, newId: randomId },
        ...{ cacheFolder: paths.cache, stateFolder: paths.state },
      }, { port, token });
      report(running.address(), args.json);
      await ended;
    }),
});
