import { forward } from "#forward";
import { serve } from "#serve";
import { createOpenAiBackend, type Fetch, withoutSecrets } from "../backend/openai-compatible.ts";
import type { Config } from "../config/schema.ts";
import type { Paths } from "../config/paths.ts";
import { type Clock, systemClock } from "../core/clock.ts";
import { randomId } from "../core/ids.ts";
import type { Log } from "../core/log.ts";
import { UserError } from "../core/user-error.ts";
import type { RecordSink } from "../monitor/record.ts";
import { type AppOptions, createApp } from "../server/app.ts";
import { askHealth } from "../supervisor/health.ts";
import { startMlxServer } from "./mlx-server.ts";
import { openResponseCache } from "./response-cache.ts";

export interface StartOptions {
  readonly config: Config;
  readonly paths: Paths;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly version: string;
  readonly log: Log;
  readonly onRecord: RecordSink;
  /** Progress for the user, before anything answers. */
  readonly tell: (line: string) => void;
}

export interface RunningApp extends AsyncDisposable {
  readonly url: string;
  readonly token: string;
  /** What the client is to ask for; undefined in `claude` mode. */
  readonly model: string | undefined;
  readonly contextLength: number | undefined;
}

/** Whoever answers, ready to answer. */
interface Upstream extends Partial<AsyncDisposable> {
  readonly url: string;
  readonly apiKey: string | undefined;
  readonly ours: boolean;
  readonly model: string;
  readonly contextLength: number | undefined;
  /** What tells this model from every other one, for keys of stored answers. */
  readonly identity: string;
}

const defaultMlxUrl = "http://127.0.0.1:8081";
const anthropicUrl = "https://api.anthropic.com";
/** How long a server that is said to be there may take to answer at the start. */
const patienceMs = 5000;
const clock: Clock = systemClock;
// Bun ends a request after five minutes otherwise: less than a long prefill.
const patientFetch: Fetch = (url, init) => fetch(url, { ...init, timeout: false } as RequestInit);

/** Builds everything. What is returned disposes it in reverse order. */
export async function startApp(options: StartOptions): Promise<RunningApp> {
  const { config, paths, version, log, onRecord } = options;
  await using stack = new AsyncDisposableStack();
  const token = randomId("anyclaude");
  if (config.mode === "claude") {
    const baseUrl = config.baseUrl ?? anthropicUrl;
    const service = { kind: "passthrough" as const, baseUrl, forward, clock, onRecord };
    const serving = stack.use(await listen({ service, version }, config.port));
    return running(stack.move(), { url: serving.url, token, model: undefined });
  }
  const upstream = await findUpstream(options);
  stack.defer(async () => await upstream[Symbol.asyncDispose]?.());
  const backend = createOpenAiBackend({
    baseUrl: upstream.url,
    apiKey: upstream.apiKey,
    keySetting: config.mode === "mlx" ? "MLX_API_KEY" : "OPENAI_API_KEY",
    ours: upstream.ours,
    fetch: patientFetch,
    newId: randomId,
  });
  const cache = openResponseCache(backend, upstream.identity, {
    ...{ config, stateFolder: paths.state, clock, log },
  });
  stack.use(cache);
  const service = {
    ...{ kind: "translate" as const, backend: cache.backend, token, mode: config.mode },
    ...{ clock, newId: randomId, log, onRecord },
  };
  const serving = stack.use(await listen({ service, version }, config.port));
  return running(stack.move(), { ...upstream, url: serving.url, token });
}

function running(
  stack: AsyncDisposableStack,
  { url, token, model, contextLength }:
    & Omit<RunningApp, typeof Symbol.asyncDispose | "contextLength">
    & {
      readonly contextLength?: number | undefined;
    },
): RunningApp {
  const dispose = () => stack.disposeAsync();
  return { url, token, model, contextLength, [Symbol.asyncDispose]: dispose };
}

async function listen(options: AppOptions, port: number) {
  const { fetch } = createApp(options);
  try {
    return await serve({ port, fetch: (request) => fetch(request) });
  } catch (cause) {
    throw new UserError(`Cannot listen on port ${port}: ${(cause as Error).message}`, { cause });
  }
}

async function findUpstream(options: StartOptions): Promise<Upstream> {
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
  return await launch(options);
}

async function launch({ config, paths, env, tell, log }: StartOptions): Promise<Upstream> {
  if (!config.model) {
    throw new UserError(
      "Cannot start MLX without a model: name one with --model, such as --model tiny for a first " +
        "look or --model mlx-community/NAME",
      { exitCode: 2 },
    );
  }
  const token = randomId("server");
  const server = await startMlxServer({
    ...{ model: config.model, token, port: 0, fetch, clock, log, tell, env },
    ...{ cacheFolder: paths.cache, stateFolder: paths.state },
  });
  return {
    url: server.url,
    apiKey: token,
    ours: true,
    model: server.model.id,
    contextLength: server.model.contextLength,
    identity: server.model.fingerprint,
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

/** A server that somebody else runs. It has to answer now: later it would be too late to say so. */
async function findServer(url: string, { model, apiKey }: Config): Promise<Upstream> {
  const signal = AbortSignal.timeout(patienceMs);
  const root = url.replace(/\/+$/, "").replace(/\/v1$/, "");
  const health = await askHealth(root, fetch, signal).catch(() => undefined);
  const ours = health?.status === "ready";
  const shared = { url, apiKey, ours, identity: withoutSecrets(url) };
  if (ours) {
    const { id, contextLength, fingerprint: identity } = health.model;
    return { ...shared, model: id, contextLength, identity };
  }
  const backend = createOpenAiBackend({
    ...{ baseUrl: url, apiKey, keySetting: "the key", ours: false, fetch, newId: randomId },
  });
  const models = await backend.models(signal).catch((cause: unknown) => {
    const words = cause instanceof Error ? cause.message : String(cause);
    const address = withoutSecrets(root);
    throw new UserError(
      words.includes(address) ? words : `Cannot use the model server at ${address}: ${words}`,
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
