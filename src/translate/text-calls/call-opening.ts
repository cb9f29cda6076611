import { endOf } from "../repair/end-of.ts";

/** Blanks, the name of a tool, or one of these texts. */
export type Part = "blanks" | "name" | readonly string[];

/** More of them stand in no call: what begins one must not be held back without end. */
const fewBlanks = /\s{0,100}/y;

/** How a text begins, part by part. */
export type Opening = readonly Part[];

/**
 * Whether the text from `at` on begins so: `yes`, `no`, or `perhaps` when it ends before that is
 * known.
 */
export function begins(
  text: string,
  opening: Opening,
  names: readonly string[],
  at = 0,
): "yes" | "no" | "perhaps" {
  const [part, ...rest] = opening;
  if (part === undefined) return "yes";
  if (part === "blanks") return begins(text, rest, names, endOf(fewBlanks, text, at));
  let result: "no" | "perhaps" = "no";
  for (const choice of part === "name" ? names : part) {
    if (text.startsWith(choice, at)) {
      const further = begins(text, rest, names, at + choice.length);
      if (further === "yes") return "yes";
      if (further === "perhaps") result = "perhaps";
    } else if (text.length - at < choice.length && choice.startsWith(text.slice(at))) {
      result = "perhaps";
    }
  }
  return result;
}
