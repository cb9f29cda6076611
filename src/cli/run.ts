import { accessSync, constants, mkdirSync } from "node:fs";
import process from "node:process";
import { startApp } from "../app/start.ts";
import { launchesServer } from "../app/upstream.ts";
import { loadConfig, type LoadedConfig } from "../config/load.ts";
import { UserError } from "../core/user-error.ts";
import {
  isOption,
  toLaunchArguments,
  toLaunchEnvironment,
  toPassthroughEnvironment,
} from "../launcher/environment.ts";
import { outliveSignals, runClaude } from "../launcher/run-claude.ts";
import { type SplitArguments, splitArguments } from "./argument/arguments.ts";
import { chooseModel } from "./model/choose-model.ts";
import { claudeOptions } from "./argument/claude-options.ts";
import { haveModel } from "./model/have-model.ts";
import { createLogFile, logPath } from "./log-file.ts";
import { needClaude } from "./need-claude.ts";
import { tell, tellEnd } from "./tell.ts";
import { version } from "./version.ts";

const tinyNotice =
  "tiny is a 1.6 MB demonstration model: it can read, list, run and write, and is of no use for " +
  "real work.";

/** `anyclaude [our options] [anything for claude]`: Claude Code on the model of the user's choice. */
export async function run(argv: readonly string[]): Promise<void> {
  const split = splitArguments(argv, claudeOptions);
  const { flags: { config: file, ...flags } } = split;
  const loaded = loadConfig({ flags, file });
  const claude = await needClaude({
    configured: loaded.config.claudePath,
    environment: loaded.environment,
  });
  const config = await withModel(loaded);
  if (config.mode === "mlx" && config.model === "tiny") announceTiny(split, loaded);

  const parts = toAppParts(loaded);
  const app = await startApp({ ...parts, config, project: process.cwd() });
  using _signals = outliveSignals();
  {
    await using _ = app;
    process.exitCode = await runClaude(toCommand(claude, app, split, loaded));
  }
  tellEnd(app.summary(), parts.log);
}

/** What every command that starts the proxy hands over. */
export function toAppParts({ paths, environment, config }: LoadedConfig) {
  try {
    mkdirSync(paths.state, { recursive: true, mode: 0o700 });
    accessSync(paths.state, constants.W_OK);
  } catch (cause) {
    const { message, code } = cause as NodeJS.ErrnoException;
    const what = `Cannot use the folder ${paths.state}: ${message}`;
    // A disk that fails becomes read-only: work goes on, without a memory.
    if (code !== "EROFS") {
      throw new UserError(`${what}; ANYCLAUDE_HOME names another one`, { cause });
    }
    tell(`${what}. No answer, record or log is kept.`);
  }
  const log = createLogFile(logPath(paths.state), config.debug);
  return { config, paths, env: environment, version, log, tell };
}

/** The config with a model that is here, if a server of ours is to load one. */
export async function withModel(loaded: LoadedConfig) {
  const { config, paths, environment } = loaded;
  if (!launchesServer(config)) return config;
  const choice = config.model ? undefined : await chooseModel(paths.state, environment);
  const name = config.model ?? choice?.name ?? "";
  const model = await haveModel(name, loaded);
  if (model === undefined) {
    choice?.forget();
    throw new UserError(
      `Cannot start without ${name}: it is not downloaded; --model names another one, and ` +
        "anyclaude models shows what there is",
    );
  }
  choice?.remember();
  return { ...config, model };
}

/** It may take a sentence for a command: whatever it runs has to be looked at first. */
function announceTiny({ claude }: SplitArguments, { environment }: LoadedConfig): void {
  tell(tinyNotice);
  const skips = claude.some((arg) => isOption(arg, "--dangerously-skip-permissions"));
  if (!skips || environment["IS_SANDBOX"] === "1") return;
  throw new UserError(
    "Cannot run tiny with --dangerously-skip-permissions: it may take a sentence for a command",
    { exitCode: 2 },
  );
}

function toCommand(
  path: string,
  app: Awaited<ReturnType<typeof startApp>>,
  { claude, flags }: SplitArguments,
  { environment }: LoadedConfig,
) {
  const { url, token, model, contextLength } = app;
  if (model === undefined) {
    const named = flags["model"] === undefined ? [] : ["--model", flags["model"]];
    return { path, args: [...named, ...claude], env: toPassthroughEnvironment(url, environment) };
  }
  const setting = { url, token, model, contextLength };
  return { path, args: toLaunchArguments(claude), env: toLaunchEnvironment(setting, environment) };
}
