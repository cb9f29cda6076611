import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type ModelConfig, readJson } from "./model-config.ts";

/** What Jinja runs, and not what it writes. */
const tags = /\{[{%][\s\S]*?[}%]\}/g;

/** Whether its chat template takes tools; undefined when it has none, and so cannot converse. */
export function takesTools(folder: string): boolean | undefined {
  const templates = readTemplates(folder);
  if (templates.length === 0) return undefined;
  return templates.some((template) =>
    (template.match(tags) ?? []).some((tag) => /\btools\b/.test(tag))
  );
}

/** A file of its own wins; some tokenizers have several, by name. */
function readTemplates(folder: string): readonly string[] {
  try {
    return [readFileSync(join(folder, "chat_template.jinja"), "utf8")];
  } catch {
    // Most have it elsewhere.
  }
  const configs = ["chat_template.json", "tokenizer_config.json"].map((name) =>
    readJson(join(folder, name))?.["chat_template"]
  );
  return configs.flatMap((template) => {
    if (typeof template === "string") return [template];
    if (!Array.isArray(template)) return [];
    return template.map((named: ModelConfig) => String(named["template"]));
  });
}
