import { rootUrl, withoutSecrets } from "../backend/address.ts";
import { Connection } from "../backend/connection.ts";
import { askFacts, type ModelFacts } from "../backend/facts.ts";
import { toList } from "../backend/openai-compatible.ts";
import { recognise, type Recognised } from "../backend/recognise.ts";
import { kindOf } from "../backend/server-kinds.ts";
import type { Config } from "../config/schema.ts";
import type { Clock } from "../core/clock.ts";
import { ProxyError } from "../core/errors.ts";
import type { Fetch } from "../core/fetch.ts";
import type { Log } from "../core/log.ts";
import { UserError } from "../core/user-error.ts";
import { askHealth, untilDecided } from "../supervisor/health.ts";
import { Notices } from "./notices.ts";
import type { Upstream } from "./upstream.ts";

export interface FindServerOptions {
  readonly config: Pick<Config, "mode" | "model" | "apiKey" | "serverKind" | "contextLength">;
  readonly tell: (line: string) => void;
  readonly fetch: Fetch;
  readonly clock: Clock;
  readonly log: Log;
}

/** How long a server that is said to be there may take to answer at the start. */
const patienceMs = 5000;
/** How long it may take to load a model. */
const loadingMs = 600_000;
const askAgainMs = 1000;
/**
 * Claude Code compacts 13,000 tokens and its answer's length before the end, and its instructions
 * and tools alone are 11,000 or more: below this it compacts after every turn, and gives up.
 */
const smallestWindow = 32_768;

/** A server that somebody else runs. It has to answer now: later it would be too late to say so. */
export async function findServer(url: string, options: FindServerOptions): Promise<Upstream> {
  return await findOurs(url, options) ?? await findForeign(url, options);
}

export function keySettingOf(mode: Config["mode"]): string {
  return mode === "mlx" ? "MLX_API_KEY" : "OPENAI_API_KEY";
}

async function findOurs(
  url: string,
  { config, tell, fetch, clock }: FindServerOptions,
): Promise<Upstream | undefined> {
  const root = withoutSecrets(rootUrl(url));
  // It may be downloading: the user sees that it is waited for, and may end that.
  const { signal } = new AbortController();
  if ((await askHealth(root, fetch, signal)).status === "absent") return undefined;
  const notices = new Notices(tell);
  const decided = await untilDecided(root, { fetch, clock, signal }, (waitedMs) => {
    notices.tellLoading(config.model ?? "its model", waitedMs);
  });
  if (decided.status === "failed") {
    throw new UserError(
      `Cannot use the model server at ${root}: ${decided.reason}`,
    );
  }
  const { id: model, contextLength, fingerprint: identity } = decided.model;
  const address = () => ({ baseUrl: url, apiKey: config.apiKey });
  return { address, kind: "ours", model, contextLength, seesImages: undefined, identity };
}

async function findForeign(url: string, options: FindServerOptions): Promise<Upstream> {
  const { config, fetch, clock, log } = options;
  const address = () => ({ baseUrl: url, apiKey: config.apiKey });
  const connection = new Connection({
    ...{ address, keySetting: keySettingOf(config.mode), ours: false, fetch, clock },
  });
  const found = await untilLoaded(connection, options);
  const model = chooseModel(found, connection.shown, config.model);
  const facts = await learnFacts(found, model, connection, options);
  const contextLength = config.contextLength ?? facts.contextLength;
  const { kind } = found;
  log.info("model server found", { kind, model, contextLength, seesImages: facts.seesImages });
  warnOfSmallWindow(contextLength, kind, options);
  const identity = withoutSecrets(url);
  return { address, kind, model, contextLength, seesImages: facts.seesImages, identity };
}

/** llama.cpp and others answer 503 while they load. */
async function untilLoaded(
  connection: Connection,
  { config, tell, clock }: FindServerOptions,
): Promise<Recognised> {
  const notices = new Notices(tell);
  const startedAt = clock.now();
  for (;;) {
    try {
      return await recognise(connection, AbortSignal.timeout(patienceMs), config.serverKind);
    } catch (error) {
      const waitedMs = clock.now() - startedAt;
      if (!isLoading(error) || waitedMs > loadingMs) throw toUserError(error, connection.shown);
      notices.tellLoading(config.model ?? "its model", waitedMs);
    }
    await clock.sleep(askAgainMs, AbortSignal.timeout(loadingMs));
  }
}

function isLoading(error: unknown): boolean {
  return error instanceof ProxyError && error.type === "overloaded_error" &&
    /\bloading\b/i.test(error.message);
}

function chooseModel({ kind, models }: Recognised, shown: string, named?: string): string {
  const ids = models.map(({ id }) => String(id));
  const { listedAs } = kindOf(kind);
  if (named !== undefined) {
    const isServed = !listedAs || ids.length === 0 ||
      listedAs(named).some((name) => ids.includes(name));
    if (isServed) return named;
    throw new UserError(
      `Cannot find the model ${JSON.stringify(named)} at ${shown}: it has ${toList(ids)}`,
      { exitCode: 2 },
    );
  }
  const [only] = ids;
  if (ids.length === 1 && only !== undefined) return only;
  throw new UserError(
    `Cannot choose a model at ${shown}: name one with --model; it has ${toList(ids) || "none"}`,
    { exitCode: 2 },
  );
}

/** Asks what the model can do; where that is known only of a loaded model, lets it be loaded. */
async function learnFacts(
  { kind, models }: Recognised,
  model: string,
  connection: Connection,
  { config, tell, log }: FindServerOptions,
): Promise<ModelFacts> {
  const listed = models.find(({ id }) => id === model);
  const ask = () =>
    askFacts(kind, { connection, model, listed, signal: AbortSignal.timeout(patienceMs) })
      .catch(() => ({ contextLength: undefined, seesImages: undefined }));
  const facts = await ask();
  const { title, loadsOnDemand } = kindOf(kind);
  if (!loadsOnDemand || config.contextLength !== undefined || facts.contextLength !== undefined) {
    return facts;
  }
  tell(`Waiting for ${title} to load ${model}: only then it says how large its window is`);
  try {
    await load(model, connection);
  } catch (error) {
    throw toUserError(error, connection.shown);
  }
  const loaded = await ask();
  if (loaded.contextLength === undefined) {
    log.warn("model server does not say its window", { kind });
  }
  return loaded;
}

/** The first question makes a server load a model as its own settings want it. */
async function load(model: string, connection: Connection): Promise<void> {
  const response = await connection.api("/chat/completions", {
    signal: AbortSignal.timeout(loadingMs),
    body: JSON.stringify({ model, messages: [{ role: "user", content: "Hi" }], max_tokens: 1 }),
  });
  await response.body?.cancel();
}

function warnOfSmallWindow(
  contextLength: number | undefined,
  kind: Recognised["kind"],
  { tell }: FindServerOptions,
): void {
  if (contextLength === undefined || contextLength >= smallestWindow) return;
  const { enlarge } = kindOf(kind);
  tell(
    `The model's window is ${contextLength} tokens, less than Claude Code needs to work in` +
      (enlarge ? `. Make it larger: ${enlarge}` : ""),
  );
}

/** In the words of the backend, which name the server where they can. */
function toUserError(cause: unknown, shown: string): UserError {
  const words = cause instanceof Error ? cause.message : String(cause);
  const sentence = words.includes(shown)
    ? words
    : `Cannot use the model server at ${shown}: ${words}`;
  return new UserError(sentence, { cause });
}
