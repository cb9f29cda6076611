import { mkdirSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import process from "node:process";
import type { Clock } from "../core/clock.ts";
import { decoded } from "../core/decoded.ts";
import type { Fetch } from "../core/fetch.ts";
import { hidden } from "../core/hidden.ts";
import type { Log } from "../core/log.ts";
import { observedBody } from "../core/observed-body.ts";

/**
 * Full exchanges, one file each, for finding out what was said on a wire: prompts and answers are
 * in them. What is exchanged stays as it is, byte for byte.
 */
export interface Traces {
  /** Of whoever asks us. */
  serving(answer: Answer): Answer;
  /** Of whoever we ask. */
  asking(ask: Fetch): Fetch;
}

type Answer = (request: Request) => Promise<Response>;

export interface TracesOptions {
  readonly folder: string;
  /** Known keys, which no file may hold. */
  readonly secrets: readonly (string | undefined)[];
  readonly clock: Clock;
  readonly log: Log;
}

const maxFiles = 400;
const maxFolderBytes = 256 * 1024 * 1024;
/** More of one body is not kept. */
const maxBodyBytes = 32 * 1024 * 1024;
const secretName = /authorization|api[-_]?key|cookie|token|secret|password/i;
const redacted = "[redacted]";

export function openTraces({ folder, secrets, clock, log }: TracesOptions): Traces {
  let count = 0;
  let hasWarned = false;

  function attempt(run: () => void): void {
    try {
      run();
    } catch (error) {
      // Once: a full disk would otherwise fill the log as well.
      if (!hasWarned) log.warn("traces cannot be written", { error });
      hasWarned = true;
    }
  }

  /** Written twice: when it is asked, and when it is over. */
  function begin(side: "client" | "upstream", { method, url, headers, body }: Asked) {
    const startedAt = clock.now();
    const time = new Date(startedAt).toISOString().replaceAll(":", "-");
    const name = `${time}-${process.pid}-${String(count += 1).padStart(4, "0")}-${side}.txt`;
    const known = [...secrets, ...secretsIn(headers)];
    const hide = (text: string) => hidden(text, known, redacted);
    const question = hide(`${method} ${withoutSecrets(url)}\n${toLines(headers)}\n${body}\n`);
    const write = (answer: string) =>
      attempt(() => {
        mkdirSync(folder, { recursive: true, mode: 0o700 });
        makeRoom(folder);
        writeFileSync(join(folder, name), question + hide(answer), { mode: 0o600 });
      });
    write("");
    return (answer: string) => write(`\n── after ${clock.now() - startedAt} ms\n${answer}\n`);
  }

  return {
    serving: (answer) => async (request) => {
      const { method, url, headers } = request;
      const body = request.body ? await readText(request.clone().body) : "";
      const end = begin("client", { method, url, headers, body });
      return traced(await answer(request), end);
    },
    asking: (ask) => async (url, init) => {
      const { method = "GET", headers, body } = init;
      const sent = typeof body === "string" ? body : "";
      const end = begin("upstream", { method, url, headers: new Headers(headers), body: sent });
      try {
        return traced(await ask(url, init), end);
      } catch (error) {
        end(`No answer: ${error instanceof Error ? error.message : String(error)}`);
        throw error;
      }
    },
  };
}

interface Asked {
  readonly method: string;
  readonly url: string;
  readonly headers: Headers;
  readonly body: string;
}

function traced(response: Response, end: (answer: string) => void): Response {
  const { status, statusText, headers } = response;
  const head = `${status} ${statusText}\n${toLines(headers)}\n`;
  if (!response.body) {
    end(head);
    return response;
  }
  const copy = new PassThrough();
  copy.on("error", () => {}); // what comes after the limit has nowhere to go
  const text = readText(decoded(copy, headers.get("content-encoding")));
  const body = observedBody(response.body, {
    chunk: (bytes) => void copy.write(bytes),
    async end(outcome) {
      copy.end();
      end(`${head}${await text}\n── ${endings[outcome]}`);
    },
  });
  return new Response(body, { status, statusText, headers });
}

const endings = { ended: "ended", cancelled: "no more was read", broken: "broke off" };

/** As far as it goes: what is broken ends the text, and nothing else. */
async function readText(bytes: AsyncIterable<Uint8Array> | null): Promise<string> {
  const decoder = new TextDecoder();
  let size = 0;
  let text = "";
  try {
    const chunks = bytes?.[Symbol.asyncIterator]();
    for (let next = await chunks?.next(); next && !next.done; next = await chunks?.next()) {
      size += next.value.byteLength;
      if (size > maxBodyBytes) {
        // Not waited for: one half of a body that was cloned is given up only with the other.
        void chunks?.return?.();
        return `${text}\n── more than ${maxBodyBytes} bytes`;
      }
      text += decoder.decode(next.value, { stream: true });
    }
    return text + decoder.decode();
  } catch (error) {
    return `${text}\n── broken: ${error instanceof Error ? error.message : String(error)}`;
  }
}

function toLines(headers: Headers): string {
  return [...headers]
    .map(([name, value]) => `${name}: ${secretName.test(name) ? redacted : value}\n`)
    .join("");
}

function withoutSecrets(url: string): string {
  const parsed = new URL(url);
  if (parsed.password) parsed.password = redacted;
  for (const name of [...parsed.searchParams.keys()]) {
    if (secretName.test(name) || name === "key") parsed.searchParams.set(name, redacted);
  }
  return parsed.href;
}

/** The values that credentials have in this exchange: an error message may repeat them. */
function secretsIn(headers: Headers): readonly string[] {
  return [...headers]
    .filter(([name]) => secretName.test(name))
    .map(([, value]) => value.replace(/^(bearer|basic) /i, ""));
}

/** The oldest go first; their names begin with their time. */
function makeRoom(folder: string): void {
  const names = readdirSync(folder).toSorted();
  const sizes = names.map((name) => statSync(join(folder, name), { throwIfNoEntry: false })?.size);
  let bytes = sizes.reduce<number>((sum, size) => sum + (size ?? 0), 0);
  for (const [index, name] of names.entries()) {
    if (names.length - index <= maxFiles && bytes <= maxFolderBytes) return;
    rmSync(join(folder, name), { force: true });
    bytes -= sizes[index] ?? 0;
  }
}

/** Removes every trace; returns how many there were. */
export function clearTraces(folder: string): number {
  let names: readonly string[];
  try {
    names = readdirSync(folder);
  } catch {
    return 0; // never written
  }
  rmSync(folder, { recursive: true, force: true });
  return names.length;
}
