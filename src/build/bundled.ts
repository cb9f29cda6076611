import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { LockedPackage } from "./lock-file.ts";

/** A package whose code is in the bundle. */
export interface BundledPackage extends LockedPackage {
  /** Its licence as it came with it, and what it says of code that it carries itself. */
  readonly licenseText: string;
  readonly carried: readonly CarriedPackage[];
}

/** A package whose code was copied into another one, without its version. */
export interface CarriedPackage {
  readonly name: string;
  readonly license: string;
}

/**
 * What the packages have inside of them, as somebody read it there. Every bundled package stands
 * here in exactly its version, so that nothing new gets into a release unseen.
 */
const carriedBy: Readonly<Record<string, readonly CarriedPackage[]>> = {
  "citty@0.2.2": licensed("MIT", "scule"),
  "consola@3.4.2": [
    ...licensed("MIT", "@clack/core", "@clack/prompts", "ansi-regex", "colorette", "emoji-regex"),
    ...licensed("MIT", "get-east-asian-width", "is-unicode-supported", "sisteransi", "std-env"),
    ...licensed("MIT", "string-width", "strip-ansi", "wrap-ansi"),
    ...licensed("ISC", "picocolors"),
  ],
  "eventsource-parser@4.1.3": [],
  "hono@4.13.19": [],
  "lru-cache@11.5.3": [],
  "valibot@1.5.0": [],
};

/** What the bundler reports of what it has read. */
export interface Metafile {
  readonly outputs: Readonly<
    Record<
      string,
      { readonly inputs: Readonly<Record<string, { readonly bytesInOutput: number }>> }
    >
  >;
}

/** The packages of which at least a byte is in the bundle, by name. */
export function bundledPackages(
  metafile: Metafile,
  root: string,
  locked: (name: string) => LockedPackage,
): readonly BundledPackage[] {
  const files = Object.values(metafile.outputs).flatMap(({ inputs }) =>
    Object.entries(inputs).flatMap(([file, { bytesInOutput }]) => bytesInOutput > 0 ? [file] : [])
  );
  const names = files.flatMap((file) =>
    file.match(/.*node_modules\/((?:@[^/]+\/)?[^/]+)/)?.[1] ?? []
  );
  return [...new Set(names)].toSorted().map((name) => {
    const entry = locked(name);
    const carried = carriedBy[`${name}@${entry.version}`];
    if (!carried) {
      throw new Error(
        `Cannot say what ${name}@${entry.version} carries of other packages: read it, and write ` +
          "it down in src/build/bundled.ts",
      );
    }
    return { ...entry, carried, licenseText: licenseText(join(root, "node_modules", name)) };
  });
}

function licenseText(folder: string): string {
  const names = readdirSync(folder).filter((name) => /^licen[cs]e(\.\w+)?$/i.test(name));
  const carried = join("dist", "THIRD-PARTY-LICENSES.md");
  const files = existsSync(join(folder, carried)) ? [...names, carried] : names;
  if (names.length > 0) {
    return files.map((name) => readFileSync(join(folder, name), "utf8").trim()).join("\n\n");
  }
  throw new Error(`Cannot find a licence in ${folder}`);
}

function licensed(license: string, ...names: readonly string[]): readonly CarriedPackage[] {
  return names.map((name) => ({ name, license }));
}
