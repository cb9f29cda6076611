/**
 * `bun test/e2e/record/record.ts [name…]` records the sessions of test/fixtures/sessions anew, all
 * or those named, with the installed client. Needs tmux.
 */
import { writeFileSync } from "node:fs";
import process from "node:process";
import { encodeSession, sessionPath } from "../../support/sessions.ts";
import { scenarios } from "./scenarios.ts";
import { record } from "./stage.ts";

const wanted = process.argv.slice(2);
for (const [name, scenario] of Object.entries(scenarios)) {
  if (wanted.length > 0 && !wanted.includes(name)) continue;
  const requests = await record(scenario);
  writeFileSync(sessionPath(name), encodeSession(requests));
  process.stdout.write(`${name}: ${requests.length} requests\n`);
}
