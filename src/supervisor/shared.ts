import { join } from "node:path";
import { withExclusive } from "../core/exclusive.ts";
import type { Log } from "../core/log.ts";
import { type Asking, askUntil } from "./health.ts";
import { judge } from "./judge.ts";
import { hold, launch, type Server, type SpawnAt } from "./launch.ts";
import { type Address, takeLease } from "./lease.ts";
import { type Entry, forgetOldEntries, readEntry, writeEntry } from "./registry.ts";

export interface SharedOptions {
  /** Of the registry. */
  readonly folder: string;
  /** Equal for all who can use the same server. */
  readonly identity: string;
  /** Everything that a start needs and an attach does not; may take minutes the first time. */
  readonly prepare: () => Promise<SpawnAt>;
  /** Where nobody listens. */
  readonly newAddress: () => Promise<Address>;
  /** Whether a process with this id runs. */
  readonly isAlive: (pid: number) => boolean;
  /** Called when somebody else is starting a server. */
  readonly onWait: () => void;
  readonly log: Log;
}

/** The server that is registered for this identity, or one that is started and registered. */
export async function attachShared(options: SharedOptions, asking: Asking): Promise<Server> {
  const found = await find(options, asking);
  if (found) return found;
  const spawnAt = await options.prepare();
  const { folder, onWait } = options;
  return await withExclusive(
    join(folder, "lock"),
    { onWait, signal: asking.signal },
    async () => await find(options, asking) ?? await start(spawnAt, options, asking),
  );
}

/** Trusts nothing that the entry says: the server has to say who it is, and take the token. */
async function find(
  { folder, identity, isAlive }: SharedOptions,
  asking: Asking,
): Promise<Server | undefined> {
  const entry = readEntry(folder, identity);
  if (!entry || !await isUsable(entry, isAlive, asking)) return undefined;
  const lease = await takeLease(entry, asking.fetch, asking.signal).catch(() => undefined);
  if (!lease) return undefined;
  const { url, token } = entry;
  return { address: { url, token }, ended: lease.ended.then(() => "was gone"), leave };
}

async function isUsable(
  { url, pid }: Entry,
  isAlive: SharedOptions["isAlive"],
  asking: Asking,
): Promise<boolean> {
  const verdict = await askUntil(url, asking, (health, waitedMs) => {
    const judged = judge(pid, { health, isAlive: isAlive(pid), waitedMs });
    return judged === "ask again" ? undefined : judged;
  });
  return verdict === "use";
}

/** Registered as soon as it answers and before it is held: an entry is never without a server. */
async function start(
  spawnAt: SpawnAt,
  options: SharedOptions,
  asking: Asking,
): Promise<Server> {
  const address = await options.newAddress();
  const child = await launch(spawnAt, address, asking);
  register({ ...address, pid: child.pid ?? 0 }, asking.clock.now(), options);
  return await hold(child, address, asking, leave);
}

function register(
  server: Omit<Entry, "identity">,
  now: number,
  { folder, identity, isAlive, log }: SharedOptions,
): void {
  try {
    writeEntry(folder, { identity, ...server });
    forgetOldEntries(folder, now, isAlive);
  } catch (error) {
    log.warn("MLX server cannot be shared", { error });
  }
}

/** It stays for the others, and ends itself when there are none. */
function leave(): Promise<void> {
  return Promise.resolve();
}
