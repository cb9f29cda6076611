import { defineCommand } from "citty";
import process from "node:process";
import { upgradeProgram } from "../../app/upgrade.ts";
import { currentEnvironment } from "../../config/load.ts";
import { UserError } from "../../core/user-error.ts";
import { explained } from "../explained.ts";
import { repository, version } from "../version.ts";

export const upgrade = defineCommand({
  meta: { name: "upgrade", description: "Look for a newer release, and install it" },
  args: {},
  run: () =>
    explained(async () => {
      if (repository === undefined) {
        throw new UserError(
          "Cannot upgrade what is no release: git pull, then npm start or npm run build",
        );
      }
      const env = currentEnvironment();
      const releases = env["ANYCLAUDE_RELEASES"] || `https://github.com/${repository}/releases`;
      const program = process.execPath;
      const upgraded = await upgradeProgram({ version, releases, program, env, fetch });
      process.stdout.write(`${toLine(upgraded)}\n`);
    }),
});

function toLine(upgraded: Awaited<ReturnType<typeof upgradeProgram>>): string {
  switch (upgraded.outcome) {
    case "newest":
      return `anyclaude ${version} is the newest release.`;
    case "available":
      return `anyclaude ${upgraded.latest} is there: ${upgraded.command}`;
    case "installed":
      return `anyclaude ${version} was replaced by ${upgraded.latest}.`;
  }
}
