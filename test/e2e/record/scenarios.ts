import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { ProxyError } from "../../../src/core/errors.ts";
import type { AnswerBlock } from "../../../src/protocol/anthropic.ts";
import type { Terminal } from "../support/terminal.ts";
import { until } from "../support/until.ts";
import { type Reply, said, type Script } from "./recording-proxy.ts";
import type { Place, Scenario, Tui } from "./stage.ts";

const pixel =
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";

/** What the client is used for, in print mode and in the TUI. */
export const scenarios: Readonly<Record<string, Scenario>> = {
  "print": { script: turns, print: ["read three", "see the image", "and now"] },
  "print-tool-search": {
    script: toolSearch,
    server: "growing",
    print: ["search tools", "search late tools", "and now"],
  },
  "print-agents": { script: agents, print: ["send two agents", "and now"] },
  "tui": {
    script: turns,
    tui: [async ({ say, interrupt }) => {
      await say("think first");
      await say("read three");
      await interrupt("tell a long story", /there was/);
      await interrupt("think in silence", /esc to interrupt/);
      await say("see the image");
      await say("fail");
      await say("and now");
    }],
  },
  "tui-denied": {
    script: turns,
    tui: [async ({ say, terminal }) => {
      await say("read three", () => interject("be quick", terminal));
      await say("write it", async () => {
        await terminal.see("Do you want to");
        await untilGone("Do you want to", "Escape", terminal);
      });
      await say("and now");
    }],
  },
  "tui-continue": {
    script: turns,
    tui: [({ say }) => say("read three"), async ({ say }) => {
      await say("and now");
      await say("see the image");
    }],
  },
  "tui-tool-search": {
    script: toolSearch,
    server: "late",
    tui: [sayAll("search tools", "search late tools", "and now")],
  },
  "tui-agents": { script: agents, tui: [sayAll("send two agents", "and now")] },
  "tui-plan": {
    script: planning,
    tui: [async ({ say, terminal }) => {
      await say("and now");
      terminal.press("BTab");
      await terminal.see("accept edits on");
      terminal.press("BTab");
      await terminal.see("plan mode on");
      await say("make a plan", async () => {
        await terminal.see("Exit plan mode?");
        await untilGone("Exit plan mode?", "Enter", terminal);
      });
      await say("and now");
    }],
  },
  "tui-compact": {
    script: (place) => ({ ...turns(place), ...toolSearch(place) }),
    tui: [
      sayAll("search tools", "see the image", "/compact", "and now", "/compact", "search tools"),
    ],
  },
  // As when `anyclaude serve` is used by a client that was not started by the launcher.
  "tui-system-messages": {
    script: (place) => ({ ...turns(place), ...toolSearch(place) }),
    server: "late",
    env: { CLAUDE_CODE_MODEL_CAPABILITIES: "" },
    tui: [sayAll("fail", "search tools", "search late tools", "and now")],
  },
};

function sayAll(...prompts: readonly string[]): (client: Tui) => Promise<void> {
  return async ({ say }) => {
    for (const prompt of prompts) await say(prompt);
  };
}

function turns({ world }: Place): Script {
  const image = join(world.project, "pixel.png");
  writeFileSync(image, pixel, "base64");
  const readA = use("Read", { file_path: join(world.project, "a.txt") });
  const out = new ProxyError("overloaded_error", "The model is out of order");
  return {
    "think first": [{ kind: "answer", content: [thinking("Hm"), text("I have thought")] }],
    "read three": [
      calls(
        text("I will look"),
        use("Bash", { command: "sleep 1; echo last" }),
        readA,
        use("Bash", { command: "echo first" }),
      ),
      calls(thinking("Hm"), use("Read", { file_path: join(world.project, "README.md") })),
      said("I have read"),
    ],
    "write it": [
      calls(use("Write", { file_path: join(world.project, "b.txt"), content: "b" }), readA),
      said("It is written"),
    ],
    "tell a long story": [{ kind: "hold", content: [text("Once\n\nthere was\n\na")] }],
    "think in silence": [{ kind: "hold", content: [] }],
    "see the image": [calls(use("Read", { file_path: image })), said("A pixel")],
    "fail": [{ kind: "fail", error: out }],
    "and now": [said("Now nothing")],
  };
}

function toolSearch({ connectServer }: Place): Script {
  return {
    "search tools": [
      calls(use("ToolSearch", { query: "select:TaskStop,NotebookEdit" })),
      calls(use("TaskStop", { task_id: "none" })),
      said("There is no such task"),
    ],
    "search late tools": [
      { ...calls(use("ToolSearch", { query: "select:TaskStop" })), after: connectServer },
      calls(use("ToolSearch", { query: "select:mcp__late__weather" })),
      calls(use("mcp__late__weather", { city: "Oslo" }), use("TaskStop", { task_id: "none" })),
      calls(use("ToolSearch", { query: "select:mcp__late__almanac,WebFetch" })),
      said("The sun shines"),
    ],
    "and now": [said("Now nothing")],
  };
}

function agents({ world }: Place): Script {
  const read = use("Read", { file_path: join(world.project, "a.txt") });
  return {
    "send two agents": [
      calls(agent("Explore", "explore it"), agent("general-purpose", "work on it")),
      said("They are at work"),
    ],
    "explore it": [calls(read), said("Explored")],
    "work on it": [
      calls(use("Bash", { command: "sleep 1; echo slow" }), read),
      calls(use("ToolSearch", { query: "select:TaskStop" })),
      calls(use("Bash", { command: "echo done" })),
      said("Worked"),
    ],
    "and now": [said("Now nothing")],
  };
}

function planning({ world }: Place): Script {
  return {
    "make a plan": [
      calls(use("Read", { file_path: join(world.project, "a.txt") })),
      calls(use("ToolSearch", { query: "select:ExitPlanMode" })),
      calls(use("ExitPlanMode", { plan: "Leave it as it is" })),
      said("That was easy"),
    ],
    "and now": [said("Now nothing")],
  };
}

/** Typed while the client works. */
async function interject(prompt: string, terminal: Terminal): Promise<void> {
  await terminal.see("I will look");
  terminal.type(prompt);
  await terminal.see(prompt);
  terminal.press("Enter");
}

/** A dialog ignores keys for about a second after it appears; a key after Escape is one with it. */
async function untilGone(dialog: string, key: string, terminal: Terminal): Promise<void> {
  await until("the end of the dialog", () => {
    if (!terminal.screen().includes(dialog)) return true;
    terminal.press(key);
    return false;
  }, { everyMs: 700 });
}

function calls(...content: readonly AnswerBlock[]): Reply & { readonly kind: "answer" } {
  return { kind: "answer", content };
}

function text(words: string): AnswerBlock {
  return { type: "text", text: words };
}

function thinking(words: string): AnswerBlock {
  return { type: "thinking", thinking: words, signature: "anyclaude" };
}

/** The proxy gives it an id. */
function use(name: string, input: object): AnswerBlock {
  return { type: "tool_use", id: "", name, input };
}

function agent(type: string, prompt: string): AnswerBlock {
  return use("Agent", { description: prompt, prompt, subagent_type: type });
}
