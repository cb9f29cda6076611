import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import type { StockServer } from "../e2e/support/stock-server.ts";
import { tinyAs } from "../e2e/support/models.ts";
import { until } from "../e2e/support/until.ts";
import { deadPort } from "../support/loopback.ts";

/** The model's own template writes calls as Qwen3-Coder does, which Ollama has code for. */
const modelfile = (file: string) =>
  `FROM ${file}
RENDERER qwen3-coder
PARSER qwen3-coder
PARAMETER stop <|im_end|>
`;

/** With a home of its own, in which `tiny` is the only model. */
export async function startOllama(): Promise<StockServer> {
  const folder = mkdtempSync(join(tmpdir(), "ollama "));
  const url = `http://127.0.0.1:${(await deadPort()).port}`;
  const env = { ...process.env, HOME: folder, OLLAMA_MODELS: ".", OLLAMA_HOST: url };
  const child = spawn(program(), ["serve"], { cwd: folder, env, stdio: "ignore" });
  const ended = new Promise<void>((resolve) => child.on("close", () => resolve()));
  await until("Ollama", () => fetch(url).then((response) => response.ok, () => false));
  const description = join(folder, "Modelfile");
  writeFileSync(description, modelfile(join(await tinyAs("gguf"), "tiny.gguf")));
  const { status, stderr } = spawnSync(program(), ["create", "tiny", "-f", description], {
    env,
    encoding: "utf8",
  });
  if (status !== 0) throw new Error(`Cannot give Ollama the model: ${stderr}`);
  return {
    url,
    async [Symbol.asyncDispose]() {
      child.kill();
      await ended;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** A build from its Go module does not know its own version. */
export async function versionOfOllama(): Promise<string> {
  const { stdout } = spawnSync("go", ["version", "-m", program()], { encoding: "utf8" });
  return /mod\s+(\S+\s+\S+)/.exec(stdout)?.[1]?.replace(/\s+/, " ") ?? "of unknown version";
}

function program(): string {
  const path = process.env["OLLAMA"];
  if (path) return path;
  throw new Error("Set OLLAMA to the program, such as one made by go install");
}
