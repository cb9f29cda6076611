import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { assertEquals } from "@std/assert";
import { toCompletions } from "../../src/cli/command/completion.ts";
import { scripts } from "../../src/cli/command/completion-scripts.ts";

type Shell = keyof typeof scripts;

/** Asks a shell what could stand for the last of these words. */
const questions: Readonly<Record<Shell, string>> = {
  bash: `. "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); compopt() { :; }; _anyclaude
    printf '%s\\n' "\${COMPREPLY[@]}"`,
  // Without a terminal its completion system does not run: the two builtins are put in its place.
  zsh: `compdef() { : }; _files() { print -l -- *(N) }
    compadd() { shift; print -l -- \${(M)@:#\${words[CURRENT]}*} }
    . "$1"; shift; words=("$@"); CURRENT=$#; _anyclaude`,
  fish: `source $argv[1]; complete -C (string join " " -- $argv[2..])`,
};

/** What is typed, a word that is offered and one that is not. */
const cases: readonly [string[], string, string][] = [
  [["anyclaude", "ser"], "serve", "stats"],
  [["anyclaude", "--mo"], "--model", "--since"],
  [["anyclaude", "--resu"], "--resume", "--model"],
  [["anyclaude", "--mode", ""], "openai", "--fresh"],
  [["anyclaude", "stats", "--s"], "--since", "--settings"],
  [["anyclaude", "--config", "my"], "my file.json", "--fresh"],
];

describe("completion", () => {
  let folder = "";
  before(async () => {
    folder = mkdtempSync(join(tmpdir(), "any completion "));
    writeFileSync(join(folder, "my file.json"), "{}");
    const words = await toCompletions();
    for (const [shell, script] of Object.entries(scripts)) {
      writeFileSync(join(folder, shell), script(words));
    }
  });
  after(() => rmSync(folder, { recursive: true }));

  for (const shell of Object.keys(scripts) as Shell[]) {
    const isThere = spawnSync(shell, ["-c", "true"]).status === 0;
    for (const [typed, offered, withheld] of cases) {
      test(`offers ${offered} for ${typed.join(" ")} in ${shell}`, {
        skip: isThere ? false : `${shell} is not installed`,
      }, () => {
        const told = complete(folder, shell, typed);

        assertEquals([told.includes(offered), told.includes(withheld)], [true, false], `${told}`);
      });
    }
  }
});

function complete(folder: string, shell: Shell, typed: readonly string[]): readonly string[] {
  const args = ["-c", questions[shell], ...(shell === "fish" ? [] : ["ask"])];
  const { stdout } = spawnSync(shell, [...args, join(folder, shell), ...typed], {
    cwd: folder,
    encoding: "utf8",
  });
  // fish puts what a word means behind a tab, and escapes blanks.
  return stdout.split("\n").map((line) => line.split("\t")[0]?.replaceAll("\\ ", " ") ?? "");
}
