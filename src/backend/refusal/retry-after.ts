export interface RetryHints {
  /** The header of this name. */
  readonly retryAfter: string | null;
  /** The words of the error: some servers say it only there. */
  readonly message: string;
  /** Of the answer, in epoch milliseconds. */
  readonly receivedAt: number;
}

/** Seconds after which the server wants to be asked again; undefined when it does not say. */
export function toRetryAfter({ retryAfter, message, receivedAt }: RetryHints): number | undefined {
  if (retryAfter !== null && retryAfter.trim() !== "") {
    const seconds = Number(retryAfter);
    if (Number.isFinite(seconds)) return Math.max(0, Math.ceil(seconds));
    const at = Date.parse(retryAfter);
    if (Number.isFinite(at)) return Math.max(0, Math.ceil((at - receivedAt) / 1000));
  }
  return secondsIn(message);
}

/** OpenAI's "Please try again in 1m2.5s", Gemini's "Please retry in 37.2s". */
function secondsIn(message: string): number | undefined {
  const span = /\b(?:try again|retry) (?:in|after) ([\d.hms ]+)/i.exec(message)?.[1] ?? "";
  const parts = [...span.matchAll(/(\d+(?:\.\d+)?) ?(ms|[hms])/g)];
  if (parts.length === 0) return undefined;
  const seconds = parts.reduce(
    (sum, [, count, unit = "s"]) => sum + Number(count) * (unitSeconds[unit] ?? 1),
    0,
  );
  return Math.ceil(seconds);
}

const unitSeconds: Readonly<Record<string, number>> = { h: 3600, m: 60, s: 1, ms: 0.001 };
