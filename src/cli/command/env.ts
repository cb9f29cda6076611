import { defineCommand } from "citty";
import process from "node:process";
import { findProxies, type RunningProxy } from "../../app/running.ts";
import { currentPaths } from "../../config/load.ts";
import { toShellWord } from "../../core/shell-word.ts";
import { UserError } from "../../core/user-error.ts";
import { toLaunchEnvironment, toPassthroughEnvironment } from "../../launcher/environment.ts";
import { explained } from "../explained.ts";

export const env = defineCommand({
  meta: {
    name: "env",
    description: "Print the variables that bring Claude Code to a running serve",
  },
  args: {
    json: { type: "boolean", description: "Print one JSON object, as editors take it" },
  },
  run: ({ args: { json } }) =>
    explained(async () => {
      const [proxy] = await findProxies(currentPaths().state, fetch);
      if (!proxy) {
        throw new UserError(
          "Cannot print the variables: no proxy is running; start one in another terminal with " +
            "anyclaude serve",
        );
      }
      const variables = toVariables(proxy);
      const text = json
        ? JSON.stringify(Object.fromEntries(variables), null, 2)
        : variables.map(([name, value]) => `export ${name}=${toShellWord(value)}`).join("\n");
      process.stdout.write(`${text}\n`);
    }),
});

/** What a launch would set, over an empty environment: the caller's own variables are his affair. */
function toVariables({ url, token, model, contextLength }: RunningProxy): [string, string][] {
  const all = model === undefined
    ? toPassthroughEnvironment(url, {})
    : toLaunchEnvironment({ url, token, model, contextLength }, {});
  return Object.entries(all).filter((each): each is [string, string] => each[1] !== undefined);
}
