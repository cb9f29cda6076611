import type { PromptCost } from "./cost.ts";

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
  readonly promptTokens: number | undefined;
  /** Prompt tokens read from the backend's prefix cache. */
  readonly prefixTokensReused: number | undefined;
  /** Prompt tokens that had to be prefilled. */
  readonly prefixTokensCreated: number | undefined;
  readonly outputTokens: number | undefined;
  readonly missReason: string | undefined;
  readonly timeToFirstTokenMs: number | undefined;
  readonly prefillSeconds: number | undefined;
  readonly decodeSeconds: number | undefined;
  readonly durationMs: number;
  /** USD for the prompt with and without caching; undefined where nothing is charged or known. */
  readonly promptCost: PromptCost | undefined;
}

/** Receives each finished record; must not throw and must not wait. */
export type RecordSink = (record: RequestRecord) => void;
