import { defineCommand } from "citty";
import { closeSync, fstatSync, openSync, readSync, statSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import process from "node:process";
import { loadConfig } from "../../config/load.ts";
import { UserError } from "../../core/user-error.ts";
import { commonArguments } from "../argument/common-arguments.ts";
import { explained } from "../explained.ts";
import { levelOf, logPath, previousLogPath } from "../log-file.ts";

const pollMs = 200;

export const logs = defineCommand({
  meta: { name: "logs", description: "Print the log" },
  args: {
    follow: { type: "boolean", alias: "f", description: "Go on printing what is added" },
    level: { type: "string", valueHint: "0-2", description: "Only lines up to this level" },
    path: { type: "boolean", description: "Print where the log is" },
    config: commonArguments.config,
  },
  run: ({ args: { follow, level, path: wantsPath, config: file } }) =>
    explained(async () => {
      const isWanted = toFilter(level);
      const path = logPath(loadConfig({ flags: {}, file }).paths.state);
      if (wantsPath) {
        process.stdout.write(`${path}\n`);
        return;
      }
      // Whoever reads it may have seen enough: `| head`.
      process.stdout.on("error", () => process.exit());
      const print = (lines: readonly string[]) =>
        process.stdout.write(lines.filter(isWanted).map((line) => `${line}\n`).join(""));
      using previous = new Tail(previousLogPath(path));
      print(previous.more());
      using tail = new Tail(path);
      print(tail.more());
      while (follow) {
        await delay(pollMs);
        print(tail.more());
      }
    }),
});

function toFilter(level: string | undefined): (line: string) => boolean {
  if (level === undefined) return () => true;
  if (!/^[012]$/.test(level)) {
    throw new UserError(
      `Cannot use --level ${level}: expected 0 (warnings), 1 (cache lines) or 2 (tokens, times)`,
      { exitCode: 2 },
    );
  }
  return (line) => levelOf(line.split(" ")[1] ?? "") <= Number(level);
}

/** Whole lines of a file that grows, and that may be put aside for a new one under its name. */
export class Tail implements Disposable {
  readonly #path: string;
  readonly #decoder = new TextDecoder();
  #file: number | undefined;
  #read = 0;
  #rest = "";

  constructor(path: string) {
    this.#path = path;
  }

  /** What was added since the last time, at the end of a file put aside too. */
  more(): readonly string[] {
    const added = this.#drain();
    const inode = statSync(this.#path, { throwIfNoEntry: false })?.ino;
    if (inode === undefined) return added;
    if (this.#file !== undefined && inode === fstatSync(this.#file).ino) return added;
    this[Symbol.dispose]();
    this.#file = openSync(this.#path, "r");
    this.#read = 0;
    return [...added, ...this.#drain()];
  }

  [Symbol.dispose](): void {
    if (this.#file !== undefined) closeSync(this.#file);
  }

  #drain(): readonly string[] {
    if (this.#file === undefined) return [];
    const bytes = new Uint8Array(Math.max(0, fstatSync(this.#file).size - this.#read));
    this.#read += readSync(this.#file, bytes, 0, bytes.length, this.#read);
    const lines = (this.#rest + this.#decoder.decode(bytes, { stream: true })).split("\n");
    this.#rest = lines.pop() ?? "";
    return lines;
  }
}
