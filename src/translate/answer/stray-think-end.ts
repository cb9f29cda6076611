import { thinkTags } from "./think-tags.ts";

const opens = thinkTags.map(([open]) => escaped(open)).join("|");
const closes = thinkTags.map(([, close]) => escaped(close)).join("|");
/** What comes first of both; an end at the end of a line, and not as somebody would quote it. */
const marks = new RegExp(`(?:${opens})|(?:^|[^\`'"])(${closes})[ \\t]*\\n`);
const longest = 40;

/** Looks for the end of thinking whose beginning the answer does not have. */
export class StrayThinkEnd {
  #last = "";
  #isOver = false;
  /** The tag, once it was met. */
  found: string | undefined;

  feed(text: string): void {
    if (this.#isOver) return;
    const seen = this.#last + text;
    const [mark, close] = marks.exec(seen) ?? [];
    this.#isOver = mark !== undefined;
    this.found = close;
    this.#last = seen.slice(-longest);
  }

  /** The text ends here, or a call interrupts it. */
  finish(): void {
    this.feed("\n");
    this.#isOver = true;
  }
}

function escaped(text: string): string {
  return text.replace(/[[\]|/]/g, "\\$&");
}
