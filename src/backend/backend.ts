import type { MessageEvent, MessagesRequest } from "../protocol/anthropic.ts";
import type { Alteration } from "../translate/answer/stream.ts";

/** Whoever answers a message. Speaks Anthropic's vocabulary; translation is its own affair. */
export interface Backend {
  /**
   * The answer as a legal event stream. Failures are `ProxyError`s, thrown from the first `next()`
   * wherever possible. Ends early when `call.signal` aborts, and then stops the upstream too.
   */
  stream(request: MessagesRequest, call: BackendCall): AsyncIterable<MessageEvent>;
  countTokens(request: MessagesRequest, signal: AbortSignal): Promise<TokenCount>;
  models(signal: AbortSignal): Promise<readonly ModelInfo[]>;
}

export interface BackendCall {
  readonly signal: AbortSignal;
  /** Session, agent and request class, from the client's headers. */
  readonly origin: RequestOrigin;
  /** Asks for an answer made now: what is stored may not be given again. */
  readonly isFresh: boolean;
  /** Called with what the backend says about its own work, as soon as it says so. */
  readonly observe: (observation: Observation) => void;
}

export interface RequestOrigin {
  readonly session: string | undefined;
  readonly agent: string | undefined;
  readonly requestClass: "main" | "subagent" | "auxiliary" | "compaction" | undefined;
}

/** Everything is optional: what a backend does not report stays unknown. */
export interface Observation {
  readonly prompt?: PromptIdentity;
  /** What the response cache had: the tier that answered, or `miss`. */
  readonly responseCache?: ResponseCacheOutcome;
  readonly responseMiss?: ResponseMiss;
  /** What was done to the answer on its way: then it is not what the model said, and never kept. */
  readonly altered?: Alteration;
  /** True when the answer was kept for the next one who asks. */
  readonly isStored?: boolean;
  /** Stored answers that had to leave for this one. */
  readonly evicted?: Evicted;
  /** How long a stored answer had taken to make, from the question to its end. */
  readonly generationMs?: number;
  readonly promptTokens?: number;
  /** Prompt tokens that the backend's prefix cache already had. */
  readonly cachedTokens?: number;
  /** Why the rest had to be computed, from which token on and what stands there. */
  readonly miss?: {
    readonly reason: string;
    readonly position: number;
    readonly part: string | undefined;
  };
  /** Prompt tokens of system and tools, which stand at its start. */
  readonly instructionTokens?: number;
  readonly prefillSeconds?: number;
  readonly decodeSeconds?: number;
}

/** `flight`: the same question was being answered already, and the answer was shared. */
export type ResponseCacheOutcome = "memory" | "sqlite" | "flight" | "miss";

/** Expired: it was there, too old. Bypassed: a stored answer was not wanted. */
export type ResponseMiss = "absent" | "expired" | "bypassed";

export interface Evicted {
  readonly memory: number;
  readonly disk: number;
}

/** Hashes: equal for equal text. They tell what has changed without holding any of it. */
export interface PromptIdentity {
  readonly system: string;
  readonly tools: string;
  /** Of all that can change the answer. */
  readonly question: string;
}

export interface TokenCount {
  readonly inputTokens: number;
  /** False when the number is an estimate. */
  readonly exact: boolean;
}

export interface ModelInfo {
  readonly id: string;
  /** Tokens; undefined when the server does not say. */
  readonly contextLength: number | undefined;
}
