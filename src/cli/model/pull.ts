import process from "node:process";
import { prepareDownloader } from "../../app/model-download.ts";
import type { LoadedConfig } from "../../config/load.ts";
import { systemClock } from "../../core/clock.ts";
import { downloadModel, type DownloadPlan } from "../../models/download.ts";
import { toGigabytes } from "../../models/gigabytes.ts";
import { hubCacheFolder } from "../../models/hub-cache.ts";
import { askYesNo } from "../ask.ts";
import { Progress, toDuration } from "./progress.ts";
import { tell } from "../tell.ts";

type Where = Pick<LoadedConfig, "paths" | "environment">;

/** False when the user, asked, does not want it. Says on standard error how it goes. */
export async function pullModel(
  name: string,
  { paths, environment: env }: Where,
  isWanted: (plan: DownloadPlan) => Promise<boolean>,
): Promise<boolean> {
  using downloader = await prepareDownloader({ cacheFolder: paths.cache, env, tell });
  const startedAt = systemClock.now();
  let progress: Progress | undefined;
  let missing = 0;
  using _end = onEndSignal((signal) => {
    progress?.clear();
    tell(`Stopped (${signal}). What arrived is kept: the same command goes on from there`);
  });
  const isHere = await downloadModel(name, downloader, {
    async agree(plan) {
      const { bytes, missingBytes } = plan;
      missing = missingBytes;
      if (missing === 0) return true;
      if (!await isWanted(plan)) return false;
      const kept = missing < bytes ? `, of which ${toGigabytes(bytes - missing)} are here` : "";
      tell(`Downloading ${name}, ${toGigabytes(bytes)}${kept}`);
      progress = createProgress(bytes);
      return true;
    },
    onWait: () => tell("Waiting for another anyclaude that downloads this model"),
    onProgress: (bytes) => progress?.update(bytes),
    onTrouble: (reason, seconds) =>
      progress?.tell(`  ${reason}; trying again in ${toDuration(seconds)}`),
  });
  progress?.clear();
  const took = missing > 0 ? `, after ${toDuration((systemClock.now() - startedAt) / 1000)}` : "";
  if (isHere) tell(`${name} is here${took}, in ${hubCacheFolder(env)}`);
  return isHere;
}

/** Whether to download something of this size. */
export async function askToDownload(
  name: string,
  { missingBytes, freeBytes }: DownloadPlan,
): Promise<boolean> {
  return await askYesNo(
    `Download ${name}, ${toGigabytes(missingBytes)}? ${toGigabytes(freeBytes)} are free`,
    true,
  );
}

function createProgress(totalBytes: number): Progress {
  const { isTTY, columns } = process.stderr;
  return new Progress({
    totalBytes,
    clock: systemClock,
    write: (text) => process.stderr.write(text),
    columns: isTTY ? columns || 80 : undefined,
  });
}

/** Says something before a signal ends us, which needs nothing else: all that arrived is on disk. */
function onEndSignal(say: (signal: string) => void): Disposable {
  const codes = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;
  const handlers = Object.entries(codes).map(([signal, code]) => {
    const handler = () => {
      say(signal);
      process.exit(code);
    };
    process.once(signal, handler);
    return () => process.off(signal, handler);
  });
  return { [Symbol.dispose]: () => handlers.forEach((remove) => remove()) };
}
