/** What one look found. */
export interface Finding {
  /** What was looked at, in a word or two. */
  readonly subject: string;
  /** `warning`: it works, but not as well, or as safely, as it could. */
  readonly status: "ok" | "warning" | "broken";
  readonly says: string;
  /** What the user can do about it; always there when something is wrong. */
  readonly fix?: string;
}

export function ok(subject: string, says: string): Finding {
  return { subject, status: "ok", says };
}

export function warning(subject: string, says: string, fix: string): Finding {
  return { subject, status: "warning", says, fix };
}

export function broken(subject: string, says: string, fix: string): Finding {
  return { subject, status: "broken", says, fix };
}
