import { createConsola } from "consola";
import { appendFileSync, renameSync, statSync } from "node:fs";
import { join } from "node:path";
import type { Log, LogFields } from "../core/log.ts";

/** What each level of `ANYCLAUDE_DEBUG` adds, in consola's names and numbers. */
const levels = [1, 3, 4, 4] as const;
/** Then the file becomes the previous one, and what was the previous one is gone. */
const maxBytes = 10 * 1024 * 1024;

export function logPath(stateFolder: string): string {
  return join(stateFolder, "anyclaude.log");
}

export function previousLogPath(path: string): string {
  return `${path}.1`;
}

/** Warnings that could not be written, each once: to be told when the terminal is free. */
export interface LogFile extends Log {
  readonly unwritten: ReadonlySet<string>;
}

/** The log of this run, in a file: the terminal belongs to Claude Code, standard output to results. */
export function createLogFile(path: string, debug: number): LogFile {
  const unwritten = new Set<string>();
  const write = createConsola({
    level: levels[debug] ?? 1,
    reporters: [{
      log({ date, type, args }) {
        try {
          append(path, `${date.toISOString()} ${type} ${args.map(toText).join(" ")}\n`);
        } catch {
          if (type === "warn") unwritten.add(toSentence(args));
        }
      },
    }],
  });
  return {
    unwritten,
    debug: (message, ...fields) => write.debug(message, ...fields),
    info: (message, ...fields) => write.info(message, ...fields),
    warn: (message, ...fields) => write.warn(message, ...fields),
  };
}

/** Lowest level of `ANYCLAUDE_DEBUG` at which a line of this type is written. */
export function levelOf(type: string): number {
  return { info: 1, debug: 2 }[type] ?? 0;
}

function append(path: string, line: string): void {
  if ((statSync(path, { throwIfNoEntry: false })?.size ?? 0) > maxBytes) {
    renameSync(path, previousLogPath(path));
  }
  appendFileSync(path, line, { mode: 0o600 });
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

/** For the terminal: what happened and why, without a stack. */
export function toSentence([message, fields]: readonly unknown[]): string {
  const { error } = (fields ?? {}) as { readonly error?: unknown };
  return error instanceof Error ? `${message}: ${error.message}` : String(message);
}
