import { join } from "node:path";
import process from "node:process";
import { ensureEnvironment } from "../../src/provision/environment.ts";

const root = join(import.meta.dirname ?? ".", "..", "..");

/** The Python of tests and checks, made from its own lock by the product's own code. */
export async function testPython(): Promise<string> {
  const { python } = await ensureEnvironment({
    lockFile: join(root, "python", "requirements-dev.lock"),
    cacheFolder: join(root, ".cache", "python"),
    env: { ...process.env },
    tell: (line) => process.stderr.write(`${line}\n`),
  });
  return python;
}
