import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import process from "node:process";
import { gzipSync } from "node:zlib";
import { after, afterEach, before, beforeEach, describe, test } from "node:test";
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { toInstallScript } from "../../src/build/install-script.ts";
import { writeTar } from "../../src/build/tar.ts";
import { httpServer, type Place } from "../support/loopback.ts";

const program = new TextEncoder().encode("#!/bin/sh\necho anyclaude 1.2.3\n");
const archive = gzipSync(writeTar([{ name: "anyclaude", body: program, isProgram: true }]));
const name = "anyclaude-linux-x64.tar.gz";
const sums = `${"0".repeat(64)}  x${name}\n${sha256(archive)}  ${name}\n`;
const good: Readonly<Record<string, string | Uint8Array>> = {
  [`/latest/download/${name}`]: archive,
  "/latest/download/SHA256SUMS": sums,
  [`/download/v1.0.0/${name}`]: archive,
  "/download/v1.0.0/SHA256SUMS": sums,
};

describe("the install script", () => {
  let releases: Place;
  let files = good;
  let folder = "";
  before(async () => {
    releases = await httpServer(({ url = "" }, response) => {
      const file = files[url];
      if (file === undefined) response.writeHead(404);
      response.end(file);
    });
  });
  after(() => releases[Symbol.asyncDispose]());
  beforeEach(() => {
    files = good;
    folder = mkdtempSync(join(tmpdir(), "any install "));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  /** Runs it as `curl … | sh` would, on a machine that `uname` says it is. */
  function install({ machine = "Linux x86_64", env = {}, script = toInstallScript("o/a") } = {}) {
    const [system, kind] = machine.split(" ");
    const bin = join(folder, "bin");
    mkdirSync(bin, { recursive: true });
    writeFileSync(
      join(bin, "uname"),
      `#!/bin/sh\n[ "$1" = -s ] && echo ${system} || echo ${kind}\n`,
    );
    chmodSync(join(bin, "uname"), 0o755);
    const temporary = join(folder, "tmp");
    mkdirSync(temporary, { recursive: true });
    const child = spawn("sh", [], {
      env: {
        PATH: [bin, process.env["PATH"]].join(delimiter),
        HOME: join(folder, "a home"),
        TMPDIR: temporary,
        ANYCLAUDE_RELEASES: `http://127.0.0.1:${releases.port}`,
        ...env,
      },
    });
    child.stdin.end(script);
    return new Promise<{ code: number | null; said: string; left: readonly string[] }>(
      (resolve) => {
        let said = "";
        for (const stream of [child.stdout, child.stderr]) {
          stream.setEncoding("utf8").on("data", (text: string) => said += text);
        }
        child.on("close", (code) => resolve({ code, said, left: readdirSync(temporary) }));
      },
    );
  }
  const installed = () => join(folder, "a home", ".local", "bin", "anyclaude");

  test("puts a checked program into a folder of the user, and says how to remove it", async () => {
    const { code, said, left } = await install();

    assertEquals([code, left], [0, []], said);
    assertEquals(readFileSync(installed()), Buffer.from(program));
    assertStringIncludes(said, `Installed anyclaude 1.2.3 as ${installed()}`);
    assertStringIncludes(said, "Put it on your PATH");
    assertStringIncludes(said, "anyclaude uninstall, then rm");
  });

  test("takes another version and another folder, and replaces what is there", async () => {
    const other = join(folder, "other place");
    mkdirSync(other);
    writeFileSync(join(other, "anyclaude"), "old", { mode: 0o755 });
    files = { ...good, [`/latest/download/${name}`]: "not this one" };

    const { code, said } = await install({
      env: {
        ANYCLAUDE_VERSION: "1.0.0",
        ANYCLAUDE_INSTALL: other,
        PATH: [join(folder, "bin"), other, process.env["PATH"]].join(delimiter),
      },
    });

    assertEquals(code, 0, said);
    assertEquals(readdirSync(other), ["anyclaude"]);
    assertEquals(readFileSync(join(other, "anyclaude")), Buffer.from(program));
    assert(!said.includes("Put it on your PATH"));
  });

  const failures: readonly [
    string,
    Parameters<typeof install>[0],
    Record<string, string | Uint8Array>,
    RegExp,
  ][] = [
    [
      "another content than was promised",
      {},
      { [`/latest/download/${name}`]: archive.subarray(1) },
      /SHA-256 is not the one/,
    ],
    [
      "sums that do not name it",
      {},
      { "/latest/download/SHA256SUMS": "" },
      /does not name anyclaude-linux-x64/,
    ],
    [
      "a version that does not exist",
      { env: { ANYCLAUDE_VERSION: "9.9.9" } },
      {},
      /whether this version exists/,
    ],
    [
      "a machine without a build",
      { machine: "Darwin x86_64" },
      {},
      /no build for Darwin on x86_64/,
    ],
    [
      "a folder that is a file",
      { env: { ANYCLAUDE_INSTALL: "/dev/null/x" } },
      {},
      /Cannot make the folder/,
    ],
  ];
  for (const [what, how, changed, words] of failures) {
    test(`installs nothing with ${what}, and says so`, async () => {
      files = { ...good, ...changed };

      const { code, said, left } = await install(how);

      assertEquals([code, existsSync(installed()), left], [1, false, []], said);
      assertMatch(said, words);
      assertEquals(said.match(/anyclaude: /g)?.length, 1);
    });
  }

  test("does nothing when it was cut off", async () => {
    const whole = toInstallScript("o/a");
    for (const share of [0.3, 0.6, 0.9, 0.99]) {
      await install({ script: whole.slice(0, whole.length * share) });

      assertEquals(existsSync(installed()), false);
    }
  });

  test("sees Apple silicon through Rosetta", async () => {
    mkdirSync(join(folder, "bin"));
    writeFileSync(join(folder, "bin", "sysctl"), "#!/bin/sh\necho 1\n", { mode: 0o755 });

    const { said } = await install({ machine: "Darwin x86_64" });

    assertStringIncludes(said, "anyclaude-darwin-arm64.tar.gz");
  });
});

function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}
