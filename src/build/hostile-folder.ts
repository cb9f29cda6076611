import { existsSync, mkdirSync, readFileSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

/** A folder full of files that a runtime or a tool might obey, if it looked at them. */
export interface HostileFolder {
  /** What was read or obeyed since it was made; nothing is good. */
  faults(): readonly string[];
}

const longAgo = new Date("2001-01-01");

/** Fills a folder. Whoever runs one of the programs in it leaves the file `obeyed` behind. */
export function makeHostile(folder: string): HostileFolder {
  const obeyed = join(folder, "obeyed");
  const mark = `require("node:fs").appendFileSync(${JSON.stringify(obeyed)}, "script\\n");`;
  const shell = `#!/bin/sh\necho program >> '${obeyed}'\nexit 1\n`;
  const python = `open(${JSON.stringify(obeyed)}, "a").write("python\\n")\nraise SystemExit(1)\n`;
  const files: Readonly<Record<string, string>> = {
    ".env": "ANYCLAUDE_MODE=hostile\nANYCLAUDE_DEBUG=hostile\n",
    ".env.local": "ANYCLAUDE_MODE=hostile\n",
    "bunfig.toml": 'preload = ["./preload.ts"]\n[run]\npreload = ["./preload.ts"]\n',
    "preload.ts": mark,
    "package.json": '{ "type": "hostile", "imports": { "#serve": "./preload.ts" } }',
    "tsconfig.json": '{ "compilerOptions": { "paths": { "*": ["./preload.ts"] } } }',
    "deno.json": '{ "imports": { "hono": "./preload.ts" } }',
    "config.json": '{ "mode": "hostile" }',
    "anyclaude.json": '{ "mode": "hostile" }',
    "uv.toml": "hostile",
    "pyproject.toml": "hostile",
    ".python-version": "2.7\n",
    "pip.conf": "hostile",
    "src/main.ts": mark,
    ...Object.fromEntries(
      ["hono", "citty", "consola", "valibot", "lru-cache"].map((name) => [
        `node_modules/${name}/index.js`,
        mark,
      ]),
    ),
    ...Object.fromEntries(
      ["claude", "uv", "python3", "bun", "node_modules/.bin/claude"].map((name) => [name, shell]),
    ),
    ...Object.fromEntries(
      ["venv.py", "pip.py", "subprocess.py", "json.py", "sitecustomize.py", "uvicorn.py"].map(
        (name) => [name, python],
      ),
    ),
    "python/requirements.lock": "hostile==1\n",
    "python/anyclaude_mlx/__init__.py": python,
    "python/anyclaude_mlx/__main__.py": python,
    "anyclaude_mlx/__main__.py": python,
  };
  for (const [name, text] of Object.entries({ ...files, control: "" })) {
    const path = join(folder, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text, { mode: 0o755 });
    // A time of reading that lies before that of writing is set anew by every reader.
    utimesSync(path, longAgo, new Date());
  }
  return { faults: () => [...readIn(folder, Object.keys(files)), ...obeyedIn(obeyed)] };
}

/** Only where this disk keeps the times of reading, which the file `control` tells. */
function readIn(folder: string, names: readonly string[]): readonly string[] {
  const wasRead = (name: string) => statSync(join(folder, name)).atimeMs !== longAgo.getTime();
  readFileSync(join(folder, "control"));
  if (!wasRead("control")) return [];
  return names.filter(wasRead).map((name) => `${name} was read`);
}

function obeyedIn(obeyed: string): readonly string[] {
  return existsSync(obeyed) ? [`obeyed: ${readFileSync(obeyed, "utf8").trim()}`] : [];
}
