import { spawn } from "node:child_process";
import { mkdirSync } from "node:fs";
import { basename, join } from "node:path";
import { createInterface } from "node:readline";
import { withExclusive } from "../core/exclusive.ts";
import type { Environment } from "../core/find-program.ts";
import { lastLine } from "../core/last-line.ts";
import { UserError } from "../core/user-error.ts";
import { hubCacheFolder, repositoryFolder } from "./hub-cache.ts";

/** How to run Python, which has the hub's own client. */
export interface Downloader {
  readonly python: string;
  /** The folder with `anyclaude_mlx`. */
  readonly sources: string;
  /** The user's, such that this Python finds it. */
  readonly env: Environment;
}

export interface DownloadPlan {
  readonly bytes: number;
  /** Some may be here already. */
  readonly missingBytes: number;
  readonly freeBytes: number;
}

export interface DownloadWatch {
  /** Asked once it is known what is to come. */
  readonly agree: (plan: DownloadPlan) => Promise<boolean>;
  /** Somebody else is downloading this model. */
  readonly onWait: () => void;
  readonly onProgress: (bytes: number) => void;
  /** It is tried again after so many seconds. */
  readonly onTrouble: (reason: string, seconds: number) => void;
}

/** What `anyclaude_mlx/hub/__main__.py` says, a line each. */
interface Said {
  readonly plan?: {
    readonly bytes: number;
    readonly missing_bytes: number;
    readonly free_bytes: number;
  };
  readonly progress?: number;
  readonly trouble?: { readonly reason: string; readonly seconds: number };
  readonly done?: string;
  readonly error?: string;
}

/** True when all of the model is here; false when the user does not want it. */
export async function downloadModel(
  name: string,
  downloader: Downloader,
  watch: DownloadWatch,
): Promise<boolean> {
  await using child = startPython(name, downloader);
  const plan = await child.plan();
  if (!await watch.agree(plan)) return false;
  await withExclusive(lockFile(name, downloader.env), watch, async () => {
    child.go();
    for (;;) {
      const { progress, trouble, done } = await child.next();
      if (progress !== undefined) watch.onProgress(progress);
      if (trouble) watch.onTrouble(trouble.reason, trouble.seconds);
      if (done !== undefined) return;
    }
  });
  return true;
}

/** Beside those of huggingface_hub, which has one for each file. */
export function lockFile(name: string, env: Environment): string {
  const folder = join(hubCacheFolder(env), ".locks", basename(repositoryFolder(name, env)));
  try {
    mkdirSync(folder, { recursive: true });
  } catch (cause) {
    throw new UserError(
      `Cannot use the folder ${folder}: ${
        (cause as Error).message
      }; HF_HUB_CACHE names another one`,
      { cause },
    );
  }
  return join(folder, "anyclaude.lock");
}

/** It ends with us, whatever becomes of us: its standard input is then at its end. */
function startPython(name: string, { python, sources, env }: Downloader) {
  const child = spawn(python, ["-m", "anyclaude_mlx.hub", name], {
    cwd: sources,
    env,
    stdio: ["pipe", "pipe", "pipe"],
  });
  let words = "";
  child.stderr.setEncoding("utf8").on(
    "data",
    (text: string) => words = (words + text).slice(-2000),
  );
  const ended = new Promise<void>((resolve) => {
    child.on("error", (error) => resolve(void (words += error.message)));
    child.on("close", () => resolve());
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return {
    /** What it says next. Throws what it says of a failure, or its last words if it says nothing. */
    async next(): Promise<Said> {
      const { value, done } = await lines.next();
      if (done) {
        await ended;
        const last = lastLine(words) || "it ended without a word";
        throw new UserError(`Cannot download ${name}: ${last}`);
      }
      const said = JSON.parse(value) as Said;
      if (said.error !== undefined) throw new UserError(said.error);
      return said;
    },
    async plan(): Promise<DownloadPlan> {
      const { plan } = await this.next();
      const { bytes = 0, missing_bytes: missingBytes = 0, free_bytes: freeBytes = 0 } = plan ?? {};
      return { bytes, missingBytes, freeBytes };
    },
    go: () => void child.stdin.write("go\n"),
    async [Symbol.asyncDispose]() {
      child.stdin.end();
      await ended;
    },
  };
}
