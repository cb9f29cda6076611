import { afterEach, beforeEach, describe, test } from "node:test";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { assert, assertEquals, assertRejects } from "@std/assert";
import { takeAlone } from "../../src/core/exclusive.ts";
import { UserError } from "../../src/core/user-error.ts";
import { removeUnused } from "../../src/provision/in-use.ts";
import { findPythonSources } from "../../src/provision/sources.ts";

describe("the sources of the MLX server", () => {
  let folder: string;
  let embedded: string;
  let cacheFolder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "any claude "));
    embedded = join(folder, "binary");
    cacheFolder = join(folder, "cache");
    mkdirSync(join(embedded, "anyclaude_mlx"), { recursive: true });
    writeFileSync(join(embedded, "anyclaude_mlx", "a.py"), "a = 1\n");
    writeFileSync(join(embedded, "requirements.lock"), "mlx==1\n");
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  const tell = () => {};
  const find = async () => {
    using found = await findPythonSources({ cacheFolder, tell, embedded });
    return found.folder;
  };

  test("are used where they are in a checkout", async () => {
    using found = await findPythonSources({ cacheFolder, tell });

    assert(existsSync(join(found.folder, "anyclaude_mlx", "__main__.py")));
    assert(!existsSync(cacheFolder));
  });

  test("are taken out of the binary once, for this user alone", async () => {
    const first = await find();
    const madeAt = statSync(first).ino;
    const second = await find();

    assertEquals([second, statSync(second).ino], [first, madeAt]);
    assertEquals(readFileSync(join(first, "anyclaude_mlx", "a.py"), "utf8"), "a = 1\n");
    assertEquals(statSync(first).mode & 0o777, 0o700);
    assertEquals(statSync(join(first, "requirements.lock")).mode & 0o777, 0o600);
  });

  test("of another version lie in another folder", async () => {
    const first = await find();
    writeFileSync(join(embedded, "anyclaude_mlx", "a.py"), "a = 2\n");

    assert(await find() !== first);
  });

  for (
    const [what, damage] of [
      ["changed", (copy: string) => writeFileSync(join(copy, "anyclaude_mlx", "a.py"), "evil\n")],
      ["lost", (copy: string) => rmSync(join(copy, "requirements.lock"))],
      ["added", (copy: string) => writeFileSync(join(copy, "json.py"), "evil\n")],
      ["lost its lock", (copy: string) => rmSync(join(copy, "in-use"))],
    ] as const
  ) {
    test(`are taken out again when a file was ${what}`, async () => {
      const copy = await find();
      const whole = readAll(copy);
      damage(copy);

      assertEquals(await find(), copy);

      assertEquals(readAll(copy), whole);
    });
  }

  test("are whole for two that come at once, and after one that was killed", async () => {
    const name = basename(await find());
    rmSync(cacheFolder, { recursive: true });
    const half = join(cacheFolder, `${name}.unfinished`);
    mkdirSync(half, { recursive: true });
    writeFileSync(join(half, "left.py"), "");

    const inode = async () => statSync(await find()).ino;
    const busy = takeAlone(join(cacheFolder, "making.lock"));
    const waiting = [inode(), inode(), inode()];
    busy?.[Symbol.dispose]();
    const inodes = await Promise.all(waiting);
    const found = await find();

    assertEquals(new Set(inodes).size, 1, "made more than once");
    assertEquals(readdirSync(cacheFolder).toSorted(), ["making.lock", name]);
    assert(!existsSync(join(found, "left.py")));
  });

  test("cannot be taken out where nothing can be written", async () => {
    writeFileSync(cacheFolder, "");

    await assertRejects(find, UserError, "ANYCLAUDE_HOME names another place");
  });

  test("of older versions are removed when nobody uses them, and nothing else is", async () => {
    const old = await findPythonSources({ cacheFolder, tell, embedded });
    writeFileSync(join(embedded, "anyclaude_mlx", "a.py"), "a = 2\n");
    const current = basename(await find());
    const strangers = ["prefixes", "server", "python-tools", "server-0123456789abcdeX"];
    for (const name of strangers) mkdirSync(join(cacheFolder, name));
    const left = ["python-0123456789abcdef.unfinished", "server-0123456789abcdef.removed-1"];
    for (const name of left) {
      cpSync(embedded, join(cacheFolder, name), { recursive: true });
    }

    {
      using _making = takeAlone(join(cacheFolder, "making.lock"));
      await removeUnused(cacheFolder, [current]);
      assert(
        left.every((name) => existsSync(join(cacheFolder, name))),
        "removed while others make",
      );
    }
    await removeUnused(cacheFolder, [current]);
    const during = readdirSync(cacheFolder);
    old[Symbol.dispose]();
    await removeUnused(cacheFolder, [current]);

    const kept = [...strangers, current, "making.lock"];
    assertEquals(during.toSorted(), [...kept, basename(old.folder)].toSorted());
    assertEquals(readdirSync(cacheFolder).toSorted(), kept.toSorted());
  });
});

function readAll(folder: string): readonly string[] {
  return readdirSync(folder, { recursive: true, encoding: "utf8" }).toSorted().map((name) => {
    const path = join(folder, name);
    return statSync(path).isDirectory() ? name : `${name}: ${readFileSync(path, "utf8")}`;
  });
}
