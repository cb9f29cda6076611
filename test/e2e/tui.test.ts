import { describe, test } from "node:test";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { hasTmux, openTerminal, type Terminal } from "./support/terminal.ts";
import { descendants } from "./support/processes.ts";
import { until } from "./support/until.ts";
import { anyclaudeCommand, createWorld } from "./support/world.ts";

describe("the TUI on the tiny model", { skip: hasTmux ? false : "tmux is not installed" }, () => {
  test("answers, asks before it writes, stops at Esc, and ends with one summary", async () => {
    using world = createWorld();
    using terminal = openTerminal([...anyclaudeCommand(), "--model", "tiny"], {
      cwd: world.project,
      env: world.env,
    });
    await terminal.see("? for shortcuts", 180);

    // The first prompt has to be read whole, which takes seconds: time enough to press Esc.
    await say(terminal, "read README.md");
    const engine = await engineOf(terminal);
    await until("the engine at work", async () => (await engine.active()) === 1, { everyMs: 20 });
    terminal.press("Escape");
    await until("an idle engine", async () => (await engine.active()) === 0, { seconds: 5 });
    terminal.press("C-u"); // the prompt is back in the line, as it was

    await say(terminal, "hi");
    await terminal.see("tiny demonstration model of anyclaude", 120);

    await say(terminal, "write notes.txt: some text");
    await terminal.see("Do you want to create notes.txt?", 60);
    await untilAccepted(terminal, join(world.project, "notes.txt"));
    await terminal.see("I wrote notes.txt", 60);

    assert(!terminal.history().includes("Cache Performance Summary"), terminal.history());
    await say(terminal, "/exit");
    await terminal.see("[ended with 0]", 60);

    const shown = terminal.history();
    assertEquals(shown.split("Cache Performance Summary").length - 1, 1, shown);
    assertStringIncludes(shown, "Cancelled: 1");
    assertStringIncludes(shown, "Prefix Reuse:");
  });
});

/** The MLX server behind this terminal, asked how many requests it works on. */
async function engineOf(terminal: Terminal): Promise<{ active(): Promise<number> }> {
  const port = await until("the MLX server", () =>
    descendants(terminal.pid)
      .map(({ command }) => command.match(/anyclaude_mlx .*--port (\d+)/)?.[1])
      .find((found) => found !== undefined));
  return {
    async active() {
      const response = await fetch(`http://127.0.0.1:${port}/health`);
      return (await response.json() as { active: number }).active;
    },
  };
}

async function say(terminal: Terminal, text: string): Promise<void> {
  terminal.type(text);
  await terminal.see(text);
  terminal.press("Enter");
}

/** A dialog ignores keys for about a second after it appears. */
async function untilAccepted(terminal: Terminal, path: string): Promise<void> {
  await until("the file", () => {
    terminal.press("Enter");
    return existsSync(path);
  }, { everyMs: 700 });
}
