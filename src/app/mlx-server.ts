import { accessSync, constants, mkdirSync, readFileSync } from "node:fs";
import { createServer } from "node:net";
import { basename, join } from "node:path";
import type { Clock } from "../core/clock.ts";
import type { Fetch } from "../core/fetch.ts";
import type { NewId } from "../core/ids.ts";
import type { Log } from "../core/log.ts";
import { removeUnused } from "../provision/in-use.ts";
import { readyPython } from "../provision/ready-python.ts";
import { findPythonSources } from "../provision/sources.ts";
import { isAlive, spawnChild } from "../supervisor/child.ts";
import type { Asking, ServedModel } from "../supervisor/health.ts";
import { launchOwn, type Server, type SpawnAt } from "../supervisor/launch.ts";
import { endIfIdle } from "../supervisor/idle.ts";
import type { Address } from "../supervisor/lease.ts";
import { readEntries } from "../supervisor/registry.ts";
import { attachShared } from "../supervisor/shared.ts";
import { Supervisor } from "../supervisor/supervisor.ts";
import { Notices } from "./notices.ts";
import { planServer, type ServerPlan, type ServerWishes } from "./server-plan.ts";

export interface MlxServerOptions extends ServerWishes {
  readonly cacheFolder: string;
  readonly stateFolder: string;
  /** For the user; nothing is said any more once the server is ready. */
  readonly tell: (line: string) => void;
  readonly fetch: Fetch;
  readonly clock: Clock;
  readonly newId: NewId;
  readonly log: Log;
}

export interface MlxServer extends AsyncDisposable {
  readonly model: ServedModel;
  /** Where it is now. Throws, in the user's words, when it was given up. */
  readonly address: () => Address;
}

/** Where a server of ours alone is to be, and what is to be shown to it. */
export interface OwnAddress {
  /** 0: any free one. */
  readonly port: number;
  readonly token: string;
}

/** Everything that is known before a server is looked for. */
interface Prepared extends ServerPlan {
  readonly sources: string;
  /** What nobody may remove as long as we may start a server from it. */
  readonly used: DisposableStack;
  /** Of what there is to know about servers, if the disk takes it. */
  readonly folder: string;
  readonly isShareable: boolean;
  readonly logFile: string;
  readonly notices: Notices;
}

const lastLines = 20;

/**
 * A server that others may use as well: one that runs already, or a new one, which stays for
 * `warmSeconds` when nobody needs it any more.
 */
export async function shareMlxServer(
  options: MlxServerOptions & { readonly warmSeconds: number },
): Promise<MlxServer> {
  const { newId, warmSeconds } = options;
  const prepared = await prepare(options);
  const place = { port: 0, token: newId("server") };
  if (!prepared.isShareable) return await superviseOwn(prepared, place, options);
  const sharing = {
    ...options,
    ...prepared,
    isAlive,
    prepare: () => makeSpawn(prepared, warmSeconds, options),
    newAddress: () => toAddress({ port: 0, token: newId("server") }),
    onWait: () => prepared.notices.tell("Waiting for another anyclaude that starts this server"),
  };
  return await supervise((asking) => attachShared(sharing, asking), prepared, options);
}

/** A server that nobody else finds. It ends with us. */
export async function startMlxServer(
  options: MlxServerOptions,
  place: OwnAddress,
): Promise<MlxServer> {
  return await superviseOwn(await prepare(options), place, options);
}

/** Ends the servers that only stay warm, and counts those that somebody uses. */
export async function endIdleServers(stateFolder: string, fetch: Fetch): Promise<number> {
  const entries = readEntries(serversIn(stateFolder));
  const inUse = await Promise.all(entries.map((entry) => endIfIdle(entry, fetch)));
  return inUse.filter(Boolean).length;
}

async function superviseOwn(
  prepared: Prepared,
  place: OwnAddress,
  options: MlxServerOptions,
): Promise<MlxServer> {
  const address = await toAddress(place);
  const launch = async (asking: Asking) =>
    await launchOwn(await makeSpawn(prepared, 0, options), address, asking);
  return await supervise(launch, prepared, options);
}

async function prepare(options: MlxServerOptions): Promise<Prepared> {
  const notices = new Notices(options.tell);
  using used = new DisposableStack();
  const { cacheFolder } = options;
  const found = used.use(await findPythonSources({ cacheFolder, tell: notices.tell }));
  const sources = found.folder;
  const plan = planServer(options, sources);
  const folder = serversIn(options.stateFolder);
  const isShareable = isWritable(folder, options.log);
  const logFile = join(folder, `${plan.identity}.log`);
  return { ...plan, sources, used: used.move(), folder, isShareable, logFile, notices };
}

/** Makes sure of the Python environment, which an attach does not need. */
async function makeSpawn(
  { args, sources, used, logFile, notices }: Prepared,
  warmSeconds: number,
  { cacheFolder, env, log }: MlxServerOptions,
): Promise<SpawnAt> {
  const ready = used.use(await readyPython(sources, { cacheFolder, env, tell: notices.tell }));
  const kept = [sources, ready.folder].map((folder) => basename(folder));
  removeUnused(cacheFolder, kept)
    .catch((error: unknown) => log.info("older versions cannot be removed", { error }));
  return ({ url, token }) =>
    spawnChild({
      program: ready.python,
      args: [
        ...["-m", "anyclaude_mlx", ...args],
        ...["--port", new URL(url).port, "--idle-exit", String(warmSeconds)],
      ],
      env: {
        ...ready.variables,
        ANYCLAUDE_SERVER_TOKEN: token,
        HF_HUB_DISABLE_TELEMETRY: "1",
      },
      // The user's folder may go while the server stays.
      cwd: sources,
      logFile,
    });
}

/** Of what there is to know about servers that run. */
export function serversIn(stateFolder: string): string {
  return join(stateFolder, "servers");
}

async function supervise(
  attach: (asking: Asking) => Promise<Server>,
  { model, logFile, notices, used }: Prepared,
  options: MlxServerOptions,
): Promise<MlxServer> {
  const supervisor = new Supervisor({
    ...options,
    attach,
    onLoading: (waitedMs) => notices.tellLoading(model, waitedMs),
    lastWords: () => toLastWords(logFile),
  });
  const end = async () => {
    await supervisor[Symbol.asyncDispose]();
    used.dispose();
  };
  try {
    const served = await supervisor.start();
    notices.stop();
    return {
      model: served,
      address: () => supervisor.address(),
      [Symbol.asyncDispose]: end,
    };
  } catch (error) {
    await end();
    throw error;
  }
}

/** A disk that takes nothing is no reason not to start: then there is nothing to share. */
function isWritable(folder: string, log: Log): boolean {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    accessSync(folder, constants.W_OK);
    return true;
  } catch (error) {
    log.warn("MLX servers cannot be shared", { error });
    return false;
  }
}

function toLastWords(logFile: string): string {
  const advice = "Start anyclaude again to try once more, with a smaller model if memory is short.";
  try {
    const words = readFileSync(logFile, "utf8").trimEnd().split("\n").slice(-lastLines).join("\n");
    return `${advice} The last words in ${logFile} were:\n${words}`;
  } catch (error) {
    return `${advice} Its log cannot be read: ${(error as Error).message}`;
  }
}

async function toAddress({ port, token }: OwnAddress): Promise<Address> {
  return { url: `http://127.0.0.1:${port || await freePort()}`, token };
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer().on("error", reject).listen(0, "127.0.0.1", () => {
      const address = probe.address();
      probe.close(() => resolve(typeof address === "object" && address ? address.port : 0));
    });
  });
}
