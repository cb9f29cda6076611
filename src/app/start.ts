import { createHash } from "node:crypto";
import { forward } from "#forward";
import { serve } from "#serve";
import { createOpenAiBackend } from "../backend/openai-compatible.ts";
import { identifyBody } from "../cache/key.ts";
import { type Clock, systemClock } from "../core/clock.ts";
import { randomId } from "../core/ids.ts";
import { UserError } from "../core/user-error.ts";
import { openTraces, type Traces } from "../monitor/traces.ts";
import { type AppOptions, createApp } from "../server/app.ts";
import { keySettingOf } from "./find-server.ts";
import { openPrices, startMonitor, toComparison, tracesPath } from "./monitoring.ts";
import { patientFetch } from "./patient-fetch.ts";
import { prewarm } from "./prewarm.ts";
import { openResponseCache } from "./response-cache.ts";
import { findUpstream, type UpstreamOptions } from "./upstream.ts";

export interface StartOptions extends UpstreamOptions {
  readonly version: string;
  /** The folder in which the client works, if it is known. */
  readonly project: string | undefined;
}

export interface RunningApp extends AsyncDisposable {
  readonly url: string;
  readonly token: string;
  /** What the client is to ask for; undefined in `claude` mode. */
  readonly model: string | undefined;
  readonly contextLength: number | undefined;
  /** The block for the end, complete when this has been disposed; undefined without requests. */
  readonly summary: () => string | undefined;
}

const anthropicUrl = "https://api.anthropic.com";
const clock: Clock = systemClock;

/** Builds everything. What is returned disposes it in reverse order. */
export function startApp(options: StartOptions): Promise<RunningApp> {
  return options.config.mode === "claude" ? startForwarding(options) : startTranslating(options);
}

async function startForwarding(options: StartOptions): Promise<RunningApp> {
  const { config, version } = options;
  await using stack = new AsyncDisposableStack();
  const prices = openPrices(config);
  const items = () => Promise.resolve({ entries: 0, maxEntries: 0 });
  const monitor = stack.use(startMonitor({ ...options, clock, items, comparison: undefined }));
  const { metrics, summary } = monitor;
  const token = randomId("anyclaude");
  const service = {
    ...{ kind: "passthrough" as const, baseUrl: config.baseUrl ?? anthropicUrl, forward },
    ...{ clock, identify: identifyBody, prices, onRecord: monitor.record },
  };
  const traces = tracesOf(options, [token]);
  const app = { service, metrics, token, version };
  const { url } = stack.use(await listen(app, config.port, traces));
  return running(stack.move(), {
    ...{ url, token, model: undefined, contextLength: undefined, summary },
  });
}

async function startTranslating(options: StartOptions): Promise<RunningApp> {
  const { config, paths, version, log } = options;
  const comparison = toComparison(config, openPrices(config));
  await using stack = new AsyncDisposableStack();
  // Disposed last, so that the records of what is broken off at the end are counted too.
  const monitor = stack.use(
    startMonitor({ ...options, clock, items: () => cache.items(), comparison }),
  );
  const upstream = await findUpstream(options);
  stack.defer(async () => await upstream[Symbol.asyncDispose]?.());
  const token = randomId("anyclaude");
  const traces = tracesOf(options, [token, upstream.address().apiKey]);
  const { address, model, contextLength } = upstream;
  const project = options.project && nameOf(options.project);
  const { kind, seesImages } = upstream;
  if (kind === "ours" && project) {
    stack.use(prewarm({ address, project, fetch: patientFetch, log }));
  }
  const backend = createOpenAiBackend({
    ...{ address, kind, seesImages, contextLength, project, clock, log, newId: randomId },
    keySetting: keySettingOf(config.mode),
    fetch: traces?.asking(patientFetch) ?? patientFetch,
  });
  const cache = openResponseCache(backend, upstream.identity, {
    ...{ config, stateFolder: paths.state, clock, log },
  });
  stack.use(cache);
  const { metrics, summary } = monitor;
  const mode = config.mode === "openai" ? "openai" as const : "mlx" as const;
  const service = {
    ...{ kind: "translate" as const, backend: cache.backend, mode },
    ...{ clock, newId: randomId, log, onRecord: monitor.record },
  };
  const app = { service, metrics, token, version };
  const { url } = stack.use(await listen(app, config.port, traces));
  return running(stack.move(), { url, token, model, contextLength, summary });
}

/** A project's name for our server, which need not know where it lies. */
function nameOf(folder: string): string {
  return createHash("sha256").update(folder).digest("hex").slice(0, 32);
}

function running(
  stack: AsyncDisposableStack,
  app: Omit<RunningApp, typeof Symbol.asyncDispose>,
): RunningApp {
  return { ...app, [Symbol.asyncDispose]: () => stack.disposeAsync() };
}

/** Level 3 of the log: full exchanges. */
function tracesOf(
  { config, paths, log }: StartOptions,
  secrets: readonly (string | undefined)[],
): Traces | undefined {
  if (config.debug < 3) return undefined;
  return openTraces({ folder: tracesPath(paths.state), secrets, clock, log });
}

async function listen(options: AppOptions, port: number, traces: Traces | undefined) {
  const { fetch } = createApp(options);
  const answer = async (request: Request) => await fetch(request);
  try {
    return await serve({ port, fetch: traces?.serving(answer) ?? answer });
  } catch (cause) {
    throw new UserError(`Cannot listen on port ${port}: ${(cause as Error).message}`, { cause });
  }
}
