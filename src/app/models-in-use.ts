import type { Fetch } from "../core/fetch.ts";
import { isAlive } from "../supervisor/child.ts";
import { askHealth } from "../supervisor/health.ts";
import { readEntries } from "../supervisor/registry.ts";
import { patientFetch } from "./patient-fetch.ts";
import { serversIn } from "./mlx-server.ts";

/** Whether a server that is shared has this model, or is still loading one. */
export async function isInUse(
  name: string,
  stateFolder: string,
  fetch: Fetch = patientFetch,
): Promise<boolean> {
  const running = readEntries(serversIn(stateFolder)).filter(({ pid }) => isAlive(pid));
  const healths = await Promise.all(running.map(async ({ url, pid }) => {
    const health = await askHealth(url, fetch);
    return health.status !== "absent" && health.pid === pid ? health : undefined;
  }));
  return healths.some((health) =>
    health?.status === "loading" || (health?.status === "ready" && health.model.id === name)
  );
}
