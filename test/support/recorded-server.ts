import { readFileSync } from "node:fs";

/** An answer that a real server gave, from `test/fixtures/servers`; `npm run record` makes them. */
export interface RecordedAnswer {
  readonly request: string;
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** By what was asked; `server` says who answered. */
export type RecordedAnswers =
  & { readonly server: string }
  & { readonly [question: string]: RecordedAnswer | undefined };

export function recordedAnswers(server: string): RecordedAnswers {
  const file = new URL(`../fixtures/servers/${server}.json`, import.meta.url);
  return JSON.parse(readFileSync(file, "utf8")) as RecordedAnswers;
}
