import { join } from "node:path";
import type { Downloader } from "../models/download.ts";
import { ensureEnvironment } from "../provision/environment.ts";
import { findPythonSources } from "../provision/sources.ts";

export interface DownloaderOptions {
  readonly cacheFolder: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly tell: (line: string) => void;
}

/** The client of the hub comes with mlx-lm, in the Python environment, which is made if need be. */
export async function prepareDownloader(options: DownloaderOptions): Promise<Downloader> {
  const sources = findPythonSources(options.cacheFolder);
  const lockFile = join(sources, "requirements.lock");
  const python = await ensureEnvironment({ ...options, lockFile });
  return { python, sources, env: options.env };
}
