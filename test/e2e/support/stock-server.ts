import { type ChildProcess, spawn } from "node:child_process";
import { join } from "node:path";
import process from "node:process";
import { deadPort } from "../../support/loopback.ts";
import { testPython } from "../../support/test-python.ts";
import { tinyAs, type TinyForm } from "./models.ts";
import { until } from "./until.ts";
import { root } from "./world.ts";

/** How to start a server that others make on the built-in model. */
export interface StockServerRecipe {
  /** What its users call it. */
  readonly title: string;
  readonly form: TinyForm;
  readonly python: () => Promise<string>;
  /** Of Python, in the folder that holds the model. */
  readonly args: (port: number) => readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** What it wants to be asked with, if it knows keys. */
  readonly key?: string;
}

export interface StockServer extends AsyncDisposable {
  /** Without `/v1`. */
  readonly url: string;
}

export const mlxLm: StockServerRecipe = {
  title: "mlx_lm.server",
  form: "float32",
  python: testPython,
  args: (port) => [
    ...["-m", "mlx_lm", "server", "--model", "tiny", "--port", String(port)],
    // Masks are as wide as a step: on a CPU its own 2048 reads this model half as fast.
    ...["--prefill-step-size", "256"],
  ],
};

export const llamaCpp: StockServerRecipe = {
  title: "llama.cpp",
  form: "gguf",
  python: testPython,
  args: (port) => [join(root, "test", "python", "llama_server.py"), "tiny.gguf", String(port)],
};

/** Started as its users start it, and ready. It calls its model `tiny`. */
export async function startStockServer(recipe: StockServerRecipe): Promise<StockServer> {
  const cwd = await tinyAs(recipe.form);
  const { port } = await deadPort();
  const child = spawn(await recipe.python(), recipe.args(port), {
    cwd,
    env: { ...process.env, HF_HUB_OFFLINE: "1", ...recipe.env },
    stdio: ["ignore", "ignore", "pipe"],
  });
  const ended = endOf(child);
  const url = `http://127.0.0.1:${port}`;
  const headers = recipe.key ? { authorization: `Bearer ${recipe.key}` } : {};
  const isReady = () => fetch(`${url}/v1/models`, { headers }).then(isOk, () => false);
  const ready = until(recipe.title, isReady);
  try {
    await Promise.race([ready, ended.then((said) => Promise.reject(new Error(said)))]);
  } catch (error) {
    child.kill();
    throw error;
  }
  return {
    url,
    async [Symbol.asyncDispose]() {
      child.kill();
      await ended;
    },
  };
}

/** What it said on standard error, when it has ended. */
function endOf(child: ChildProcess): Promise<string> {
  let said = "";
  child.stderr?.setEncoding("utf8").on("data", (text: string) => said = (said + text).slice(-2000));
  return new Promise((resolve) => child.on("close", () => resolve(said)));
}

async function isOk(response: Response): Promise<boolean> {
  await response.body?.cancel();
  return response.ok;
}
