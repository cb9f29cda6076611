import { thinkTags } from "./think-tags.ts";

/** No line with a tag is longer than this. */
const longestLine = 1000;

/**
 * Looks for the end of thinking whose beginning the answer does not have: a line that holds nothing
 * but its tag, and is not code.
 */
export class StrayThinkEnd {
  #line = "";
  #isCode = false;
  #isOver = false;
  /** The tag, once it was met. */
  found: string | undefined;

  feed(text: string): void {
    if (this.#isOver) return;
    const [first = "", ...others] = text.split("\n");
    this.#line += first.slice(0, longestLine - this.#line.length);
    for (const next of others) {
      this.#read(this.#line);
      this.#line = next.slice(0, longestLine);
    }
  }

  /** The text ends here: by itself, or because a call follows. */
  finish(): void {
    if (!this.#isOver) this.#read(this.#line);
    this.#isOver = true;
  }

  #read(line: string): void {
    if (this.#isOver) return;
    if (/^\s*(?:```|~~~)/.test(line)) this.#isCode = !this.#isCode;
    const [, close] = thinkTags.find(([, end]) => !this.#isCode && line.trim() === end) ?? [];
    this.found = close;
    this.#isOver = close !== undefined || thinkTags.some(([open]) => line.includes(open));
  }
}
