import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** One request of the client, of a session in which it goes on with one conversation. */
export interface SessionRequest {
  /** Those by which the client says who asks. */
  readonly headers: Readonly<Record<string, string>>;
  readonly outcome: Outcome;
  readonly body: Body;
}

/** `left`: the user interrupted the answer. */
export type Outcome = "answered" | "failed" | "left";

export interface Body {
  readonly system?: readonly unknown[];
  readonly tools?: readonly unknown[];
  readonly messages: readonly unknown[];
  readonly [field: string]: unknown;
}

const lists = ["system", "tools", "messages"] as const;
const folder = new URL("../fixtures/sessions/", import.meta.url);

/** A session of the real client, recorded by test/e2e/record/record.ts. */
export function loadSession(name: string): readonly SessionRequest[] {
  return decodeSession(readFileSync(sessionPath(name), "utf8"));
}

export function sessionPath(name: string): string {
  return fileURLToPath(new URL(`${name}.jsonl`, folder));
}

/**
 * A line for each request, and before it one for each part of it that is new: a system text, a tool
 * or a message. Requests name their parts by number.
 */
export function encodeSession(requests: readonly SessionRequest[]): string {
  const numbers = new Map<string, number>();
  const lines: string[] = [];
  for (const request of requests) {
    const body = mapLists(request.body, (part) => {
      const json = JSON.stringify({ part });
      if (!numbers.has(json)) {
        numbers.set(json, numbers.size);
        lines.push(json);
      }
      return numbers.get(json);
    });
    lines.push(JSON.stringify({ ...request, body }));
  }
  return lines.join("\n") + "\n";
}

function decodeSession(text: string): readonly SessionRequest[] {
  const parts: unknown[] = [];
  return text.trimEnd().split("\n").flatMap((json) => {
    const line = JSON.parse(json) as SessionRequest | { readonly part: unknown };
    if ("part" in line) {
      parts.push(line.part);
      return [];
    }
    return { ...line, body: mapLists(line.body, (number) => parts[number as number]) };
  });
}

function mapLists(body: Body, change: (part: unknown) => unknown): Body {
  const changed = lists.flatMap((name) => {
    const list = body[name];
    return list ? [[name, list.map(change)] as const] : [];
  });
  return { ...body, ...Object.fromEntries(changed) };
}
