import { spawn } from "node:child_process";
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { toLaunchArguments, toLaunchEnvironment } from "../../../src/launcher/environment.ts";
import { token } from "../../support/proxy.ts";
import type { SessionRequest } from "../../support/sessions.ts";
import { openTerminal, type Terminal } from "../support/terminal.ts";
import { until } from "../support/until.ts";
import { createWorld, root, type World } from "../support/world.ts";
import { redact } from "./redact.ts";
import { type Script, startRecordingProxy } from "./recording-proxy.ts";

/** What a session of the client can work with. */
export interface Place {
  readonly world: World;
  /** Lets the MCP server of this place speak, and waits until its tools are known. */
  connectServer(): Promise<void>;
}

/** A client in a terminal. */
export interface Tui {
  readonly terminal: Terminal;
  /** Resolves when the client has nothing more to do; `meanwhile` answers what it asks. */
  say(prompt: string, meanwhile?: () => Promise<void>): Promise<void>;
  /** Says something whose answer does not end, waits for what is shown of it, and interrupts. */
  interrupt(prompt: string, shown: RegExp): Promise<void>;
}

export interface Scenario {
  /** An MCP server that connects late, or whose second tool comes late: late-mcp-server.ts. */
  readonly server?: "late" | "growing";
  readonly script: (place: Place) => Script;
  /** More of the environment, as a user might have set it. */
  readonly env?: Readonly<Record<string, string>>;
  /** What is said to `claude -p`, each prompt to one that goes on with the conversation. */
  readonly print?: readonly string[];
  /** What is done in the terminal, each to a client that goes on with the conversation. */
  readonly tui?: readonly ((client: Tui) => Promise<void>)[];
}

/** Plays a scenario with the real client, as the launcher starts it, and gives what it asked. */
export async function record(scenario: Scenario): Promise<readonly SessionRequest[]> {
  using world = createWorld();
  const server = toServer(world, scenario.server);
  await using proxy = await startRecordingProxy(scenario.script({ world, ...server }));
  const setting = { url: proxy.url, token, model: "local-model", contextLength: 131_072 };
  const user = { ...world.env, CLAUDE_CODE_MAX_RETRIES: "1", ...scenario.env };
  // Nothing in it is undefined, because nothing of the user's is.
  const env = toLaunchEnvironment(setting, user) as Record<string, string>;
  const command = (...args: readonly string[]): readonly [string, ...string[]] => [
    join(root, "node_modules", ".bin", "claude"),
    ...toLaunchArguments([...server.options, "--allowedTools", allowedTools, ...args]),
  ];
  for (const [run, prompt] of (scenario.print ?? []).entries()) {
    const [program, ...args] = command("-p", prompt, ...again(run));
    const child = spawn(program, args, { cwd: world.project, env, stdio: "ignore" });
    await new Promise((resolve) => child.once("close", resolve));
  }
  for (const [run, play] of (scenario.tui ?? []).entries()) {
    using terminal = openTerminal(command(...again(run)), { cwd: world.project, env });
    await terminal.see("? for shortcuts");
    await play(interactive(terminal, proxy.requests));
  }
  return redact(proxy.requests, {
    [world.project]: "/home/user/project",
    [world.home]: "/home/user",
    [root]: "/home/user/anyclaude",
  });
}

/** Those that the scenarios use without being asked about them. */
const allowedTools = "Read Bash NotebookEdit TaskStop mcp__late__almanac mcp__late__weather";

function again(run: number): readonly string[] {
  return run === 0 ? [] : ["--continue"];
}

function toServer(world: World, kind: Scenario["server"]) {
  const [start, listed] = [join(world.home, "mcp-start"), join(world.home, "mcp-listed")];
  const script = join(import.meta.dirname ?? ".", "late-mcp-server.ts");
  const late = {
    command: join(root, "node_modules", ".bin", "bun"),
    args: [script, kind, start, listed],
  };
  return {
    options: kind ? ["--mcp-config", JSON.stringify({ mcpServers: { late } })] : [],
    async connectServer() {
      writeFileSync(start, "");
      await until("the tools of the MCP server", () => existsSync(listed));
    },
  };
}

function interactive(terminal: Terminal, requests: readonly SessionRequest[]): Tui {
  const isBusy = () => terminal.screen().includes("esc to interrupt");
  const enter = async (prompt: string) => {
    const asked = requests.length;
    terminal.type(prompt);
    await terminal.see(prompt);
    terminal.press("Enter");
    await until(`a request after "${prompt}"`, () => requests.length > asked);
  };
  return {
    terminal,
    async say(prompt, meanwhile) {
      await enter(prompt);
      await meanwhile?.();
      await until(`an end after "${prompt}"`, () => {
        const [, after = ""] = terminal.history().split(`\n❯ ${prompt}\n`).slice(-2);
        return !isBusy() && /· done |Compacted|API Error|Interrupted/.test(after);
      });
    },
    async interrupt(prompt, shown) {
      await enter(prompt);
      await terminal.see(shown);
      terminal.press("Escape");
      await until("the end of the answer", () => !isBusy());
      terminal.press("C-u"); // a prompt that nothing was said to is back in the line
    },
  };
}
