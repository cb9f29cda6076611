import { mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { afterEach, beforeEach, describe, test } from "node:test";
import { assertEquals, assertRejects } from "@std/assert";
import { upgradeProgram } from "../../src/app/upgrade.ts";
import { UserError } from "../../src/core/user-error.ts";

const releases = "https://releases.test/r";

describe("an upgrade", () => {
  let folder = "";
  beforeEach(() => void (folder = realpathSync(mkdtempSync(join(tmpdir(), "any upgrade ")))));
  afterEach(() => rmSync(folder, { recursive: true }));

  function upgrade({ latest = "0.2.0", script = "exit 1", at = folder, version = "0.1.9" } = {}) {
    mkdirSync(at, { recursive: true });
    const program = join(at, "anyclaude");
    writeFileSync(program, "old");
    const asked: string[] = [];
    const upgraded = upgradeProgram({
      ...{ version, releases, program, env: process.env },
      fetch: (url) => {
        asked.push(url);
        if (!url.endsWith("/latest")) return Promise.resolve(new Response(script));
        const headers = { location: `https://github.test/r/releases/tag/v${latest}` };
        return Promise.resolve(new Response(null, { status: 302, headers }));
      },
    });
    return { upgraded, asked, content: () => readFileSync(program, "utf8") };
  }

  test("installs a newer release over this one, with that release's own script", async () => {
    const script =
      'printf "%s %s" "$ANYCLAUDE_VERSION" "$ANYCLAUDE_RELEASES" > "$ANYCLAUDE_INSTALL/anyclaude"';

    const { upgraded, asked, content } = upgrade({ script });

    assertEquals(await upgraded, { outcome: "installed", latest: "0.2.0" });
    assertEquals(content(), `0.2.0 ${releases}`);
    assertEquals(asked, [`${releases}/latest`, `${releases}/download/v0.2.0/install.sh`]);
  });

  for (const [version, latest] of [["0.2.0", "0.2.0"], ["0.10.0", "0.9.9"], ["1.0.0", "0.9.9"]]) {
    test(`does nothing in ${version} when ${latest} is the latest`, async () => {
      const { upgraded, asked } = upgrade({ version: version ?? "", latest: latest ?? "" });

      assertEquals([await upgraded, asked.length], [{ outcome: "newest" }, 1]);
    });
  }

  test("leaves what Homebrew installed to Homebrew", async () => {
    const at = join(folder, "Cellar", "anyclaude", "0.1.9", "bin");

    const { upgraded } = upgrade({ at });

    const command = "brew upgrade anyclaude";
    assertEquals(await upgraded, { outcome: "available", latest: "0.2.0", command });
  });

  test("leaves the program as it was when the script fails", async () => {
    const { upgraded, content } = upgrade();

    await assertRejects(() => upgraded, UserError, "the program stays as it was");
    assertEquals(content(), "old");
  });

  test("says so when there is no release", async () => {
    const { upgraded } = upgrade({ latest: "nightly" });

    await assertRejects(() => upgraded, UserError, `Cannot find the latest release: ${releases}`);
  });
});
