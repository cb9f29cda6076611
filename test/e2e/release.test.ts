/** What `npm run build` has left in `dist/`; the step before this one in `npm test`. */
import { after, before, describe, test } from "node:test";
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  cpSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { assert, assertEquals, assertMatch } from "@std/assert";
import { faultsOfSignature } from "../../src/build/code-signature.ts";
import { noBinary } from "./support/stranger.ts";
import { root } from "./support/world.ts";

const dist = join(root, "dist");
const skip = noBinary ||
  (existsSync(join(dist, "SHA256SUMS")) ? false : "npm run build was not run");

describe("a release", { skip }, () => {
  test("has a signature for macOS that one other byte makes invalid, wherever it is", () => {
    const binary = readFileSync(join(dist, "darwin-arm64", "anyclaude"));
    const before = faultsOfSignature(binary);

    const bundle = binary.lastIndexOf("anyclaude_mlx");
    const places = [40, 100_000, binary.length >> 1, bundle, binary.length - 100];
    const after = places.map((at) => {
      binary[at]! ^= 1;
      const faults = faultsOfSignature(binary);
      binary[at]! ^= 1;
      return faults.length;
    });

    assertEquals(before, []);
    assert(after.every((faults) => faults > 0), `${places}: ${after}`);
  });

  test("lists every package whose files are named in a binary", () => {
    const text = readFileSync(process.env["ANYCLAUDE_BINARY"] ?? "", "latin1");
    const { components } = JSON.parse(readFileSync(join(dist, "anyclaude.cdx.json"), "utf8")) as {
      components: { name: string; purl?: string; properties: { value: string }[] }[];
    };

    // The bundler writes above each module where it is from.
    const inBinary = text.matchAll(/^\/\/ node_modules\/((?:@[\w.-]+\/)?[\w.-]+)\//gm);
    const listed = components
      .filter(({ purl, properties }) =>
        purl?.startsWith("pkg:npm/") && !purl.includes("oven") &&
        properties[0]?.value === "in the binary"
      )
      .map(({ name }) => name);

    assertEquals([...new Set([...inBinary].map(([, name]) => name))].toSorted(), listed);
    assert(listed.length > 3, listed.join());
    for (const name of listed) assertMatch(notice(), new RegExp(`\n${name} \\d`));
    assertMatch(notice(), /JavaScriptCore.*LGPL/);
  });

  test("has archives with the sums that are given, of a program and its licences", () => {
    const archives = readdirSync(dist).filter((name) => name.endsWith(".tar.gz"));
    const sums = [...archives, "anyclaude.cdx.json"].map((name) => {
      const digest = createHash("sha256").update(readFileSync(join(dist, name))).digest("hex");
      return `${digest}  ${name}`;
    });

    const given = readFileSync(join(dist, "SHA256SUMS"), "utf8").trim().split("\n");
    assertEquals(given.toSorted(), sums.toSorted());
    assertEquals(archives.map((name) => listTar(join(dist, name))), [
      ["-rwxr-xr-x anyclaude", "-rw-r--r-- LICENSE", "-rw-r--r-- NOTICE"],
      ["-rwxr-xr-x anyclaude", "-rw-r--r-- LICENSE", "-rw-r--r-- NOTICE"],
      ["-rwxr-xr-x anyclaude", "-rw-r--r-- LICENSE", "-rw-r--r-- NOTICE"],
    ]);
  });

  describe("built in two folders", () => {
    const folders: string[] = [];
    before(() => {
      for (const name of ["one place ", "another-"]) {
        folders.push(realpathSync(mkdtempSync(join(tmpdir(), name))));
      }
    });
    after(() => {
      for (const folder of folders) rmSync(folder, { recursive: true, force: true });
    });

    test("is the same, byte for byte", () => {
      const [one, other] = folders.map((folder) => {
        copyProject(folder);
        const bun = join(root, "node_modules", ".bin", "bun");
        const { status, stderr } = spawnSync(bun, [join(folder, "build.ts"), "darwin-arm64"], {
          encoding: "utf8",
        });
        assertEquals(status, 0, stderr);
        const of = (...path: readonly string[]) => readFileSync(join(folder, "dist", ...path));
        return { sums: of("SHA256SUMS").toString(), binary: of("darwin-arm64", "anyclaude") };
      });

      assertEquals(one?.sums, other?.sums);
      assert(other && one?.binary.equals(other.binary), "the binaries differ");
    });
  });
});

function notice(): string {
  return readFileSync(join(dist, "NOTICE"), "utf8");
}

function listTar(archive: string): readonly string[] {
  const { stdout } = spawnSync("tar", ["tvzf", archive], { encoding: "utf8" });
  return stdout.trim().split("\n").map((line) => {
    const words = line.split(/\s+/);
    return `${words[0]} ${words.at(-1)}`;
  });
}

/** What a build reads, without the repository that it is from. */
function copyProject(folder: string): void {
  const { dependencies } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as {
    dependencies: Readonly<Record<string, string>>;
  };
  const packages = [...Object.keys(dependencies), "bun-types"].map((name) =>
    `node_modules/${name}`
  );
  const files = ["build.ts", "src", "python", "package.json", "package-lock.json", "tsconfig.json"];
  for (const name of [...files, "LICENSE", ...packages]) {
    cpSync(join(root, name), join(folder, name), { recursive: true });
  }
}
