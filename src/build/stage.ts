import { cpSync, mkdirSync, readdirSync } from "node:fs";
import { dirname, join } from "node:path";

/** What of the folder `python/` a user needs: not what trains, tests or locks. */
const shipped = [
  /^anyclaude_\w+\/.*\.(py|json|jinja)$/,
  /^models\/\w+\/\w+\.(json|safetensors)$/,
  /^(requirements|installer)\.lock$/,
];

/** Copies what is shipped into a new folder. */
export function stagePython(python: string, target: string): void {
  const files = readdirSync(python, { recursive: true, encoding: "utf8" })
    .map((file) => file.replaceAll("\\", "/"))
    .filter((file) => shipped.some((kind) => kind.test(file)));
  for (const file of files) {
    mkdirSync(dirname(join(target, file)), { recursive: true });
    cpSync(join(python, file), join(target, file));
  }
}
