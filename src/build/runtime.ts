import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import type { LockedPackage } from "./lock-file.ts";
import { readFromTar } from "./tar.ts";

/**
 * Bun for another machine, exactly as the lock pins it. npm fetches it, from wherever it is set up
 * to; Bun itself would take it from one place only, unchecked. npm's own cache makes it quick.
 */
export function fetchRuntime(pinned: LockedPackage, root: string): Uint8Array {
  const { name, version, integrity } = pinned;
  const archive = fetchArchive(`${name}@${version}`, root);
  const found = `sha512-${createHash("sha512").update(archive).digest("base64")}`;
  if (found !== integrity) {
    throw new Error(`Cannot use ${name}@${version}: its hash is ${found}, not ${integrity}`);
  }
  const program = readFromTar(gunzipSync(archive), "package/bin/bun");
  if (program) return program;
  throw new Error(`Cannot use ${name}@${version}: it has no bin/bun`);
}

function fetchArchive(spec: string, root: string): Uint8Array {
  const folder = mkdtempSync(join(tmpdir(), "anyclaude-runtime-"));
  try {
    const { status, stderr } = spawnSync(
      "npm",
      ["pack", spec, "--pack-destination", folder, "--prefer-offline", "--loglevel=error"],
      { cwd: root, encoding: "utf8" },
    );
    const [archive] = readdirSync(folder);
    if (status === 0 && archive) return readFileSync(join(folder, archive));
    throw new Error(`Cannot fetch ${spec}: ${stderr.trim()}`);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
