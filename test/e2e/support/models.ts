import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import process from "node:process";
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { testPython } from "../../support/test-python.ts";
import { root } from "./world.ts";

export type ModelClass = "full" | "window" | "hybrid" | "endless";

/** A small random float32 model of one cache class; made once and kept until its recipe changes. */
export async function randomModel(name: ModelClass): Promise<string> {
  const recipe = join(root, "test", "python", "models.py");
  const version = createHash("sha256").update(readFileSync(recipe)).digest("hex").slice(0, 8);
  return await made(`${name} ${version}`, [recipe, name]);
}

/** The built-in model as stock servers can run it at speed: in float32. */
export async function tinyFloat32(): Promise<string> {
  const script = `
import shutil, sys, mlx.core as mx
source, target = sys.argv[1:]
shutil.copytree(source, target)
weights = mx.load(f"{source}/model.safetensors")
mx.save_safetensors(
    f"{target}/model.safetensors", {k: v.astype(mx.float32) for k, v in weights.items()}
)`;
  return await made("tiny float32", ["-c", script, join(root, "python", "models", "tiny")]);
}

/** Runs Python with the target folder as last argument, unless the folder is there already. */
async function made(name: string, args: readonly string[]): Promise<string> {
  const folder = join(root, ".cache", "models", name);
  if (existsSync(folder)) return folder;
  const unfinished = `${folder}.${process.pid}`;
  mkdirSync(dirname(folder), { recursive: true });
  rmSync(unfinished, { recursive: true, force: true });
  const { status, stderr } = spawnSync(await testPython(), [...args, unfinished], {
    encoding: "utf8",
  });
  if (status !== 0) throw new Error(`Cannot make model ${name}: ${stderr}`);
  renameSync(unfinished, folder);
  return folder;
}
