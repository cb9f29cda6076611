import { describe, test } from "node:test";
import { assert, assertEquals } from "@std/assert";
import { toSteps } from "../support/append-only.ts";
import { record } from "./record/stage.ts";
import { scenarios } from "./record/scenarios.ts";
import { hasTmux } from "./support/terminal.ts";

/** What test/translate/append-only.test.ts says of recorded sessions, of the installed client. */
describe("the upstream prompts of the real client", () => {
  const names = hasTmux ? ["print-tool-search", "tui-tool-search"] : ["print-tool-search"];
  for (const name of names) {
    test(`only grow at their end: ${name}`, async () => {
      const scenario = scenarios[name];
      assert(scenario);

      const steps = await toSteps(await record(scenario));

      assertEquals(steps, ["begun", ...steps.slice(1).map(() => "extended" as const)]);
      assert(steps.length >= 9, `${steps.length} requests`);
    });
  }
});
