import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { llamaCpp, mlxLm, startStockServer, type StockServer } from "./support/stock-server.ts";
import { summed } from "./support/summary.ts";
import { createWorld, type Ran, type World } from "./support/world.ts";

for (const recipe of [mlxLm, llamaCpp]) {
  describe(`the real client on a stock ${recipe.title}`, () => {
    let server: StockServer;
    let world: World;
    before(async () => {
      server = await startStockServer(recipe);
      world = createWorld();
    });
    after(async () => {
      world[Symbol.dispose]();
      await server[Symbol.asyncDispose]();
    });

    const ask = (...args: readonly string[]): Promise<Ran> =>
      world.anyclaude([
        ...["--mode", "openai", "--base-url", server.url, "--model", "tiny"],
        ...["--allowedTools", "Read Bash Write", "-p", ...args],
      ]);

    test("has its question answered", async () => {
      const ran = await ask("what are you?");

      assertEquals(ran.code, 0, ran.stderr);
      assertStringIncludes(ran.stdout, "I am the tiny demonstration model of anyclaude");
      assertStringIncludes(ran.stderr, "Total Requests: 1");
    });

    test("runs both tools of one answer, and the next answer has seen what they said", async () => {
      writeFileSync(join(world.project, "log1"), "first line of the log\n");

      const ran = await ask("read log1 and a.txt", "--output-format", "stream-json", "--verbose");

      assertEquals(ran.code, 0, ran.stderr);
      assertEquals(toolCalls(ran), [["Read", "log1"], ["Read", "a.txt"]]);
      // It quotes the last result: that of the last call, whichever came first.
      assertStringIncludes(ran.stdout, "Done. The file starts with: hello from a");
      assertStringIncludes(ran.stderr, "Total Requests: 2");
    });

    test("goes on with a conversation: what is sent only grows, and the server reuses it", async () => {
      const wrote = await ask("write notes.txt: some text");
      const read = await ask("read a.txt", "--continue");
      const listed = await ask("list files", "--continue");

      assertEquals([wrote.code, read.code, listed.code], [0, 0, 0], listed.stderr);
      assertStringIncludes(readFileSync(join(world.project, "notes.txt"), "utf8"), "some text");
      assertStringIncludes(read.stdout, "Done. The file starts with: hello from a");
      assertStringIncludes(listed.stdout, "Done. The output starts with: README.md");
      for (const { stderr } of [read, listed]) assertMatch(stderr, /Prefix Reuse: 99\.\d%/);
      // Two requests each, and in both of the last run also all that was said in the one before.
      const [before, after] = [read, listed].map((ran) => summed(ran, "Total Input Tokens"));
      assert(after! - before! > 100, read.stderr + listed.stderr);
    });

    test("is led to it by MLX_URL too, and no server of ours is started", async () => {
      const ran = await world.anyclaude(
        ["--model", "tiny", "--allowedTools", "Read", "-p", "read README.md"],
        { MLX_URL: server.url },
      );

      assertEquals(ran.code, 0, ran.stderr);
      assertStringIncludes(ran.stdout, "Done. The file starts with: # Demo");
      assertEquals(existsSync(join(world.state, "servers")), false);
    });
  });
}

/** Name and file of each call that the client was given, in order. */
function toolCalls({ stdout }: Ran): readonly (readonly [string, string])[] {
  return stdout.trim().split("\n").flatMap((line) => {
    const { type, message } = JSON.parse(line) as StreamLine;
    return type !== "assistant"
      ? []
      : (message?.content ?? []).flatMap((block) =>
        block.type === "tool_use" ? [[block.name, block.input.file_path] as const] : []
      );
  });
}

interface StreamLine {
  readonly type: string;
  readonly message?: {
    readonly content: readonly {
      readonly type: string;
      readonly name: string;
      readonly input: { readonly file_path: string };
    }[];
  };
}
