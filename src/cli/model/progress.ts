import type { Clock } from "../../core/clock.ts";
import { toGigabytes } from "../../models/gigabytes.ts";

export interface ProgressOptions {
  readonly totalBytes: number;
  readonly clock: Pick<Clock, "now">;
  readonly write: (text: string) => void;
  /** Of the terminal; undefined when there is none: then there is a line now and then. */
  readonly columns: number | undefined;
}

interface Sample {
  readonly at: number;
  readonly bytes: number;
}

/** The speed is that of the last seconds. */
const memoryMs = 10_000;
/** Without a terminal: a line for each tenth, and one a minute if that takes longer. */
const tenths = 10;
const silenceMs = 60_000;
const drawMs = 100;
const widestBar = 30;
const eraseLine = "\r\x1b[K";

/** How far a download is: on one line of a terminal, or in plain lines. */
export class Progress {
  readonly #options: ProgressOptions;
  #samples: Sample[] = [];
  #told: Sample = { at: -Infinity, bytes: -Infinity };

  constructor(options: ProgressOptions) {
    this.#options = options;
  }

  update(bytes: number): void {
    const { clock, write, columns, totalBytes } = this.#options;
    const now = { at: clock.now(), bytes };
    // What turned out to be wrong is fetched again, and says nothing of the speed.
    if (bytes < (this.#samples.at(-1)?.bytes ?? 0)) this.#samples = [];
    this.#samples.push(now);
    this.#samples = this.#samples.filter(({ at }) => now.at - at <= memoryMs);
    if (!this.#isTime(now)) return;
    this.#told = now;
    const text = toProgressText(bytes, totalBytes, toSpeed(this.#samples));
    if (columns === undefined) write(`${text}\n`);
    else write(`${eraseLine}${withBar(text, bytes / totalBytes, columns)}`);
  }

  /** A whole line, above the bar if there is one. */
  tell(line: string): void {
    this.clear();
    this.#options.write(`${line}\n`);
  }

  clear(): void {
    if (this.#options.columns !== undefined) this.#options.write(eraseLine);
  }

  #isTime({ at, bytes }: Sample): boolean {
    const { columns, totalBytes } = this.#options;
    const waited = at - this.#told.at;
    if (columns !== undefined) return waited >= drawMs || bytes === totalBytes;
    const tenth = (count: number) => Math.floor(tenths * count / totalBytes);
    return tenth(bytes) !== tenth(this.#told.bytes) || waited >= silenceMs;
  }
}

/** Bytes a second; undefined as long as there is too little to tell from. */
function toSpeed(samples: readonly Sample[]): number | undefined {
  const [first, last] = [samples[0], samples.at(-1)];
  if (!first || !last || last.at - first.at < 1000) return undefined;
  return (last.bytes - first.bytes) / (last.at - first.at) * 1000;
}

/** `3.1 of 17.2 GB, 84.0 MB/s, 2 min 48 s left` */
export function toProgressText(
  bytes: number,
  totalBytes: number,
  speed: number | undefined,
): string {
  const [amount = "", unit = ""] = toGigabytes(totalBytes).split(" ");
  const done = (bytes / (unit === "GB" ? 1e9 : 1e6)).toFixed(1);
  const parts = [`${done} of ${amount} ${unit}`];
  if (speed !== undefined) parts.push(`${(speed / 1e6).toFixed(1)} MB/s`);
  if (speed) parts.push(`${toDuration((totalBytes - bytes) / speed)} left`);
  return parts.join(", ");
}

export function toDuration(seconds: number): string {
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  const minutes = Math.floor(whole / 60);
  if (minutes < 60) return `${minutes} min ${whole % 60} s`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** Cut to the width of the terminal: a line that wraps cannot be drawn over. */
function withBar(text: string, part: number, columns: number): string {
  const width = Math.min(widestBar, columns - text.length - 2);
  if (width < 5) return text.slice(0, columns - 1);
  const filled = Math.round(width * Math.min(1, part));
  return `${"█".repeat(filled)}${"░".repeat(width - filled)} ${text}`;
}
