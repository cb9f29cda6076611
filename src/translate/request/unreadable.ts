import { ProxyError } from "../../core/errors.ts";
import type { Dialect } from "../dialect.ts";
import type { NormalMessage, NormalRequest } from "./normalise.ts";
import { isUnreadable } from "./parts.ts";

/**
 * Refuses a question of which the model would miss a part. Only what the user himself has just put
 * there: further back, and in what a tool gave, a short text in its place lets the session go on.
 */
export function refuseUnreadable({ messages }: NormalRequest, dialect: Dialect): void {
  const answer = messages.findLastIndex(({ role }) => role === "assistant");
  const asked = messages.slice(answer + 1);
  const isOfATool = asked.some(({ content }) => content.some(({ type }) => type === "tool_result"));
  const question = asked.findLast((message) => !isReminder(message));
  const missed = isOfATool
    ? undefined
    : question?.content.find((block) => isUnreadable(block, dialect));
  if (!missed) return;
  const what = missed.type === "image" ? "see the image" : "read the document";
  throw new ProxyError(
    "invalid_request_error",
    `This model cannot ${what} in your last message. Press Esc twice to go back and leave it out, ` +
      "or choose a model that can",
    { final: true },
  );
}

/** The client's own words, or a system message that stays in its place. */
function isReminder({ content }: NormalMessage): boolean {
  return content.every((block) =>
    block.type === "text" && block.text.startsWith("<system-reminder>")
  );
}
