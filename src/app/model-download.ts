import type { Environment } from "../core/find-program.ts";
import type { Downloader } from "../models/download.ts";
import { readyPython } from "../provision/ready-python.ts";
import { findPythonSources } from "../provision/sources.ts";

export interface DownloaderOptions {
  readonly cacheFolder: string;
  readonly env: Environment;
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
  const { python, variables } = used.use(await readyPython(sources, { cacheFolder, env, tell }));
  const kept = used.move();
  return {
    ...{ python, sources, env: variables },
    [Symbol.dispose]: () => kept.dispose(),
  };
}
