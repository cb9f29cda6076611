import { spawn } from "node:child_process";
import { realpathSync } from "node:fs";
import { dirname } from "node:path";
import type { Fetch } from "../core/fetch.ts";
import type { Environment } from "../core/find-program.ts";
import { isNewer } from "../core/is-newer.ts";
import { UserError } from "../core/user-error.ts";

export interface Upgrading {
  /** Of this program. */
  readonly version: string;
  /** Where releases are, without a slash at its end. */
  readonly releases: string;
  /** The file of this program. */
  readonly program: string;
  readonly env: Environment;
  readonly fetch: Fetch;
}

export type Upgraded =
  | { readonly outcome: "newest" }
  /** Whoever installed it has to bring the new one. */
  | { readonly outcome: "available"; readonly latest: string; readonly command: string }
  | { readonly outcome: "installed"; readonly latest: string };

/** Brings the newest release, with the script that it is installed with. */
export async function upgradeProgram(upgrading: Upgrading): Promise<Upgraded> {
  const { version, releases, program, env, fetch } = upgrading;
  const latest = await findLatest(releases, fetch);
  if (!isNewer(latest, version)) return { outcome: "newest" };
  const file = realpathSync(program);
  if (file.includes("/Cellar/")) {
    return { outcome: "available", latest, command: "brew upgrade anyclaude" };
  }
  const response = await ask(`${releases}/download/v${latest}/install.sh`, "follow", fetch);
  if (!response.ok) {
    throw new UserError(`Cannot upgrade to ${latest}: the release has no install.sh`);
  }
  await runScript(await response.text(), {
    ...env,
    ...{ ANYCLAUDE_VERSION: latest, ANYCLAUDE_RELEASES: releases },
    ANYCLAUDE_INSTALL: dirname(file),
  });
  return { outcome: "installed", latest };
}

/** The address of the latest release leads to that of its tag. */
async function findLatest(releases: string, fetch: Fetch): Promise<string> {
  const response = await ask(`${releases}/latest`, "manual", fetch);
  const [, latest] = /\/tag\/v(\d+\.\d+\.\d+)$/.exec(response.headers.get("location") ?? "") ?? [];
  if (latest !== undefined) return latest;
  throw new UserError(`Cannot find the latest release: ${releases} names none`);
}

async function ask(url: string, redirect: RequestRedirect, fetch: Fetch): Promise<Response> {
  try {
    return await fetch(url, { redirect });
  } catch (cause) {
    throw new UserError(`Cannot ask for releases at ${url}: ${(cause as Error).message}`, {
      cause,
    });
  }
}

async function runScript(script: string, env: Upgrading["env"]): Promise<void> {
  const code = await new Promise<number | null>((resolve) => {
    const child = spawn("sh", [], { env, stdio: ["pipe", "inherit", "inherit"] });
    child.on("error", () => resolve(null));
    child.on("close", resolve);
    child.stdin.end(script);
  });
  if (code !== 0) throw new UserError("Cannot upgrade: the program stays as it was");
}
