import { Buffer } from "node:buffer";
import type { BundledPackage } from "./bundled.ts";
import type { LockedPackage } from "./lock-file.ts";
import type { Release } from "./release.ts";

/**
 * The list of what is inside, as CycloneDX has it. Each component says in `anyclaude:delivery` how
 * it comes to the user: in the binary, or fetched at the first run. It has no date and no serial
 * number, so that the same release has the same list.
 */
export function toSbom(release: Release): string {
  const { version, commit, bundled, runtimes, pythonLocks } = release;
  const components = [
    ...runtimes.map((runtime) => ({ ...npmComponent(runtime), type: "platform" })),
    ...bundled.map(bundledComponent),
    {
      type: "machine-learning-model",
      "bom-ref": "anyclaude-tiny",
      name: "tiny",
      version,
      licenses: [{ expression: "MIT" }],
      scope: "required",
      properties: [inBinary],
    },
    ...pythonLocks.flatMap(pythonComponents),
  ];
  const application = "anyclaude";
  const bom = {
    bomFormat: "CycloneDX",
    specVersion: "1.6",
    version: 1,
    metadata: {
      component: {
        type: "application",
        "bom-ref": application,
        name: "anyclaude",
        version,
        licenses: [{ expression: "MIT" }],
        properties: commit === undefined ? [] : [{ name: "anyclaude:commit", value: commit }],
      },
    },
    components,
    dependencies: [
      { ref: application, dependsOn: components.map((component) => component["bom-ref"]) },
    ],
  };
  return `${JSON.stringify(bom, null, 2)}\n`;
}

const inBinary = { name: "anyclaude:delivery", value: "in the binary" };
const atFirstRun = { name: "anyclaude:delivery", value: "fetched at the first run" };

function bundledComponent(each: BundledPackage) {
  const component = npmComponent(each);
  if (each.carried.length === 0) return component;
  const components = each.carried.map(({ name, license }) => ({
    type: "library",
    "bom-ref": `${component["bom-ref"]}#${name}`,
    name,
    licenses: [{ expression: license }],
    properties: [inBinary, {
      name: "anyclaude:version",
      value: "unknown, copied into the package",
    }],
  }));
  return { ...component, components };
}

function npmComponent({ name, version, license, integrity }: LockedPackage) {
  const purl = `pkg:npm/${name.replace("@", "%40")}@${version}`;
  return {
    type: "library",
    "bom-ref": purl,
    name,
    version,
    purl,
    licenses: [{ expression: license }],
    hashes: [{
      alg: "SHA-512",
      content: Buffer.from(integrity.slice(7), "base64").toString("hex"),
    }],
    scope: "required",
    properties: [inBinary],
  };
}

/** Which of them are fetched is decided on the user's machine, by what stands behind `;`. */
function pythonComponents(lock: string) {
  return [...lock.matchAll(/^([\w.-]+)==(\S+)(?: ; (.*?))? \\$/gm)].map(
    ([, name, version, when]) => {
      const purl = `pkg:pypi/${name}@${version}`;
      return {
        type: "library",
        "bom-ref": purl,
        name,
        version,
        purl,
        scope: "optional",
        properties: [atFirstRun, ...(when ? [{ name: "anyclaude:when", value: when }] : [])],
      };
    },
  );
}
