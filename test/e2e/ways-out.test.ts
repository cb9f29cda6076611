import { describe, test } from "node:test";
import { spawnSync } from "node:child_process";
import process from "node:process";
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { isAlive } from "../../src/supervisor/child.ts";
import { descendants } from "./support/processes.ts";
import { hasTmux, openTerminal, type Terminal } from "./support/terminal.ts";
import { until } from "./support/until.ts";
import { anyclaudeCommand, createWorld } from "./support/world.ts";

interface WayOut {
  readonly name: string;
  readonly leave: (terminal: Terminal) => void;
  readonly code: number;
}

const ways: readonly WayOut[] = [
  {
    name: "/exit",
    leave: (terminal) => {
      terminal.type("/exit");
      terminal.press("Enter");
    },
    code: 0,
  },
  { name: "Ctrl-D", leave: (terminal) => terminal.press("C-d"), code: 0 },
  { name: "Ctrl-C", leave: (terminal) => terminal.press("C-c"), code: 0 },
  { name: "SIGTERM", leave: signal("SIGTERM"), code: 143 },
  { name: "SIGHUP", leave: signal("SIGHUP"), code: 129 },
  {
    name: "a crash of claude",
    leave: (terminal) => process.kill(claude(terminal), "SIGKILL"),
    code: 137,
  },
];

const skip = hasTmux ? false : "tmux is not installed";
describe("the exit block in a real terminal", { skip }, () => {
  for (const { name, leave, code } of ways) {
    test(`comes once after ${name}, and the terminal is as it was`, async () => {
      using world = createWorld();
      using terminal = openTerminal([...anyclaudeCommand(), "--model", "tiny"], {
        cwd: world.project,
        env: world.env,
      });
      const before = settings(terminal);
      await terminal.see("? for shortcuts", 180);
      assertEquals(terminal.modes().alternate, true);
      terminal.type("hi");
      await terminal.see("hi");
      terminal.press("Enter");
      await terminal.see("tiny demonstration model of anyclaude", 120);
      const children = descendants(terminal.pid).map(({ pid }) => pid);
      assert(!terminal.screen().includes("Cache Performance Summary"), terminal.screen());

      await until(`the end after ${name}`, () => {
        if (/\[ended with/.test(terminal.history())) return true;
        leave(terminal);
        return false;
      }, { everyMs: 700, seconds: 30 });

      const shown = terminal.history();
      assertEquals(shown.split("Cache Performance Summary").length - 1, 1, shown);
      assertStringIncludes(shown, `[ended with ${code}]`);
      assertStringIncludes(shown, "  Total Requests: ");
      assertEquals(terminal.modes(), { alternate: false, mouse: false, cursor: true });
      assertEquals(settings(terminal), before);
      await until("no process left", () => !children.some(isAlive), { seconds: 10 });
    });
  }
});

function signal(name: NodeJS.Signals): WayOut["leave"] {
  return (terminal) => {
    const [anyclaude] = descendants(terminal.pid);
    if (anyclaude) process.kill(anyclaude.pid, name);
  };
}

function claude(terminal: Terminal): number {
  const found = descendants(terminal.pid).find(({ command }) => /\/claude( |$)/.test(command));
  return found?.pid ?? fail("claude is not running");
}

/** Line editing, echo and so on, as `stty -g` says it. */
function settings({ tty }: Terminal): string {
  const flag = process.platform === "darwin" ? "-f" : "-F";
  return spawnSync("stty", [flag, tty, "-g"], { encoding: "utf8" }).stdout;
}

function fail(what: string): never {
  throw new Error(what);
}
