import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startApp, type StartOptions } from "../app/start.ts";
import { UserError } from "../core/user-error.ts";
import type { MessageResponse } from "../protocol/anthropic.ts";
import { broken, type Finding, ok } from "./finding.ts";

const question = { role: "user", content: "hi" };

/**
 * Asks the built-in model through the whole of it, as Claude Code would: proxy, server, MLX. With
 * a state folder of its own, so that nothing stored answers and nothing is left behind.
 */
export async function examineRoundTrip(options: StartOptions): Promise<Finding> {
  const state = mkdtempSync(join(tmpdir(), "anyclaude-doctor-"));
  try {
    const { config, paths } = options;
    await using app = await startApp({
      ...options,
      config: {
        ...config,
        ...{ mode: "mlx", model: "tiny", baseUrl: undefined, noAutoLaunch: false, port: 0 },
        ...{ serverWarmSeconds: 0, historyDays: 0, prefixDiskGigabytes: 0 },
      },
      paths: { ...paths, state, prefixes: join(state, "prefixes") },
    });
    return await ask(app);
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return broken("Generation", error.message, "mend what is broken above, then look again");
  } finally {
    rmSync(state, { recursive: true, force: true });
  }
}

async function ask({ url, token }: { readonly url: string; readonly token: string }) {
  const startedAt = performance.now();
  const response = await fetch(`${url}/v1/messages`, {
    method: "POST",
    headers: { "content-type": "application/json", "x-api-key": token },
    body: JSON.stringify({ model: "tiny", max_tokens: 50, messages: [question] }),
  });
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
  if (!response.ok) {
    const said = (await response.text()).slice(0, 500);
    return broken(
      "Generation",
      `a Messages request was answered with ${response.status}: ${said}`,
      "anyclaude logs may say more; please report it with this line",
    );
  }
  const { usage } = await response.json() as MessageResponse;
  const read = usage.input_tokens + usage.cache_creation_input_tokens +
    usage.cache_read_input_tokens;
  return ok(
    "Generation",
    `a Messages request through proxy, server and the tiny model took ${seconds} s ` +
      `(${read} tokens read, ${usage.output_tokens} written)`,
  );
}
