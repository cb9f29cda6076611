import type { StoredRecord } from "./record-store.ts";
import { isStored } from "./totals.ts";

/** Why the caches did less than they could have done, from what the records say. */
export interface Finding {
  readonly cause: Cause;
  /** How many requests it concerns. */
  readonly requests: number;
  /** Prompt tokens that were computed again because of it; undefined where it is not about those. */
  readonly tokens: number | undefined;
  /** The first prompt token that differed, by the server's account; the lowest of all requests. */
  readonly position: number | undefined;
}

export type Cause =
  | "evicted-from-disk"
  | "evicted-from-memory"
  | "expired"
  | "bypassed"
  | "new-questions"
  | "tools-changed"
  | "system-changed"
  | "prefix-evicted"
  | "prompt-cache-expired";

/** Anthropic's prompt cache forgets after five minutes, unless an hour was asked for. */
const promptCacheMs = 5 * 60_000;

/** The costliest first. Expects records in the order in which they began. */
export function diagnose(records: readonly StoredRecord[]): readonly Finding[] {
  const cases = [...responseCases(records), ...prefixCases(records)];
  const findings = [...Map.groupBy(cases, ({ cause }) => cause)].map(([cause, found]) => {
    const tokens = found.flatMap((each) => each.tokens ?? []);
    const positions = found.flatMap((each) => each.position ?? []);
    return {
      cause,
      requests: found.length,
      tokens: tokens.length > 0 ? tokens.reduce((sum, count) => sum + count, 0) : undefined,
      position: positions.length > 0 ? Math.min(...positions) : undefined,
    };
  });
  return findings.toSorted((a, b) => (b.tokens ?? 0) - (a.tokens ?? 0) || b.requests - a.requests);
}

interface Case {
  readonly cause: Cause;
  readonly tokens?: number | undefined;
  readonly position?: number | undefined;
}

/** What the response cache could not answer, or only from its slower tier. */
function* responseCases(records: readonly StoredRecord[]): Generator<Case> {
  /** Evictions so far when a question was last answered, by question. */
  const answered = new Map<string, { readonly memory: number; readonly disk: number }>();
  let [memory, disk] = [0, 0];
  for (const record of records) {
    if (record.question === undefined || record.responseCache === undefined) continue;
    const before = answered.get(record.question);
    if (record.responseCache === "sqlite") {
      if (before && memory > before.memory) yield { cause: "evicted-from-memory" };
    } else if (record.responseMiss === "expired") yield { cause: "expired" };
    else if (record.responseMiss === "bypassed") yield { cause: "bypassed" };
    else if (record.responseMiss === "absent") {
      if (!before) yield { cause: "new-questions" };
      else if (disk > before.disk) yield { cause: "evicted-from-disk" };
    }
    memory += record.evictedFromMemory;
    disk += record.evictedFromDisk;
    if (record.isStored || isStored(record)) answered.set(record.question, { memory, disk });
  }
}

/** Where a prompt parted from the one before it in the same conversation. */
function* prefixCases(records: readonly StoredRecord[]): Generator<Case> {
  const last = new Map<string, StoredRecord>();
  for (const record of records) {
    if (isStored(record) || record.session === undefined) continue;
    const { session, agent, requestClass, model } = record;
    const conversation = JSON.stringify([session, agent, requestClass, model]);
    const before = last.get(conversation);
    const cause = before && causeOf(record, before);
    if (cause) {
      yield { cause, tokens: record.prefixTokensCreated, position: record.missPosition };
    }
    if (record.outcome === "answered") last.set(conversation, record);
  }
}

function causeOf(record: StoredRecord, before: StoredRecord): Cause | undefined {
  if (differ(record.tools, before.tools)) return "tools-changed";
  if (differ(record.system, before.system)) return "system-changed";
  if (record.missReason === "evicted") return "prefix-evicted";
  const isForgotten = record.mode === "claude" && record.prefixTokensReused === 0 &&
    (before.prefixTokensReused ?? 0) + (before.prefixTokensCreated ?? 0) > 0 &&
    record.startedAt - before.startedAt > promptCacheMs;
  return isForgotten ? "prompt-cache-expired" : undefined;
}

function differ(one: string | undefined, other: string | undefined): boolean {
  return one !== undefined && other !== undefined && one !== other;
}
