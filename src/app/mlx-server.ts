import { mkdirSync, readFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import type { Clock } from "../core/clock.ts";
import type { Log } from "../core/log.ts";
import { UserError } from "../core/user-error.ts";
import { ensureEnvironment } from "../provision/environment.ts";
import { findPythonSources } from "../provision/sources.ts";
import { type ChildCommand, spawnChild } from "../supervisor/child.ts";
import type { Fetch, ServedModel } from "../supervisor/health.ts";
import { Supervisor } from "../supervisor/supervisor.ts";

export interface MlxServerOptions {
  readonly model: string;
  readonly token: string;
  readonly port: number;
  readonly cacheFolder: string;
  readonly stateFolder: string;
  /** Where computed prefixes outlive the server, and how much of the disk they may take. */
  readonly prefixFolder: string;
  readonly prefixDiskGigabytes: number;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly tell: (line: string) => void;
  readonly fetch: Fetch;
  readonly clock: Clock;
  readonly log: Log;
}

export interface MlxServer extends AsyncDisposable {
  readonly url: string;
  readonly model: ServedModel;
}

/** Without a lease for this long the server ends itself: nobody is left who could need it. */
const idleExitSeconds = 5;
const lastLines = 20;

/** Everything from nothing to a model that can generate. */
export async function startMlxServer(options: MlxServerOptions): Promise<MlxServer> {
  const { token, model, cacheFolder, stateFolder, env, tell } = options;
  const sources = findPythonSources(cacheFolder);
  const lockFile = join(sources, "requirements.lock");
  const python = await ensureEnvironment({ lockFile, cacheFolder, env, tell });
  // The same port every time it is started, so that requests find it again after a crash.
  const port = options.port || await freePort();
  const logFile = join(makeFolder(stateFolder), "mlx-server.log");
  const command: ChildCommand = {
    program: python,
    args: [
      ...["-B", "-m", "anyclaude_mlx", "--model", model, "--port", String(port)],
      ...["--idle-exit", String(idleExitSeconds)],
      ...["--prefix-folder", options.prefixFolder],
      ...["--prefix-disk-bytes", String(options.prefixDiskGigabytes * 2 ** 30)],
    ],
    env: {
      ...env,
      PYTHONPATH: sources,
      PYTHONNOUSERSITE: "1",
      ANYCLAUDE_SERVER_TOKEN: token,
      HF_HUB_DISABLE_TELEMETRY: "1",
    },
    logFile,
  };
  const url = `http://127.0.0.1:${port}`;
  const supervisor = new Supervisor({
    ...options,
    url,
    spawn: () => spawnChild(command),
    lastWords: () => lastLinesOf(logFile),
  });
  try {
    const served = await supervisor.start();
    return { url, model: served, [Symbol.asyncDispose]: () => supervisor[Symbol.asyncDispose]() };
  } catch (error) {
    await supervisor[Symbol.asyncDispose]();
    throw error;
  }
}

function lastLinesOf(path: string): string {
  try {
    return readFileSync(path, "utf8").trimEnd().split("\n").slice(-lastLines).join("\n");
  } catch (error) {
    return `Its log cannot be read: ${(error as Error).message}`;
  }
}

export function makeFolder(path: string): string {
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 });
    return path;
  } catch (cause) {
    throw new UserError(`Cannot use the folder ${path}: ${(cause as Error).message}`, { cause });
  }
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer().on("error", reject).listen(0, "127.0.0.1", () => {
      const address = probe.address();
      probe.close(() => resolve(typeof address === "object" && address ? address.port : 0));
    });
  });
}
