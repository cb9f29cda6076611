import { createConsola } from "consola";
import { appendFileSync, chmodSync } from "node:fs";
import { type Log, type LogFields, silentLog } from "../core/log.ts";

/** How talkative each level of `ANYCLAUDE_DEBUG` is, in consola's numbers. */
const levels = [1, 3, 4, 4] as const;

/** The log of this run, in a file: the terminal belongs to Claude Code, standard output to results. */
export function createLogFile(path: string, debug: number): Log {
  try {
    appendFileSync(path, "", { mode: 0o600 });
    chmodSync(path, 0o600);
  } catch {
    return silentLog; // a state folder that cannot be written is reported by whoever needs it
  }
  const write = createConsola({
    level: levels[debug] ?? 1,
    reporters: [{
      log: ({ date, type, args }) =>
        appendFileSync(path, `${date.toISOString()} ${type} ${args.map(toText).join(" ")}\n`),
    }],
  });
  return {
    debug: (message, ...fields) => write.debug(message, ...fields),
    info: (message, ...fields) => write.info(message, ...fields),
    warn: (message, ...fields) => write.warn(message, ...fields),
  };
}

function toText(value: unknown): string {
  if (typeof value === "string") return value;
  return JSON.stringify(
    value as LogFields,
    (_, field: unknown) =>
      field instanceof Error
        ? { message: field.message, stack: field.stack, cause: field.cause }
        : field,
  );
}
