import { UserError } from "../../core/user-error.ts";
import { launchOptions } from "./launch-options.ts";

/** Our options that take a value, by the setting they give. */
const valued = new Map([
  ...launchOptions.flatMap(({ flag, hint, setting }) => hint ? [[flag, setting] as const] : []),
  ["--config", "config"],
]);

/** Our options that are a word of their own. */
const switches = new Map(
  launchOptions.flatMap(({ flag, hint, setting }) => hint ? [] : [[flag, setting] as const]),
);

export interface SplitArguments {
  readonly flags: Readonly<Record<string, string>>;
  readonly claude: readonly string[];
}

/**
 * Takes our options out, wherever they stand before `--`; all else is Claude Code's, in order.
 * An option that neither of us knows but that looks like one of ours is a typing mistake.
 */
export function splitArguments(
  argv: readonly string[],
  knownToClaude: ReadonlySet<string>,
): SplitArguments {
  const separator = argv.indexOf("--");
  const before = separator === -1 ? argv : argv.slice(0, separator);
  const flags: Record<string, string> = {};
  const claude: string[] = [];
  for (let at = 0; at < before.length; at += 1) {
    const argument = before[at] ?? "";
    const [option = "", ...rest] = argument.split("=");
    const setting = valued.get(option);
    const turned = switches.get(argument);
    if (turned !== undefined) flags[turned] = "true";
    else if (setting === undefined) {
      refuseTypingMistake(option, knownToClaude);
      claude.push(argument);
    } else if (rest.length > 0) flags[setting] = rest.join("=");
    else {
      at += 1;
      const value = before[at];
      if (value === undefined) {
        throw new UserError(`Cannot use ${option}: it needs a value`, { exitCode: 2 });
      }
      flags[setting] = value;
    }
  }
  return { flags, claude: separator === -1 ? claude : [...claude, ...argv.slice(separator + 1)] };
}

function refuseTypingMistake(option: string, knownToClaude: ReadonlySet<string>): void {
  if (!option.startsWith("--") || knownToClaude.has(option)) return;
  const meant = nearest(option, [...valued.keys(), ...switches.keys()]);
  if (!meant) return;
  throw new UserError(
    `Cannot use ${option}: did you mean ${meant}? What is for Claude Code can stand after --`,
    { exitCode: 2 },
  );
}

/** The known word that was probably meant; undefined when none is two mistakes away or less. */
export function nearest(word: string, known: readonly string[]): string | undefined {
  const [closest] = known.toSorted((a, b) => distance(word, a) - distance(word, b));
  return closest !== undefined && distance(word, closest) <= 2 ? closest : undefined;
}

/** Insertions, deletions, replacements and swaps of neighbours between two words. */
export function distance(one: string, other: string): number {
  const rows = Array.from(
    { length: one.length + 1 },
    (_, row) =>
      Array.from(
        { length: other.length + 1 },
        (_, column) => row === 0 ? column : column === 0 ? row : 0,
      ),
  );
  const at = (row: number, column: number) => rows[row]?.[column] ?? Infinity;
  for (let row = 1; row <= one.length; row += 1) {
    for (let column = 1; column <= other.length; column += 1) {
      const same = one[row - 1] === other[column - 1];
      const swapped = one[row - 1] === other[column - 2] && one[row - 2] === other[column - 1];
      const best = Math.min(
        at(row - 1, column) + 1,
        at(row, column - 1) + 1,
        at(row - 1, column - 1) + (same ? 0 : 1),
        swapped ? at(row - 2, column - 2) + 1 : Infinity,
      );
      rows[row]?.splice(column, 1, best);
    }
  }
  return at(one.length, other.length);
}
