import { UserError } from "../core/user-error.ts";
import { type ClaudeSearch, findClaude } from "../launcher/find-claude.ts";
import {
  allWays,
  installClaude,
  type InstallWay,
  waysToInstall,
} from "../launcher/install-claude.ts";
import { askWhich, isTerminal } from "./ask.ts";
import { tell } from "./tell.ts";

const notFound = "Cannot find Claude Code: there is no `claude` on the PATH or in the usual places";

/**
 * Where Claude Code is. If it is nowhere, a user at a terminal is offered to have it installed now;
 * that is never done without a yes.
 */
export async function needClaude(search: ClaudeSearch): Promise<string> {
  const found = findClaude(search);
  if (found) return found;
  const ways = waysToInstall(search.environment);
  if (!isTerminal() || ways.length === 0) throw new UserError(`${notFound}; ${advice(allWays)}`);
  tell(`${notFound}.`);
  const way = await ask(ways);
  if (!way) throw new UserError(`Cannot start without Claude Code; ${advice(allWays)}`);
  const code = await installClaude(way, search.environment);
  if (code !== 0) throw new UserError(`Cannot install Claude Code: \`${way.shown}\` failed`);
  const installed = findClaude(search);
  if (installed) return installed;
  throw new UserError(`${notFound}, though \`${way.shown}\` went well; name it as claudePath`);
}

async function ask(ways: readonly InstallWay[]): Promise<InstallWay | undefined> {
  const chosen = await askWhich("Install it now, in one of the official ways?", [
    { label: "no", value: "no" },
    ...ways.map(({ shown }) => ({ label: shown, value: shown })),
  ]);
  return ways.find(({ shown }) => shown === chosen);
}

function advice(shown: readonly string[]): string {
  const ways = shown.map((way) => `\`${way}\``).join(" or ");
  return `install it with ${ways}, or name it as claudePath in the config`;
}
