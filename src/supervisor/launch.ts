import { type Child, endChild, toEnd } from "./child.ts";
import { type Asking, askUntil } from "./health.ts";
import { type Address, takeLease } from "./lease.ts";

/** A server that we hold a lease of. The lease is let go by the signal it was asked with. */
export interface Server {
  readonly address: Address;
  /** How it ended, once it has; goes on from "it". */
  readonly ended: Promise<string>;
  /** To be called when the lease is let go: a server that is ours alone ends then. */
  leave(): Promise<void>;
}

/** Starts a server that is to answer at this address. */
export type SpawnAt = (address: Address) => Child;

/** Starts a server for us alone. It is ended when we leave. */
export async function launchOwn(
  spawnAt: SpawnAt,
  address: Address,
  asking: Asking,
): Promise<Server> {
  const child = await launch(spawnAt, address, asking);
  return await hold(child, address, asking, () => endChild(child, asking.clock));
}

/** Starts a server and waits until it answers. One that we no longer want by then is ended. */
export async function launch(
  spawnAt: SpawnAt,
  address: Address,
  asking: Asking,
): Promise<Child> {
  const child = spawnAt(address);
  const died = child.exited.then((code) => {
    throw new Error(toEnd(code));
  });
  try {
    await Promise.race([died, untilItAnswers(child, address.url, asking)]);
    return child;
  } catch (error) {
    await endChild(child, asking.clock);
    throw error;
  }
}

/** Takes the lease of a server that we have just started. */
export async function hold(
  child: Child,
  address: Address,
  { fetch, signal }: Asking,
  leave: Server["leave"],
): Promise<Server> {
  const lease = await takeLease(address, fetch, signal);
  if (!lease) throw new Error("refused the token that it was started with");
  return { address, ended: child.exited.then(toEnd), leave };
}

/** Somebody else may answer there, when our server is about to find that its port is taken. */
async function untilItAnswers(
  { pid }: Child,
  url: string,
  asking: Asking,
): Promise<void> {
  await askUntil(url, asking, (health) => "pid" in health && health.pid === pid || undefined);
}
