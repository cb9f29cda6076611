import {
  createOpenAiBackend,
  rootUrl,
  type ServerAddress,
  withoutSecrets,
} from "../backend/openai-compatible.ts";
import type { Paths } from "../config/paths.ts";
import type { Config } from "../config/schema.ts";
import { systemClock as clock } from "../core/clock.ts";
import { ProxyError } from "../core/errors.ts";
import { randomId } from "../core/ids.ts";
import type { Log } from "../core/log.ts";
import { UserError } from "../core/user-error.ts";
import { askHealth } from "../supervisor/health.ts";
import { type MlxServer, shareMlxServer } from "./mlx-server.ts";
import { patientFetch } from "./patient-fetch.ts";

export interface UpstreamOptions {
  readonly config: Config;
  readonly paths: Paths;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly log: Log;
  /** Progress for the user, before anything answers. */
  readonly tell: (line: string) => void;
}

/** Whoever answers, ready to answer. */
export interface Upstream extends Partial<AsyncDisposable> {
  /** Where it is now. Throws what a request is to be told when it is gone for good. */
  readonly address: () => ServerAddress;
  readonly ours: boolean;
  readonly model: string;
  readonly contextLength: number | undefined;
  /** What tells this model from every other one, for keys of stored answers. */
  readonly identity: string;
}

const defaultMlxUrl = "http://127.0.0.1:8081";
/** How long a server that is said to be there may take to answer at the start. */
const patienceMs = 5000;

/** The server that the settings name, or one of ours. Fails in the user's words. */
export async function findUpstream(options: UpstreamOptions): Promise<Upstream> {
  const { config } = options;
  if (config.mode === "openai") {
    if (config.baseUrl) return await findServer(config.baseUrl, config);
    throw new UserError(
      "Cannot use openai mode without a server: name one with --base-url http://localhost:1234/v1",
      { exitCode: 2 },
    );
  }
  if (config.baseUrl) return await findServer(config.baseUrl, config);
  if (config.noAutoLaunch) return await findServer(defaultMlxUrl, config);
  return await share(options);
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
    ours: true,
    model: server.model.id,
    contextLength: server.model.contextLength,
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

/** A server that somebody else runs. It has to answer now: later it would be too late to say so. */
async function findServer(url: string, { model, apiKey }: Config): Promise<Upstream> {
  const signal = AbortSignal.timeout(patienceMs);
  const root = rootUrl(url);
  const health = await askHealth(root, fetch, signal).catch(() => undefined);
  const ours = health?.status === "ready";
  const address = () => ({ baseUrl: url, apiKey });
  const shared = { address, ours, identity: withoutSecrets(url) };
  if (ours) {
    const { id, contextLength, fingerprint: identity } = health.model;
    return { ...shared, model: id, contextLength, identity };
  }
  const backend = createOpenAiBackend({
    ...{ address, keySetting: "the key", ours: false, fetch, newId: randomId },
  });
  const models = await backend.models(signal).catch((cause: unknown) => {
    const words = cause instanceof Error ? cause.message : String(cause);
    const shown = withoutSecrets(root);
    throw new UserError(
      words.includes(shown) ? words : `Cannot use the model server at ${shown}: ${words}`,
      { cause },
    );
  });
  const named = models.find(({ id }) => id === model) ??
    (models.length === 1 ? models[0] : undefined);
  if (model) {
    return {
      ...shared,
      model,
      contextLength: named?.id === model ? named.contextLength : undefined,
    };
  }
  if (named) return { ...shared, model: named.id, contextLength: named.contextLength };
  throw new UserError(
    `Cannot choose a model at ${withoutSecrets(url)}: name one with --model; it has ` +
      (models.map(({ id }) => id).join(", ") || "none"),
    { exitCode: 2 },
  );
}
