import type { Ran } from "./world.ts";

/** A number of the summary at the end of a run, by what stands before it; NaN without it. */
export function summed({ stderr }: Pick<Ran, "stderr">, name: string): number {
  const [, digits = "none"] = stderr.match(new RegExp(`${name}: ([\\d,]+)`)) ?? [];
  return Number(digits.replaceAll(",", ""));
}
