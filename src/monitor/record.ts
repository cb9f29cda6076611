import type { PromptCost } from "./prices.ts";

/**
 * One line of truth per request; every number that a user sees is computed from these.
 * `undefined` means unknown: nothing in here is guessed. Holds no prompt text.
 */
export interface RequestRecord {
  readonly startedAt: number;
  readonly mode: "mlx" | "openai" | "claude";
  readonly requestClass: string | undefined;
  readonly session: string | undefined;
  readonly agent: string | undefined;
  readonly model: string;
  readonly outcome: "answered" | "failed" | "cancelled";
  /** HTTP status of a failure. */
  readonly status: number | undefined;
  /** The tier of the response cache that answered, or `miss`; undefined without a cache. */
  readonly responseCache: "memory" | "sqlite" | "flight" | "miss" | undefined;
  /** Of a miss. Expired: too old. Bypassed: a stored answer was not wanted. */
  readonly responseMiss: "absent" | "expired" | "bypassed" | undefined;
  /** True when the answer was kept for the next one who asks. */
  readonly isStored: boolean;
  /** Stored answers that had to leave memory, and the disk, for this one. */
  readonly evictedFromMemory: number;
  readonly evictedFromDisk: number;
  /** Hashes of everything that was asked, of the system prompt, and of the tools. */
  readonly question: string | undefined;
  readonly system: string | undefined;
  readonly tools: string | undefined;
  /** Prompt tokens of system and tools, which stand at its start. */
  readonly instructionTokens: number | undefined;
  readonly instructionTokensReused: number | undefined;
  readonly promptTokens: number | undefined;
  /** Prompt tokens read from the backend's prefix cache. */
  readonly prefixTokensReused: number | undefined;
  /** Prompt tokens that had to be prefilled. */
  readonly prefixTokensCreated: number | undefined;
  readonly outputTokens: number | undefined;
  /** Why the prefix cache did not have more of the prompt, in the server's words. */
  readonly missReason: string | undefined;
  /** The first prompt token that it did not have. */
  readonly missPosition: number | undefined;
  /** What stands there: `instructions`, or `message 4 (tool)`. */
  readonly missPart: string | undefined;
  readonly timeToFirstTokenMs: number | undefined;
  readonly prefillSeconds: number | undefined;
  readonly decodeSeconds: number | undefined;
  readonly durationMs: number;
  /** How long an answer of the response cache had taken to make. */
  readonly generationMs: number | undefined;
  /** USD for the prompt with and without caching; undefined where nothing is charged or known. */
  readonly promptCost: PromptCost | undefined;
}

/** Enough of each hash to tell questions apart; undefined where the request could not be read. */
export function toShortIdentity(
  prompt:
    | { readonly question: string; readonly system: string; readonly tools: string }
    | undefined,
): Pick<RequestRecord, "question" | "system" | "tools"> {
  const short = (hash: string | undefined) => hash?.slice(0, 16);
  return {
    question: short(prompt?.question),
    system: short(prompt?.system),
    tools: short(prompt?.tools),
  };
}

/** Receives each finished record; must not throw and must not wait. */
export type RecordSink = (record: RequestRecord) => void;
