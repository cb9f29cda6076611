import { type Connection, toBody } from "./connection.ts";
import { kindOf, type ListedModel, type ServerKindName, serverKinds } from "./server-kinds.ts";

/** What a server says of itself at the start. */
export interface Recognised {
  readonly kind: ServerKindName;
  readonly models: readonly ListedModel[];
}

/**
 * Asks a server what it serves, and finds out what it is: by its host, by marks in that answer, at
 * last by a path that only one kind has. Throws what a request would be told when it cannot be used.
 */
export async function recognise(
  connection: Connection,
  signal: AbortSignal,
  chosen: ServerKindName | undefined,
): Promise<Recognised> {
  const response = await connection.api("/models", { signal });
  const models = await listedModels(response);
  const marked = chosen ?? find(({ host }) => host?.test(new URL(connection.shown).hostname)) ??
    find(({ owner }) => owner !== undefined && models[0]?.["owned_by"] === owner);
  return {
    models,
    kind: marked ?? await followSignposts(connection, signal) ??
      find(({ header }) => header?.test(response.headers.get("server") ?? "")) ?? "other",
  };
}

/** mlx_lm.server answers with nothing at all when no model was ever downloaded. */
export async function listedModels(response: Response): Promise<readonly ListedModel[]> {
  const body = toBody(await response.text());
  const data = Array.isArray(body) ? body : (body as { data?: unknown } | null)?.data;
  return Array.isArray(data) ? data.filter((each) => typeof each?.id === "string") : [];
}

async function followSignposts(
  connection: Connection,
  signal: AbortSignal,
): Promise<ServerKindName | undefined> {
  const found = await Promise.all(names.map(async (name) => {
    const { signpost: [path, property] = [] } = kindOf(name);
    if (path === undefined || property === undefined) return false;
    const answer = await connection.tryJson(path, { signal });
    // LM Studio answers 200 to every path, with an error.
    return typeof answer === "object" && answer !== null && property in answer;
  }));
  return names.find((_, index) => found[index]);
}

// The keys of the table, which `Object.keys` forgets.
const names = Object.keys(serverKinds) as readonly ServerKindName[];

function find(isIt: (kind: ReturnType<typeof kindOf>) => boolean | undefined) {
  return names.find((name) => isIt(kindOf(name)));
}
