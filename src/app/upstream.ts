import type { ServerAddress } from "../backend/address.ts";
import type { ServerKindName } from "../backend/server-kinds.ts";
import type { Paths } from "../config/paths.ts";
import type { Config } from "../config/schema.ts";
import { systemClock as clock } from "../core/clock.ts";
import { ProxyError } from "../core/errors.ts";
import type { Environment } from "../core/find-program.ts";
import { randomId } from "../core/ids.ts";
import type { Log } from "../core/log.ts";
import { UserError } from "../core/user-error.ts";
import { findServer } from "./find-server.ts";
import { type MlxServer, shareMlxServer } from "./mlx-server.ts";
import { patientFetch } from "./patient-fetch.ts";

export interface UpstreamOptions {
  readonly config: Config;
  readonly paths: Paths;
  readonly env: Environment;
  readonly log: Log;
  /** Progress for the user, before anything answers. */
  readonly tell: (line: string) => void;
}

/** Whoever answers, ready to answer. */
export interface Upstream extends Partial<AsyncDisposable> {
  /** Where it is now. Throws what a request is to be told when it is gone for good. */
  readonly address: () => ServerAddress;
  readonly kind: ServerKindName;
  readonly model: string;
  /** Tokens of prompt and answer; undefined where nobody says. */
  readonly contextLength: number | undefined;
  readonly seesImages: boolean | undefined;
  /** What tells this model from every other one, for keys of stored answers. */
  readonly identity: string;
}

/** Whether a server of ours is to answer, which has to be given a model that is here. */
export function launchesServer(
  { mode, baseUrl, noAutoLaunch }: Pick<Config, "mode" | "baseUrl" | "noAutoLaunch">,
): boolean {
  return mode === "mlx" && !baseUrl && !noAutoLaunch;
}

const defaultMlxUrl = "http://127.0.0.1:8081";

/** The server that the settings name, or one of ours. Fails in the user's words. */
export async function findUpstream(options: UpstreamOptions): Promise<Upstream> {
  const { config } = options;
  const { baseUrl = config.noAutoLaunch && config.mode === "mlx" ? defaultMlxUrl : undefined } =
    config;
  if (baseUrl) return await findServer(baseUrl, { ...options, fetch: patientFetch, clock });
  if (config.mode !== "openai") return await share(options);
  throw new UserError(
    "Cannot use openai mode without a server: name one with --base-url http://localhost:1234/v1",
    { exitCode: 2 },
  );
}

async function share(options: UpstreamOptions): Promise<Upstream> {
  const { config, paths } = options;
  if (!config.model) {
    throw new UserError(
      "Cannot start MLX without a model: name one with --model, such as --model tiny for a first " +
        "look or --model mlx-community/NAME",
      { exitCode: 2 },
    );
  }
  const server = await shareMlxServer({
    ...options,
    ...{ model: config.model, warmSeconds: config.serverWarmSeconds },
    ...{ fetch: patientFetch, clock, newId: randomId },
    ...{ cacheFolder: paths.cache, stateFolder: paths.state, prefixFolder: paths.prefixes },
    ...{ prefixDiskGigabytes: config.prefixDiskGigabytes, kvBits: config.kvBits },
  });
  return {
    address: () => toServerAddress(server),
    kind: "ours",
    model: server.model.id,
    contextLength: server.model.contextLength,
    seesImages: undefined,
    identity: server.model.fingerprint,
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

/** A server that was given up is an error that no repetition mends. */
function toServerAddress(server: MlxServer): ServerAddress {
  try {
    const { url: baseUrl, token: apiKey } = server.address();
    return { baseUrl, apiKey };
  } catch (cause) {
    if (!(cause instanceof UserError)) throw cause;
    throw new ProxyError("api_error", cause.message, { cause, final: true });
  }
}
