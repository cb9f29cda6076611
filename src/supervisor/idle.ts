import process from "node:process";
import { setTimeout as delay } from "node:timers/promises";
import type { Fetch } from "../core/fetch.ts";
import { isAlive } from "./child.ts";
import { ask } from "./health.ts";
import type { Entry } from "./registry.ts";

/** It saves what it has computed first. */
const endMs = 15_000;

/**
 * Ends a registered server that nobody needs; true when somebody does. The process is signalled
 * only if it says itself that it is the one: its id may be another program's by now.
 */
export async function endIfIdle({ url, pid }: Entry, fetch: Fetch): Promise<boolean> {
  const said = await ask(url, fetch);
  if (said.pid !== pid) return false;
  if (said.leases !== 0 || said.active !== 0) return true;
  process.kill(pid, "SIGTERM");
  for (let waitedMs = 0; isAlive(pid) && waitedMs < endMs; waitedMs += 50) await delay(50);
  return isAlive(pid);
}
