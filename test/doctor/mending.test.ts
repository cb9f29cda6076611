import { spawnSync } from "node:child_process";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import process from "node:process";
import { describe, test } from "node:test";
import { assertEquals, assertStringIncludes } from "@std/assert";
import { responsesPath } from "../../src/app/response-cache.ts";
import { examineCaches } from "../../src/doctor/caches.ts";
import { examineClaudeCode } from "../../src/doctor/claude-code.ts";
import type { Finding } from "../../src/doctor/finding.ts";
import { examineFolders } from "../../src/doctor/folders.ts";
import { examineMachine } from "../../src/doctor/machine.ts";
import { examineModel } from "../../src/doctor/model.ts";
import { examinePort } from "../../src/doctor/network.ts";
import { examinePython } from "../../src/doctor/python.ts";
import { runCommand } from "../../src/provision/command.ts";
import { chatTemplate, modelFiles, writeFiles } from "../support/model-files.ts";

/** A machine's files, and what is set on it. */
interface Place {
  readonly folder: string;
  readonly paths: { state: string; cache: string; prefixes: string; configFile: string };
  readonly environment: Record<string, string>;
  configured?: string;
  port: number;
  python: string;
  memoryGib: number;
  model?: string;
  modelBytes: number;
}

interface Case {
  readonly what: string;
  readonly examine: (place: Place) => Promise<readonly Finding[]> | readonly Finding[];
  readonly breakIt: (place: Place) => unknown;
  readonly subject: string;
  readonly advice: string;
  /** Follows the advice; a command in it is run as it stands. */
  readonly mend: (place: Place, fix: string) => unknown;
  readonly status?: Finding["status"];
  readonly skip?: string | false;
}

const asRoot = process.getuid?.() === 0 && "root may write everywhere";
const folders = ({ paths }: Place) => examineFolders(paths);
const caches = ({ paths }: Place) => examineCaches(paths, { prefixDiskGigabytes: 1 });
const claude = ({ configured, environment, folder }: Place) =>
  examineClaudeCode({ configured, environment, project: folder, isForeign: true, run: runCommand });
const python = ({ paths, environment, python: program }: Place) =>
  examinePython({
    ...{ cacheFolder: paths.cache, environment, tell() {}, platform: "linux" },
    run: runCommand,
    // The only Python of this machine is the one that was put here; it has no uv.
    programs: (name) => name === "python3" && program !== "none" ? [program] : [],
  });
const model = ({ model, environment, modelBytes, memoryGib }: Place) => [
  examineModel(model, environment, { memoryBytes: memoryGib * 2 ** 30, modelBytes }),
];
const port = async ({ port }: Place) => [await examinePort(port)];
const shell = (_place: Place, fix: string) => run(fix.split(";")[0] ?? "");

const cases: readonly Case[] = [
  {
    what: "a state folder that is a file",
    examine: folders,
    breakIt: ({ paths }) => writeFileSync(paths.state, ""),
    subject: "State",
    advice: "make it a folder of yours",
    mend: ({ paths }) => rmSync(paths.state),
  },
  {
    what: "a cache folder that may not be written",
    examine: folders,
    breakIt: ({ paths }) => mkdirSync(paths.cache, { mode: 0o500 }),
    subject: "Cache",
    advice: "chmod u+rwx",
    mend: ({ paths }) => chmodSync(paths.cache, 0o700),
    skip: asRoot,
  },
  {
    what: "a state folder that everybody can read",
    examine: folders,
    breakIt: ({ paths }) => mkdirSync(paths.state, { mode: 0o755 }),
    subject: "State",
    advice: "chmod go-rwx",
    mend: shell,
    status: "warning",
  },
  {
    what: "a config file that everybody can read",
    examine: folders,
    breakIt: ({ paths }) => writeFileSync(paths.configFile, "{}", { mode: 0o644 }),
    subject: "Config",
    advice: "chmod go-rwx",
    mend: shell,
    status: "warning",
  },
  {
    what: "a port that is taken",
    examine: port,
    breakIt: async (place) => {
      const taken = createServer().listen(0, "127.0.0.1").unref();
      await new Promise((resolve) => taken.once("listening", resolve));
      place.port = (taken.address() as { port: number }).port;
    },
    subject: "Port",
    advice: "0 takes any free one",
    mend: (place) => void (place.port = 0),
  },
  {
    what: "stored answers that are damaged",
    examine: caches,
    breakIt: ({ paths }) => {
      mkdirSync(paths.state);
      writeFileSync(responsesPath(paths.state), "not a database ".repeat(100));
    },
    subject: "Response cache",
    advice: "anyclaude cache clear",
    mend: ({ folder }) =>
      run(`'${process.execPath}' '${join(root, "src", "main.ts")}' cache clear`, {
        ANYCLAUDE_HOME: folder,
      }),
  },
  {
    what: "a claudePath that leads nowhere",
    examine: claude,
    breakIt: (place) => void (place.configured = join(place.folder, "claude")),
    subject: "Claude Code",
    advice: "correct claudePath",
    mend: (place) => program(place, "echo 2.1.330"),
  },
  {
    what: "a Claude Code that does not run",
    examine: claude,
    breakIt: (place) => program(place, "echo no such architecture >&2; exit 126"),
    subject: "Claude Code",
    advice: "install it again",
    mend: (place) => program(place, "echo 2.1.330"),
  },
  {
    what: "an old Claude Code",
    examine: claude,
    breakIt: (place) => program(place, "echo 2.0.9 '(Claude Code)'"),
    subject: "Claude Code",
    advice: "claude update",
    mend: (place) => program(place, "echo 2.1.331"),
    status: "warning",
  },
  {
    what: "settings of Claude Code that send it elsewhere",
    examine: claude,
    breakIt: (place) => {
      program(place, "echo 2.1.330");
      const file = join(place.folder, ".claude", "settings.json");
      mkdirSync(dirname(file));
      writeFileSync(file, JSON.stringify({ env: { ANTHROPIC_BASE_URL: "https://x.test" } }));
    },
    subject: "Claude settings",
    advice: `take it out of "env"`,
    mend: ({ folder }) => writeFileSync(join(folder, ".claude", "settings.json"), "{}"),
  },
  {
    what: "no Python",
    examine: python,
    breakIt: (place) => void (place.python = "none"),
    subject: "Python",
    advice: "install one from python.org",
    mend: (place) => void (place.python = fakePython(place)),
  },
  {
    what: "a Python that is too old",
    examine: python,
    breakIt: (place) => void (place.python = fakePython(place, "3 9")),
    subject: "Python",
    advice: "install one from python.org",
    mend: (place) => void (place.python = fakePython(place)),
  },
  {
    what: "a Python environment from which something was deleted",
    examine: python,
    breakIt: async (place) => {
      place.python = fakePython(place);
      await python(place);
      writeFileSync(
        join(environmentIn(place), "bin", "python"),
        `#!/bin/sh\n${answersWhatItIs("3 12")}\necho No module named mlx; exit 1\n`,
      );
    },
    subject: "Python",
    advice: "the next start makes it anew",
    mend: shell,
  },
  {
    what: "a model folder that does not exist",
    examine: model,
    breakIt: (place) => void (place.model = "./nowhere"),
    subject: "Model",
    advice: "correct its name",
    mend: (place) => void (place.model = modelFolder(place)),
  },
  {
    what: "a model folder without weights",
    examine: model,
    breakIt: (place) => {
      place.model = modelFolder(place);
      rmSync(join(place.model, "model.safetensors"));
    },
    subject: "Model",
    advice: "shows what is here",
    mend: (place) => void modelFolder(place),
  },
  {
    what: "a model that cannot use tools",
    examine: model,
    breakIt: (place) => void (place.model = modelFolder(place, "{{ messages }}")),
    subject: "Model",
    advice: "choose one that is made for tools",
    mend: (place) => void modelFolder(place),
  },
  {
    what: "a model that is too large",
    examine: model,
    breakIt: (place) => {
      place.model = modelFolder(place);
      place.modelBytes = 1000;
    },
    subject: "Model",
    advice: "choose a smaller one",
    mend: (place) => void (place.modelBytes = 2 ** 34),
  },
  {
    what: "a model that is not downloaded",
    examine: model,
    breakIt: (place) => void (place.model = "somebody/model"),
    subject: "Model",
    advice: "anyclaude models pull somebody/model",
    mend: (place) => void (place.model = modelFolder(place)),
    status: "warning",
  },
  {
    what: "too little memory",
    examine: ({ memoryGib }) =>
      examineMachine({
        ...{ platform: "darwin", arch: "arm64", release: "24.1.0" },
        memoryBytes: memoryGib * 2 ** 30,
      }),
    breakIt: (place) => void (place.memoryGib = 8),
    subject: "Memory",
    advice: "choose a small model",
    mend: (place) => void (place.memoryGib = 32),
    status: "warning",
  },
];

const root = join(import.meta.dirname ?? ".", "..", "..");

describe("doctor", () => {
  for (const { what, examine, breakIt, subject, advice, mend, status = "broken", skip } of cases) {
    test(`finds ${what}, and its advice mends it`, { skip: skip || false }, async () => {
      using place = emptyPlace();
      await breakIt(place);

      const before = (await examine(place)).find((each) => each.subject === subject);
      await mend(place, before?.fix ?? "");
      const after = (await examine(place)).filter((each) => each.subject === subject);

      assertEquals(before?.status, status, JSON.stringify(before));
      assertStringIncludes(before?.fix ?? "", advice);
      assertEquals(after.filter((each) => each.status !== "ok"), []);
    });
  }
});

describe("a machine", () => {
  const machines = [
    ["darwin", "arm64", "23.0.0", "ok"],
    ["darwin", "arm64", "22.6.0", "broken"],
    ["darwin", "x64", "24.0.0", "broken"],
    ["linux", "arm64", "6.1.0", "ok"],
    ["win32", "x64", "10.0.0", "broken"],
  ] as const;
  for (const [platform, arch, release, expected] of machines) {
    test(`of ${platform} ${release} on ${arch} is ${expected}`, () => {
      const [system] = examineMachine({ platform, arch, release, memoryBytes: 2 ** 35 });

      assertEquals(system?.status, expected);
      assertEquals(system?.fix?.includes("--mode openai") ?? false, expected === "broken");
    });
  }
});

function emptyPlace(): Place & Disposable {
  const folder = mkdtempSync(join(tmpdir(), "any patient "));
  const at = (name: string) => join(folder, name);
  return {
    folder,
    paths: {
      ...{ state: at("state"), cache: at("cache"), prefixes: at("prefixes") },
      configFile: at("config.json"),
    },
    environment: { HOME: folder, PATH: `${at("bin")}:/usr/bin:/bin` },
    port: 0,
    python: "none",
    memoryGib: 32,
    modelBytes: 2 ** 34,
    [Symbol.dispose]() {
      if (existsSync(at("cache"))) chmodSync(at("cache"), 0o700);
      rmSync(folder, { recursive: true });
    },
  };
}

/** A `claude` that does this, and nothing that would be found before it. */
function program(place: Place, script: string): void {
  const path = join(place.folder, "claude");
  writeFileSync(path, `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  place.configured = path;
}

/** A Python that makes environments whose Python computes. */
function fakePython({ folder }: Place, version = "3 12"): string {
  const path = join(folder, `python ${version}`);
  const asks = `#!/bin/sh\n${answersWhatItIs(version)}\n`;
  const made = `${asks}echo "CPU|OpenBLAS 0.3|mlx 1, mlx-lm 1"\n`;
  writeFileSync(join(folder, "made"), made, { mode: 0o755 });
  const makes = `for last; do :; done
mkdir -p "$last/bin" && cp '${join(folder, "made")}' "$last/bin/python"
`;
  writeFileSync(path, `${asks}${makes}`, { mode: 0o755 });
  return path;
}

/** What the provisioning asks of a Python. */
function answersWhatItIs(version: string): string {
  const machine = process.arch === "x64" ? "x86_64" : "arm64";
  return `[ "$2" = -S ] && { echo cpython ${version} ${machine} False; exit; }`;
}

/** A model that mlx-lm could load, as far as its files go. */
function modelFolder({ folder }: Place, template = chatTemplate): string {
  const tokenizer = JSON.stringify({ chat_template: template });
  const files = { ...modelFiles, "tokenizer_config.json": tokenizer };
  return writeFiles(join(folder, "a model"), files);
}

function environmentIn({ paths }: Place): string {
  const name = readdirSync(paths.cache).find((each) => /^python-\w+$/.test(each));
  return join(paths.cache, name ?? "none");
}

function run(command: string, env: Readonly<Record<string, string>> = {}): void {
  const { status, stderr } = spawnSync("sh", ["-c", command], {
    env: { ...process.env, ...env },
    encoding: "utf8",
  });
  assertEquals(status, 0, stderr);
}
