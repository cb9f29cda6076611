import { dirname, join } from "node:path";
import type { Environment } from "../core/find-program.ts";
import { isNewer } from "../core/is-newer.ts";
import { lastLine } from "../core/last-line.ts";
import { UserError } from "../core/user-error.ts";
import { launchVariables } from "../launcher/environment.ts";
import { findClaude } from "../launcher/find-claude.ts";
import { allWays } from "../launcher/install-claude.ts";
import { objectOf, readJson } from "../models/model-config.ts";
import type { RunCommand } from "../provision/command.ts";
import { broken, type Finding, ok, warning } from "./finding.ts";

export interface ClaudeCodeSetting {
  readonly configured: string | undefined;
  readonly environment: Environment;
  /** Where it would be started: a project may have settings of its own. */
  readonly project: string;
  /** In `claude` mode the user's own settings are what is wanted. */
  readonly isForeign: boolean;
  readonly run: RunCommand;
}

/** What we know how to speak with; older ones ask in other words. */
const testedVersion = "2.1.330";

export async function examineClaudeCode(setting: ClaudeCodeSetting): Promise<readonly Finding[]> {
  return [await examineProgram(setting), ...(setting.isForeign ? examineSettings(setting) : [])];
}

async function examineProgram(
  { configured, environment, run }: ClaudeCodeSetting,
): Promise<Finding> {
  let path: string | undefined;
  try {
    path = findClaude({ configured, environment });
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    const fix = "correct claudePath in the config file, or remove it";
    return broken("Claude Code", error.message, fix);
  }
  if (path === undefined) {
    const says = "there is no `claude` on the PATH or in the usual places";
    return broken("Claude Code", says, allWays.join(", or "));
  }
  const command = { program: path, args: ["--version"], env: environment, cwd: dirname(path) };
  const { code, output } = await run(command);
  const version = output.match(/\d+\.\d+\.\d+/)?.[0];
  if (code !== 0 || version === undefined) {
    return broken(
      "Claude Code",
      `${path} does not run (exit code ${code}: ${lastLine(output)})`,
      "install it again: npm install -g @anthropic-ai/claude-code",
    );
  }
  return isNewer(testedVersion, version)
    ? warning(
      "Claude Code",
      `${version} at ${path}: older than ${testedVersion}, with which anyclaude was tested`,
      "claude update, or npm install -g @anthropic-ai/claude-code@latest",
    )
    : ok("Claude Code", `${version} at ${path}`);
}

/** Claude Code's settings files can set variables too, and win over those it is started with. */
function examineSettings({ environment, project }: ClaudeCodeSetting): readonly Finding[] {
  const folder = environment["CLAUDE_CONFIG_DIR"] || join(environment["HOME"] ?? "", ".claude");
  const files = [
    join(folder, "settings.json"),
    join(project, ".claude", "settings.json"),
    join(project, ".claude", "settings.local.json"),
  ];
  const ours = launchVariables.filter(({ always }) => always).map(({ name }) => name);
  return files.flatMap((file) => {
    const overridden = ours.filter((name) => Object.hasOwn(variablesIn(file), name));
    return overridden.length === 0 ? [] : [broken(
      "Claude settings",
      `${file} sets ${overridden.join(", ")}, which keeps Claude Code from reaching anyclaude`,
      `take ${overridden.length === 1 ? "it" : "them"} out of "env" there`,
    )];
  });
}

/** None in a file that is broken: Claude Code says so itself. */
function variablesIn(file: string): object {
  return objectOf(readJson(file)?.["env"]) ?? {};
}
