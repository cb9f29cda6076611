import { afterEach, beforeEach, describe, test } from "node:test";
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { assert, assertEquals } from "@std/assert";
import { planServer, type ServerWishes } from "../../src/app/server-plan.ts";
import { modelFiles, writeRepository } from "../support/model-files.ts";

const python = fileURLToPath(new URL("../../python", import.meta.url));

describe("the plan of a server", () => {
  let folder: string;
  let sources: string;
  beforeEach(() => {
    folder = realpathSync(mkdtempSync(join(tmpdir(), "any claude ")));
    sources = join(folder, "python");
    cpSync(python, sources, { recursive: true });
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  const wishes: ServerWishes = {
    ...{ model: "tiny", prefixFolder: "/prefixes", prefixDiskGigabytes: 10 },
    kvBits: undefined,
    env: { HOME: "/home/me", PATH: "/bin" },
  };
  const plan = (changes: Partial<ServerWishes> = {}) =>
    planServer({ ...wishes, ...changes }, sources);
  const model = () => {
    const path = join(folder, "my model");
    mkdirSync(path);
    writeFileSync(join(path, "config.json"), "{}");
    return path;
  };

  test("names the same server for what makes no difference to it", () => {
    const { identity } = plan();
    const env = {
      ...{ HOME: "/home/me", PATH: "/usr/bin", TERM: "xterm" },
      ...{ MLX_MODEL: "tiny", MLX_API_KEY: "k" },
    };

    writeFileSync(join(sources, "anyclaude_mlx", "x.pyc"), "compiled");

    assertEquals(plan({ env }).identity, identity);
    assert(/^[0-9a-f]{32}$/.test(identity), identity);
  });

  test("names another one for everything that does", () => {
    const identities = [
      plan(),
      plan({ model: "mlx-community/x" }),
      plan({ prefixFolder: "/other" }),
      plan({ prefixDiskGigabytes: 0 }),
      plan({ kvBits: 8 }),
      plan({ env: { ...wishes.env, HF_HOME: "/models" } }),
      plan({ env: { ...wishes.env, MLX_DISABLE_COMPILE: "1" } }),
    ].map(({ identity }) => identity);
    for (
      const file of ["anyclaude_mlx/api/api.py", "requirements.lock", "models/tiny/manifest.json"]
    ) {
      writeFileSync(join(sources, file), "changed");
      identities.push(plan().identity);
    }

    assertEquals(new Set(identities).size, identities.length);
  });

  test("means a folder, however it is named and from wherever", () => {
    const path = model();
    symlinkSync(path, join(folder, "link"));
    const before = process.cwd();
    process.chdir(folder);

    const plans = ["my model", "./my model", path, join(folder, "link"), "~/my model"]
      .map((named) => plan({ model: named, env: { ...wishes.env, HOME: folder } }));
    process.chdir(before);

    assertEquals(new Set(plans.map(({ model }) => model)), new Set([path]));
    assertEquals(new Set(plans.map(({ identity }) => identity)).size, 1);
    assertEquals(plans[0]?.args.slice(0, 2), ["--model", path]);
  });

  test("means another model when the files of a folder have changed", () => {
    const path = model();
    const { identity } = plan({ model: path });

    writeFileSync(join(path, "config.json"), `{"changed": true}`);

    assert(plan({ model: path }).identity !== identity);
  });

  test("means another model when a new version of it was downloaded", () => {
    const named = { model: "a/b", env: { ...wishes.env, HF_HUB_CACHE: folder } };
    const none = plan(named).identity;
    writeRepository(join(folder, "models--a--b"), modelFiles);
    const { identity, args } = plan(named);

    writeFileSync(join(folder, "models--a--b", "blobs", "config.json"), `{"changed": true}`);

    assertEquals(new Set([none, identity, plan(named).identity]).size, 3);
    assertEquals(args.slice(0, 2), ["--model", "a/b"]);
  });
});
