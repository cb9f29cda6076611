import type { RequestOrigin } from "../backend/backend.ts";

const classes = ["main", "subagent", "auxiliary", "compaction"] as const;

/** Who asks, from the client's hint headers; a request without them is served all the same. */
export function toOrigin(headers: Headers): RequestOrigin {
  const named = headers.get("x-claude-code-request-class");
  return {
    session: headers.get("x-claude-code-session-id") ?? undefined,
    agent: headers.get("x-claude-code-agent-id") ?? undefined,
    requestClass: classes.find((each) => each === named),
  };
}
