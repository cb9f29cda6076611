import { defineCommand } from "citty";
import process from "node:process";
import { loadConfig, type LoadedConfig } from "../../config/load.ts";
import { silentLog } from "../../core/log.ts";
import { UserError } from "../../core/user-error.ts";
import { examine } from "../../doctor/examine.ts";
import { broken, type Finding, ok } from "../../doctor/finding.ts";
import { commonArguments } from "../argument/common-arguments.ts";
import { explained } from "../explained.ts";
import { serverArguments, toFlags } from "../argument/server-arguments.ts";
import { tell } from "../tell.ts";
import { version } from "../version.ts";

const { mode, model, "base-url": baseUrl } = serverArguments;

export const doctor = defineCommand({
  meta: { name: "doctor", description: "Look at all that anyclaude needs, and say what mends it" },
  args: {
    ...{ mode, model, "base-url": baseUrl },
    ...commonArguments,
  },
  run: ({ args }) =>
    explained(async () => {
      const findings: Finding[] = [];
      for await (const finding of findingsFor(args)) {
        findings.push(finding);
        if (!args.json) process.stdout.write(`${toLines(finding)}\n`);
      }
      const isSound = findings.every(({ status }) => status !== "broken");
      if (args.json) process.stdout.write(`${JSON.stringify({ version, isSound, findings })}\n`);
      if (!isSound) process.exitCode = 1;
    }),
});

async function* findingsFor(args: Parameters<typeof toFlags>[0]): AsyncGenerator<Finding> {
  let loaded: LoadedConfig;
  try {
    loaded = loadConfig(toFlags(args));
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    yield broken("Settings", error.message, "correct what is named there; anyclaude help settings");
    return;
  }
  const { config, paths, environment } = loaded;
  yield ok("Settings", `mode ${config.mode}; anyclaude help settings says where they come from`);
  yield* examine({
    ...{ config, paths, env: environment, version, log: silentLog, tell },
    project: process.cwd(),
  });
}

const marks = { ok: "✔", warning: "!", broken: "✘" } as const;

function toLines({ subject, status, says, fix }: Finding): string {
  return [
    `${marks[status]} ${subject.padEnd(15)} ${says}`,
    ...(fix === undefined ? [] : [`${" ".repeat(18)}→ ${fix}`]),
  ].join("\n");
}
