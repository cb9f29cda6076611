import { spawnSync } from "node:child_process";
import { join } from "node:path";
import process from "node:process";
import { testPython } from "../support/test-python.ts";
import {
  llamaCpp,
  mlxLm,
  startStockServer,
  type StockServer,
  type StockServerRecipe,
} from "../e2e/support/stock-server.ts";
import { root } from "../e2e/support/world.ts";
import { startOllama, versionOfOllama } from "./ollama.ts";

export interface RecordedServer {
  readonly title: string;
  /** Of the package that carries it. */
  readonly version: () => Promise<string>;
  readonly start: () => Promise<StockServer>;
  /** What it wants to be asked with, if it knows keys. */
  readonly key?: string;
  /** Refuses what does not fit; others read on until the memory is full, or leave out a part. */
  readonly refusesTooMuch: boolean;
}

const key = "the-key";

/** By the name that stands in the names of its recordings. */
export const recordedServers: Readonly<Record<string, RecordedServer>> = {
  "ours": fromPackage("mlx-lm", true, {
    title: "the MLX server of anyclaude",
    form: "float32",
    python: testPython,
    args: (port) => ["-m", "anyclaude_mlx", "--model", "tiny", "--port", String(port)],
    env: { PYTHONPATH: join(root, "python"), ANYCLAUDE_SERVER_TOKEN: key },
    key,
  }),
  "mlx-lm": fromPackage("mlx-lm", false, mlxLm),
  "llama-cpp": fromPackage("xllamacpp", true, { ...llamaCpp, env: { LLAMA_API_KEY: key }, key }),
  "transformers": fromPackage("transformers", false, {
    title: "transformers serve",
    form: "afmoe",
    python: () => pythonOf("TRANSFORMERS_PYTHON", "transformers[serving]"),
    args: (port) => [
      ...["-m", "transformers.cli.transformers", "serve", "tiny"],
      ...["--device", "cpu", "--port", String(port)],
    ],
  }),
  "rapid-mlx": fromPackage("rapid-mlx", true, {
    title: "Rapid-MLX",
    form: "afmoe",
    python: () => pythonOf("RAPID_MLX_PYTHON", "rapid-mlx"),
    args: (port) => [
      ...["-m", "rapid_mlx.cli", "serve", "tiny", "--served-model-name", "tiny"],
      ...["--enable-auto-tool-choice", "--tool-call-parser", "qwen3_coder"],
      ...["--api-key", key, "--port", String(port)],
    ],
    key,
  }),
  "ollama": {
    title: "Ollama",
    version: versionOfOllama,
    start: startOllama,
    refusesTooMuch: false,
  },
};

function fromPackage(
  name: string,
  refusesTooMuch: boolean,
  recipe: StockServerRecipe,
): RecordedServer {
  const script = `from importlib.metadata import version; print(version("${name}"))`;
  return {
    title: recipe.title,
    async version() {
      const { stdout } = spawnSync(await recipe.python(), ["-c", script], { encoding: "utf8" });
      return `${name} ${stdout.trim()}`;
    },
    start: () => startStockServer(recipe),
    ...(recipe.key ? { key: recipe.key } : {}),
    refusesTooMuch,
  };
}

/** Too large for the test environment: an environment of your own. */
function pythonOf(variable: string, requirement: string): Promise<string> {
  const python = process.env[variable];
  if (python) return Promise.resolve(python);
  throw new Error(`Set ${variable} to a Python where "pip install ${requirement}" was run`);
}
