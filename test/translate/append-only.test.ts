import { describe, test } from "node:test";
import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { type ServerKindName, serverKinds } from "../../src/backend/server-kinds.ts";
import { type Step, toPrompts, toSteps } from "../support/append-only.ts";
import { loadSession, type SessionRequest } from "../support/sessions.ts";

/** Who asks in each session, and where a prompt does not simply go on from the last one, why. */
const sessions: Readonly<Record<string, { agents: number; exceptions: readonly Step[] }>> = {
  "print": { agents: 1, exceptions: [] },
  "print-tool-search": { agents: 1, exceptions: [] },
  "print-agents": { agents: 3, exceptions: [] },
  // Esc before the answer takes the question back; a question that failed is told with the next.
  "tui": { agents: 1, exceptions: ["withdrawn", "continued"] },
  "tui-denied": { agents: 1, exceptions: [] },
  "tui-continue": { agents: 1, exceptions: [] },
  "tui-tool-search": { agents: 1, exceptions: [] },
  "tui-agents": { agents: 3, exceptions: [] },
  "tui-plan": { agents: 1, exceptions: [] },
  // The first time the answer is left out, and the instructions stand behind the tool results.
  "tui-compact": { agents: 1, exceptions: ["continued", "compacted", "compacted"] },
  "tui-system-messages": { agents: 1, exceptions: ["continued"] },
};

describe("the upstream prompts of a recorded session", () => {
  for (const [name, { agents, exceptions }] of Object.entries(sessions)) {
    test(`only grow at their end: ${name}`, async () => {
      const requests = loadSession(name);

      const steps = await toSteps(requests);

      assertEquals(steps.length, requests.length);
      assertEquals(steps.filter((step) => step === "begun").length, agents);
      assertEquals(steps.filter((step) => step !== "begun" && step !== "extended"), exceptions);
    });
  }

  for (const server of [...Object.keys(serverKinds) as ServerKindName[], "strict"] as const) {
    test(`only grow at their end, as a server takes them that is ${server}`, async () => {
      for (const name of Object.keys(sessions)) {
        const requests = loadSession(name);

        const steps = await toSteps(requests, server);

        assertEquals(steps.length, requests.length);
      }
    });
  }

  for (const name of Object.keys(sessions)) {
    test(`have one result for each call, in the order of the calls: ${name}`, async () => {
      const prompts = await toPrompts(loadSession(name));

      for (const { messages } of prompts) {
        const calls = messages.flatMap(({ tool_calls }) => tool_calls ?? []).map(({ id }) => id);
        const results = messages.flatMap(({ tool_call_id }) => tool_call_id ?? []);
        assertEquals(results, calls);
      }
    });
  }

  for (const name of ["print-tool-search", "tui-tool-search", "tui-system-messages"]) {
    test(`show tools last that were searched for, in that order: ${name}`, async () => {
      const prompts = await toPrompts(loadSession(name));

      const names = prompts.at(-1)?.tools.map((tool) => tool.function.name) ?? [];
      const searched = ["TaskStop", "NotebookEdit", "mcp__late__weather", "mcp__late__almanac"];
      assertEquals(names.slice(-5), [...searched, "WebFetch"]);
      assertEquals(names.slice(0, -5), prompts[0]?.tools.map((tool) => tool.function.name));
    });
  }

  const asked = ask("One", "Yes", "More");
  const changes: readonly [string, SessionRequest, string][] = [
    ["change a message", ask("Two", "Yes", "More"), "message 0 of 3 differs"],
    ["lose a message", ask("One"), "message 1 of 3 differs"],
    [
      "change a tool",
      { ...asked, body: { ...asked.body, tools: [{ name: "Edit" }] } },
      "tool 0 of 1 differs",
    ],
  ];
  for (const [what, changed, message] of changes) {
    test(`are found out when they ${what}`, async () => {
      const error = await assertRejects(() => toSteps([asked, changed]));

      assertStringIncludes(error.message, `Request 1 (main) after 0: ${message}`);
    });
  }

  for (const name of Object.keys(sessions)) {
    test(`name no machine and quote nobody at length: ${name}`, () => {
      const texts = textsIn(loadSession(name));

      assertEquals(texts.filter((text) => text.length > 160), []);
      assertEquals(texts.filter((text) => /\/(tmp|root|Users|private)\//.test(text)), []);
    });
  }
});

/** What is said in turn, the user first. */
function ask(...said: readonly string[]): SessionRequest {
  const messages = said.map((content, index) => ({
    role: index % 2 === 0 ? "user" : "assistant",
    content,
  }));
  return {
    headers: {},
    outcome: "answered",
    body: { model: "m", max_tokens: 1, tools: [{ name: "Read" }], messages },
  };
}

function textsIn(value: unknown): readonly string[] {
  if (typeof value === "string") return [value];
  if (typeof value !== "object" || value === null) return [];
  return Object.values(value).flatMap(textsIn);
}
