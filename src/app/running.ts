import { mkdirSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import * as v from "valibot";
import type { Fetch } from "../core/fetch.ts";
import { jsonFilesIn, readJsonFile, writeJsonFile } from "../core/json-file.ts";

const proxySchema = v.object({
  url: v.pipe(v.string(), v.regex(/^http:\/\/127\.0\.0\.1:\d+$/)),
  token: v.string(),
  /** Undefined in `claude` mode. */
  model: v.optional(v.string()),
  contextLength: v.optional(v.number()),
});

/** A proxy without a Claude Code of its own, for others to find. */
export type RunningProxy = Readonly<v.InferOutput<typeof proxySchema>>;

/** Lets other programs of this user find a proxy until this is disposed. */
export function announceProxy(stateFolder: string, proxy: RunningProxy): Disposable {
  const folder = folderIn(stateFolder);
  const path = join(folder, `${process.pid}.json`);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  writeJsonFile(path, proxy);
  return { [Symbol.dispose]: () => rmSync(path, { force: true }) };
}

/** The proxies that answer, newest first. What was left by one that was killed is removed. */
export async function findProxies(
  stateFolder: string,
  fetch: Fetch,
): Promise<readonly RunningProxy[]> {
  const changedAt = (path: string) => statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;
  const paths = jsonFilesIn(folderIn(stateFolder))
    .toSorted((a, b) => changedAt(b) - changedAt(a));
  const answering = await Promise.all(paths.map(async (path) => {
    const proxy = readJsonFile(path, proxySchema);
    if (proxy && await knowsToken(proxy, fetch)) return [proxy];
    rmSync(path, { force: true });
    return [];
  }));
  return answering.flat();
}

function folderIn(stateFolder: string): string {
  return join(stateFolder, "proxies");
}

/** Another program may have the port by now: it does not know the token. */
async function knowsToken({ url, token }: RunningProxy, fetch: Fetch): Promise<boolean> {
  try {
    const response = await fetch(`${url}/stats`, {
      headers: { "x-api-key": token },
      signal: AbortSignal.timeout(2000),
    });
    return response.ok;
  } catch {
    return false; // nobody is there
  }
}
