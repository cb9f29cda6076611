import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { commands } from "../../src/cli/commands.ts";
import { settings } from "../../src/config/schema.ts";
import { createWorld, root } from "./support/world.ts";

const readme = readFileSync(join(root, "README.md"), "utf8");

/** The lines of the shell blocks, without what is said about them. */
const lines = [...readme.matchAll(/```bash\n([\s\S]*?)```/g)]
  .flatMap(([, block = ""]) => block.split("\n"))
  .map((line) => line.replace(/\s+#.*$/, "").trim())
  .filter((line) => line !== "");

/** What each of them does is shown by another test, which cannot be run from here. */
const elsewhere: Readonly<Record<string, string>> = {
  "brew tap OWNER/tap && brew trust --formula OWNER/tap/anyclaude && brew install anyclaude":
    "test/build/formula.test.ts",
  "curl -fsSL https://github.com/OWNER/anyclaude/releases/latest/download/install.sh | sh":
    "test/build/install-script.test.ts",
  "npm test": "test/ok.ts",
  'npm start -- --model tiny -p "read README.md"': "test/e2e/deno.test.ts",
  "anyclaude": "test/e2e/models.test.ts",
  "anyclaude --model mlx-community/Qwen3-Coder-30B-A3B-Instruct-4bit": "test/e2e/models.test.ts",
  "anyclaude --model ~/models/my-model": "test/app/server-plan.test.ts",
  "anyclaude --mode openai --base-url http://localhost:1234/v1 --model qwen3-coder":
    "test/e2e/openai.test.ts",
};

/** Words that the program says when a line of the README is typed. */
const here: Readonly<Record<string, string>> = {
  'anyclaude --model tiny -p "list files"': "README.md",
  "anyclaude doctor": "✔ Generation",
  "anyclaude models": "anyclaude models pull NAME downloads one",
};

describe("the README", () => {
  test("has no command that nobody has tried", () => {
    const known = { ...elsewhere, ...here };

    assertEquals(lines.filter((line) => !Object.hasOwn(known, line)), []);
    assertEquals(Object.keys(known).filter((line) => !lines.includes(line)), []);
    assertEquals(Object.values(elsewhere).filter((path) => !existsSync(join(root, path))), []);
  });

  test("names only commands and options that there are", () => {
    const named = [...readme.matchAll(/`anyclaude ([a-z][\w-]*)/g)].map(([, name = ""]) => name);
    const options = [...readme.matchAll(/`(--[a-z-]+)`/g)].map(([, name = ""]) => name);
    const ours = [
      ...Object.values(settings).map(({ flag }) => flag),
      ...["--config", "--json", "--yes", "--by", "--since"],
    ];

    assert(named.length > 10);
    assertEquals(named.filter((name) => name !== "help" && !Object.hasOwn(commands, name)), []);
    assertEquals(options.filter((option) => !ours.includes(option)), []);
  });

  for (const [line, words] of Object.entries(here)) {
    test(`is right about ${line}`, async () => {
      using world = createWorld();
      const [, ...args] = line.match(/"[^"]*"|\S+/g)?.map((word) => word.replaceAll('"', "")) ?? [];

      const ran = await world.anyclaude([...args, ...allowed(args)]);

      assertEquals(ran.code, 0, ran.stderr);
      assertStringIncludes(ran.stdout, words);
    });
  }
});

/** Without a terminal nobody can be asked. */
function allowed(args: readonly string[]): readonly string[] {
  return args.includes("-p") ? ["--allowedTools", "Bash"] : [];
}
