import { readFileSync } from "node:fs";
import { join } from "node:path";

/** A package as package-lock.json pins it. */
export interface LockedPackage {
  readonly name: string;
  readonly version: string;
  /** Hash of its archive, such as `sha512-…` in base 64. */
  readonly integrity: string;
  readonly license: string;
}

/** Throws for a package that is not pinned. */
export function readLock(root: string): (name: string) => LockedPackage {
  const { packages } = JSON.parse(readFileSync(join(root, "package-lock.json"), "utf8")) as {
    packages: Readonly<Record<string, Partial<Omit<LockedPackage, "name">>>>;
  };
  return (name) => {
    const { version, integrity, license } = packages[`node_modules/${name}`] ?? {};
    if (version && integrity && license) return { name, version, integrity, license };
    throw new Error(`Cannot find ${name} in package-lock.json with version, hash and licence`);
  };
}
