import type { Release } from "./release.ts";

/** The licences of everything that is in a binary, for people. `bunLicense` is Bun's own page. */
export function toNotice({ bundled, version }: Release, bunLicense: string): string {
  const packages = bundled.map(({ name, version, license, licenseText, carried }) => {
    const also = carried.map((each) => `${each.name} (${each.license})`).join(", ");
    return section(
      `${name} ${version} (${license})`,
      also === "" ? licenseText : `Has code of these packages in it: ${also}\n\n${licenseText}`,
    );
  });
  return [
    `anyclaude ${version} is MIT-licensed: see LICENSE. It contains the following. The Python ` +
    "packages that it\nfetches at the first run come with licences of their own.\n",
    section("Bun", bunLicense.replace(/^---\n[\s\S]*?\n---\n/, "").trim()),
    ...packages,
  ].join("\n");
}

function section(title: string, text: string): string {
  return `${"=".repeat(72)}\n${title}\n${"=".repeat(72)}\n\n${text}\n`;
}
