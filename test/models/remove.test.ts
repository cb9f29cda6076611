import { describe, test } from "node:test";
import { existsSync, mkdirSync, readFileSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { assertEquals, assertRejects } from "@std/assert";
import { withExclusive } from "../../src/core/exclusive.ts";
import { lockFile } from "../../src/models/download.ts";
import { findRemovable, removeModel } from "../../src/models/remove.ts";
import { modelFiles, writeFiles, writeRepository } from "../support/model-files.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

describe("removing a model", () => {
  test("takes its own folder and nothing else, and says what that frees", async () => {
    using folder = temporaryFolder();
    const env = { HF_HUB_CACHE: folder.path };
    const repository = join(folder.path, "models--a--b");
    writeRepository(repository, modelFiles);
    writeRepository(join(folder.path, "models--a--b--c"), modelFiles);
    writeRepository(join(folder.path, "models--a--other"), modelFiles);
    writeFiles(folder.path, { "blobs/12/1234": "shared", "elsewhere/x": "x" });
    symlinkSync(join("..", "..", "blobs", "12", "1234"), join(repository, "blobs", "more"));
    symlinkSync(join(folder.path, "elsewhere"), join(repository, "snapshots", "link"));

    const freed = await removeModel("a/b", env);

    const own = Object.values(modelFiles).join("").length;
    assertEquals(freed, { bytes: own, sharedBytes: "shared".length });
    assertEquals(existsSync(repository), false);
    assertEquals(existsSync(join(folder.path, ".locks", "models--a--b")), false);
    for (const kept of ["models--a--b--c", "models--a--other"]) {
      assertEquals(existsSync(join(folder.path, kept, "refs", "main")), true);
    }
    assertEquals(readFileSync(join(folder.path, "blobs/12/1234"), "utf8"), "shared");
    assertEquals(readFileSync(join(folder.path, "elsewhere/x"), "utf8"), "x");
  });

  test("waits for nobody who downloads it", async () => {
    using folder = temporaryFolder();
    const env = { HF_HUB_CACHE: folder.path };
    writeRepository(join(folder.path, "models--a--b"), modelFiles);

    await withExclusive(lockFile("a/b", env), { onWait: () => {} }, async () => {
      await assertRejects(() => removeModel("a/b", env), Error, "it is being downloaded");
    });

    assertEquals(findRemovable("a/b", env), "here");
  });

  test("is not for what is not there, or a link to elsewhere", () => {
    using folder = temporaryFolder();
    const env = { HF_HUB_CACHE: folder.path };
    mkdirSync(join(folder.path, "disk"));
    symlinkSync(join(folder.path, "disk"), join(folder.path, "models--a--b"));

    assertEquals([findRemovable("a/b", env), findRemovable("a/c", env)], ["link", undefined]);
  });
});
