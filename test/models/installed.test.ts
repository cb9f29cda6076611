import { describe, test } from "node:test";
import { mkdirSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { assertEquals } from "@std/assert";
import { hubCacheFolder, isHubName, snapshotFolder } from "../../src/models/hub-cache.ts";
import { installedModels, locate } from "../../src/models/installed.ts";
import { type Files, modelFiles, writeFiles, writeRepository } from "../support/model-files.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

const bytes = (files: Files) => Object.values(files).join("").length;

/** A user's home with a cache of Hugging Face. */
function home() {
  const folder = temporaryFolder();
  const env = { HOME: folder.path };
  const hub = join(folder.path, ".cache", "huggingface", "hub");
  return {
    env,
    hub,
    lmStudio: join(folder.path, ".lmstudio", "models"),
    path: folder.path,
    [Symbol.dispose]: () => folder[Symbol.dispose](),
  };
}

describe("the Hugging Face cache", () => {
  test("is where huggingface_hub looks for it", () => {
    const HOME = "/home/me";

    assertEquals(
      [
        { HOME },
        { HOME, XDG_CACHE_HOME: "/c" },
        { HOME, XDG_CACHE_HOME: "/c", HF_HOME: "/hf" },
        { HOME, HF_HOME: "/hf", HUGGINGFACE_HUB_CACHE: "/old" },
        { HOME, HF_HOME: "/hf", HUGGINGFACE_HUB_CACHE: "/old", HF_HUB_CACHE: "~/new" },
      ].map(hubCacheFolder),
      ["/home/me/.cache/huggingface/hub", "/c/huggingface/hub", "/hf/hub", "/old", "/home/me/new"],
    );
  });

  test("has names of two words", () => {
    const good = ["mlx-community/Qwen3.8-27B-4bit", "a/b", "A_b/c.d"];
    const bad = ["a", "a/b/c", "/a/b", "../a", "a/..", "a/b--c", ".a/b", "a/b c", "", "~/a"];

    assertEquals([good.every(isHubName), bad.filter(isHubName)], [true, []]);
  });

  test("has the newest version only when a download came to its end", () => {
    using user = home();
    const repository = join(user.hub, "models--a--b");
    const before = snapshotFolder("a/b", user.env);
    writeFiles(repository, { "blobs/1.incomplete": "w" });
    const during = snapshotFolder("a/b", user.env);
    const folder = writeRepository(repository, modelFiles);

    assertEquals([before, during, snapshotFolder("a/b", user.env)], [undefined, undefined, folder]);
  });
});

describe("installed models", () => {
  test("are found in the cache and with LM Studio, by name", () => {
    using user = home();
    writeRepository(join(user.hub, "models--mlx-community--Two"), modelFiles);
    writeFiles(join(user.lmStudio, "lmstudio-community", "One"), modelFiles);

    const found = installedModels(user.env);

    assertEquals(
      found.map(({ name, place, bytes, facts }) => [name, place, bytes, facts?.contextLength]),
      [
        ["lmstudio-community/One", "LM Studio", bytes(modelFiles), 4096],
        ["mlx-community/Two", "Hugging Face cache", bytes(modelFiles), 4096],
      ],
    );
  });

  test("that are in both places are those of the cache", () => {
    using user = home();
    writeRepository(join(user.hub, "models--a--b"), modelFiles);
    writeFiles(join(user.lmStudio, "a", "b"), modelFiles);

    assertEquals(installedModels(user.env).map(({ place }) => place), ["Hugging Face cache"]);
  });

  test("are listed without facts as long as a part is missing", () => {
    using user = home();
    const repository = join(user.hub, "models--a--b");
    writeFiles(repository, { "blobs/1.anyclaude.incomplete": "www", "blobs/2": "ww" });

    assertEquals(installedModels(user.env), [
      {
        ...{ name: "a/b", place: "Hugging Face cache" as const, folder: repository, bytes: 5 },
        facts: undefined,
      },
    ]);
  });

  test("count what lies in the store that models share", () => {
    using user = home();
    const repository = join(user.hub, "models--a--b");
    writeRepository(repository, modelFiles);
    writeFiles(user.hub, { "blobs/12/1234": "shared" });
    symlinkSync(join("..", "..", "blobs", "12", "1234"), join(repository, "blobs", "more"));

    assertEquals(installedModels(user.env)[0]?.bytes, bytes(modelFiles) + "shared".length);
  });

  test("are none of those that cannot converse, of other programs, or of nothing", () => {
    using user = home();
    const { "tokenizer_config.json": _, ...mute } = modelFiles;
    writeRepository(join(user.hub, "models--a--embedding"), mute);
    writeRepository(join(user.hub, "models--a--gguf"), { "model.gguf": "w" });
    writeFiles(join(user.hub, "datasets--a--b"), { "blobs/1": "w" });
    mkdirSync(join(user.hub, "models--a--nothing", "blobs"), { recursive: true });
    writeFiles(join(user.lmStudio, "a", "gguf"), { "model.gguf": "w" });
    writeFiles(join(user.lmStudio, "a", "mute"), mute);
    writeFiles(user.lmStudio, { "a/file": "" });

    assertEquals(installedModels(user.env), []);
  });

  test("of LM Studio are found in its old folder, and where its settings say", () => {
    using user = home();
    writeFiles(join(user.path, ".cache", "lm-studio", "models", "a", "old"), modelFiles);
    writeFiles(join(user.path, "elsewhere", "a", "moved"), modelFiles);
    const downloadsFolder = join(user.path, "elsewhere");
    writeFiles(user.path, { ".lmstudio/settings.json": JSON.stringify({ downloadsFolder }) });

    assertEquals(installedModels(user.env).map(({ name }) => name), ["a/moved", "a/old"]);
  });
});

describe("a name", () => {
  test("is the built-in model, a folder, or one of the hub, in this order", () => {
    using user = home();
    writeRepository(join(user.hub, "models--a--cached"), modelFiles);
    writeRepository(join(user.hub, "models--a--part"), { "config.json": "{}" });
    const studio = writeFiles(join(user.lmStudio, "a", "studio"), modelFiles);
    const folder = writeFiles(join(user.path, "my models", "one"), modelFiles);

    const at = (name: string) => locate(name, user.env);

    assertEquals(at("tiny"), { kind: "built in" });
    assertEquals(at(folder), { kind: "folder", folder });
    assertEquals(at("~/my models/one"), { kind: "folder", folder });
    assertEquals(at("a/cached"), { kind: "hub", isComplete: true });
    assertEquals(at("a/part"), { kind: "hub", isComplete: false });
    assertEquals(at("a/studio"), { kind: "folder", folder: studio });
    assertEquals(at("a/other"), { kind: "hub", isComplete: false });
    assertEquals(["nothing", "/no/where", "~/no/where", "a/b/c"].map(at), [
      ...Array(4).fill({ kind: "none" }),
    ]);
  });

  test("of a part of a model of LM Studio's is one of the hub", () => {
    using user = home();
    writeFiles(join(user.lmStudio, "a", "part"), { "config.json": "{}" });

    assertEquals(locate("a/part", user.env), { kind: "hub", isComplete: false });
  });
});
