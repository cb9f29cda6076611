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
  return await made(`${name} ${versionOf(recipe)}`, [recipe, name]);
}

/** The built-in model as servers of others can run it; the recipe says how. */
export type TinyForm = "float32" | "gguf" | "afmoe";

/** The folder that holds it, named `tiny` or `tiny.gguf`. */
export async function tinyAs(form: TinyForm): Promise<string> {
  const source = join(root, "python", "models", "tiny");
  const recipe = join(root, "test", "python", "tiny_forms.py");
  const version = versionOf(recipe, join(source, "manifest.json"));
  return await made(`tiny ${form} ${version}`, [recipe, form, source]);
}

function versionOf(...files: readonly string[]): string {
  const hash = createHash("sha256");
  for (const file of files) hash.update(readFileSync(file));
  return hash.digest("hex").slice(0, 8);
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
