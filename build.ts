/**
 * `npm run build`: the binaries of a release, in `dist/`. `npm run build -- linux-x64` makes that
 * one alone. What comes out depends on the commit and the lock file and on nothing else, but for a
 * release: `ANYCLAUDE_REPOSITORY=owner/name` says where it will be found, and adds the script and
 * the formula that install it.
 */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import process from "node:process";
import { type BundledPackage, bundledPackages, type Metafile } from "./src/build/bundled.ts";
import { faultsOfSignature } from "./src/build/code-signature.ts";
import { toFormula } from "./src/build/formula.ts";
import { toInstallScript } from "./src/build/install-script.ts";
import { readLock } from "./src/build/lock-file.ts";
import { toNotice } from "./src/build/notice.ts";
import { fetchRuntime } from "./src/build/runtime.ts";
import { toSbom } from "./src/build/sbom.ts";
import { smokeTest } from "./src/build/smoke-test.ts";
import { stagePython } from "./src/build/stage.ts";
import { writeTar } from "./src/build/tar.ts";
import { type Target, targets } from "./src/build/targets.ts";
import { version } from "./src/cli/version.ts";

const root = import.meta.dir;
const dist = join(root, "dist");
const host = `${process.platform}-${process.arch}`;
const locked = readLock(root);
// Names in the bundle are relative to it.
process.chdir(root);

const repository = process.env["ANYCLAUDE_REPOSITORY"] ?? "";
const wanted = process.argv.slice(2);
const unknown = wanted.filter((name) => !targets.some((target) => target.name === name));
if (unknown.length > 0) throw new Error(`Cannot build for ${unknown.join(", ")}`);
const pinned = locked("bun").version;
if (Bun.version !== pinned) throw new Error(`Cannot build with Bun ${Bun.version}, not ${pinned}`);

const commit = git("rev-parse", "HEAD")?.slice(0, 12);
const stamp = commit === undefined || git("status", "--porcelain") === ""
  ? commit
  : `${commit}+changes`;
const chosen = targets.filter(({ name }) => wanted.length === 0 || wanted.includes(name));
rmSync(dist, { recursive: true, force: true });
const work = mkdtempSync(join(tmpdir(), "anyclaude-build-"));
try {
  stagePython(join(root, "python"), join(work, "python"));
  const built = [];
  for (const target of chosen) built.push(await build(target));
  describe(built[0]?.bundled ?? []);
  for (const { target, binary } of built) pack(target, binary);
  writeSums();
  if (repository !== "" && wanted.length === 0) describeRelease();
} finally {
  rmSync(work, { recursive: true, force: true });
}

interface Built {
  readonly target: Target;
  readonly binary: string;
  readonly bundled: readonly BundledPackage[];
}

async function build(target: Target): Promise<Built> {
  const startedAt = performance.now();
  const runtime = join(work, `bun-${target.name}`);
  writeFileSync(runtime, fetchRuntime(locked(target.runtime), root), { mode: 0o755 });
  // The name of the file gets into it.
  const outfile = join(work, target.name, "anyclaude");
  const { metafile } = await Bun.build({
    entrypoints: ["src/main.ts"],
    target: "bun",
    format: "esm",
    // So that `--version` reads nothing but itself.
    splitting: true,
    bytecode: true,
    // An error of ours names our own lines.
    sourcemap: "linked",
    metafile: true,
    define: {
      ANYCLAUDE_COMMIT: JSON.stringify(stamp ?? ""),
      ANYCLAUDE_REPOSITORY: JSON.stringify(repository),
    },
    compile: {
      target: `bun-${target.name}` as Bun.Build.CompileTarget,
      executablePath: runtime,
      outfile,
      assets: [join(work, "python")],
      // Nothing in the folder in which somebody starts it may change what it does.
      autoloadDotenv: false,
      autoloadBunfig: false,
      autoloadTsconfig: false,
      autoloadPackageJson: false,
    },
  });
  const binary = join(dist, target.name, "anyclaude");
  mkdirSync(join(dist, target.name), { recursive: true });
  copyFileSync(outfile, binary);
  check(target, binary);
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
  say(`${target.name}: ${megabytes(binary)}, ${seconds} s`);
  return { target, binary, bundled: bundledPackages(metafile as Metafile, root, locked) };
}

function check({ name }: Target, binary: string): void {
  if (name.startsWith("darwin")) {
    const faults = faultsOfSignature(readFileSync(binary));
    if (faults.length > 0) throw new Error(`Invalid signature of ${binary}: ${faults.join("; ")}`);
    say(`${name}: the signature is valid`);
  }
  if (name === host) {
    smokeTest(binary, stamp === undefined ? version : `${version} (${stamp})`);
    say(`${name}: works, and uses nothing of the folder it is started in`);
  }
}

/** What is inside, for machines and for people. */
function describe(bundled: readonly BundledPackage[]): void {
  const runtimes = chosen.map(({ runtime }) => locked(runtime));
  const pythonLocks = ["requirements.lock", "installer.lock"].map((name) =>
    readFileSync(join(root, "python", name), "utf8")
  );
  const release = { version, commit: stamp, bundled, runtimes, pythonLocks };
  const bunLicense = join(root, "node_modules", "bun-types", "docs", "project", "license.mdx");
  writeFileSync(join(dist, "anyclaude.cdx.json"), toSbom(release));
  writeFileSync(join(dist, "NOTICE"), toNotice(release, readFileSync(bunLicense, "utf8")));
}

/** An archive keeps the right to be run. */
function pack({ name }: Target, binary: string): void {
  const files = [binary, join(root, "LICENSE"), join(dist, "NOTICE")];
  const tar = writeTar(files.map((path) => ({
    name: basename(path),
    body: readFileSync(path),
    isProgram: path === binary,
  })));
  const archive = join(dist, `anyclaude-${name}.tar.gz`);
  writeFileSync(archive, Bun.gzipSync(tar, { level: 9, library: "libdeflate" }));
  say(`${name}: archive of ${megabytes(archive)}`);
}

function writeSums(): void {
  const names = [...chosen.map(({ name }) => `anyclaude-${name}.tar.gz`), "anyclaude.cdx.json"];
  const lines = names.map((name) => {
    const digest = createHash("sha256").update(readFileSync(join(dist, name))).digest("hex");
    return `${digest}  ${name}\n`;
  });
  writeFileSync(join(dist, "SHA256SUMS"), lines.join(""));
}

/** How it gets onto a machine. */
function describeRelease(): void {
  const sums = readFileSync(join(dist, "SHA256SUMS"), "utf8");
  writeFileSync(join(dist, "anyclaude.rb"), toFormula({ version, repository, sums }));
  writeFileSync(join(dist, "install.sh"), toInstallScript(repository), { mode: 0o755 });
}

function git(...args: readonly string[]): string | undefined {
  const { status, stdout } = spawnSync("git", args, { cwd: root, encoding: "utf8" });
  return status === 0 ? stdout.trim() : undefined;
}

function megabytes(path: string): string {
  return `${(statSync(path).size / 1e6).toFixed(1)} MB`;
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}
