import { arch, platform, release, totalmem } from "node:os";
import { findUpstream, launchesServer } from "../app/upstream.ts";
import type { StartOptions } from "../app/start.ts";
import { UserError } from "../core/user-error.ts";
import { readMachine } from "../models/machine.ts";
import { runCommand } from "../provision/command.ts";
import { examineCaches } from "./caches.ts";
import { examineClaudeCode } from "./claude-code.ts";
import { broken, type Finding, ok } from "./finding.ts";
import { examineFolders } from "./folders.ts";
import { examineMachine } from "./machine.ts";
import { examineModel } from "./model.ts";
import { examinePort } from "./network.ts";
import { examinePython } from "./python.ts";
import { examineRoundTrip } from "./round-trip.ts";

/** Looks at everything that a start relies on, in that order, a finding at a time. */
export async function* examine(
  options: StartOptions & { readonly project: string },
): AsyncGenerator<Finding> {
  const { config, paths, env: environment, tell, project } = options;
  const needsMlx = launchesServer(config);
  const machine = { platform: platform(), arch: arch(), release: release() };
  if (needsMlx) yield* examineMachine({ ...machine, memoryBytes: totalmem() });
  const folders = examineFolders(paths);
  yield* folders;
  yield await examinePort(config.port);
  yield* examineCaches(paths, config);
  const isForeign = config.mode !== "claude";
  const claude = { configured: config.claudePath, environment, project, isForeign };
  yield* await examineClaudeCode({ ...claude, run: runCommand });
  if (!needsMlx) {
    if (isForeign) yield await examineServer(options);
    return;
  }
  yield examineModel(config.model, environment, readMachine());
  const python = await examinePython({
    ...{ cacheFolder: paths.cache, environment, tell, run: runCommand },
    platform: machine.platform,
  });
  yield* python;
  // It would only fail for a reason that was named already.
  if ([...folders, ...python].some(({ status }) => status === "broken")) return;
  yield await examineRoundTrip(options);
}

/** Somebody else's: whether it answers, takes the key and has the model. Nothing is generated. */
async function examineServer(options: StartOptions): Promise<Finding> {
  try {
    const { model, contextLength } = await findUpstream(options);
    const window = contextLength === undefined
      ? "a window that it does not say"
      : `${contextLength}`;
    return ok("Model server", `${model}, ${window} tokens, at ${options.config.baseUrl}`);
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    const [says = "", ...fix] = error.message.split(": ");
    return broken("Model server", says, fix.join(": ") || "name another one with --base-url");
  }
}
