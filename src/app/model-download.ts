import { join } from "node:path";
import type { Downloader } from "../models/download.ts";
import { ensureEnvironment } from "../provision/environment.ts";
import { toPythonVariables } from "../provision/python-variables.ts";
import { findPythonSources } from "../provision/sources.ts";

export interface DownloaderOptions {
  readonly cacheFolder: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly tell: (line: string) => void;
}

/**
 * The client of the hub comes with mlx-lm, in the Python environment, which is made if need be.
 * Nobody removes that until this is disposed.
 */
export async function prepareDownloader(
  { cacheFolder, env, tell }: DownloaderOptions,
): Promise<Downloader & Disposable> {
  using used = new DisposableStack();
  const sources = used.use(await findPythonSources({ cacheFolder, tell })).folder;
  const lockFile = join(sources, "requirements.lock");
  const environment = used.use(await ensureEnvironment({ lockFile, cacheFolder, env, tell }));
  const kept = used.move();
  return {
    python: environment.python,
    sources,
    env: toPythonVariables(env, { sources, environment: environment.folder }),
    [Symbol.dispose]: () => kept.dispose(),
  };
}
