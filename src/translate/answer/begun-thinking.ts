/** No tag with blanks around it is longer. */
const longestLine = 60;

/**
 * Thinking that the prompt has begun: it ends with a line that holds nothing but its tag. Anywhere
 * else the tag may be what is thought about.
 */
export class BegunThinking {
  readonly #close: string;
  #held = "";
  #isLineStart = true;
  /** What is thinking for no other reason; until the end is met it may be text after all. */
  said = "";

  constructor(close: string) {
    this.#close = close;
  }

  /** What of it is thinking, and what follows if this was the end. */
  feed(piece: string): { readonly thinking: string; readonly rest: string | undefined } {
    this.#held += piece;
    let thinking = "";
    for (let end; (end = this.#held.indexOf("\n")) >= 0;) {
      const line = this.#take(end + 1);
      if (this.#isLineStart && line.trim() === this.#close) {
        return { thinking: this.#say(thinking), rest: this.#take(this.#held.length) };
      }
      thinking += line;
      this.#isLineStart = true;
    }
    if (!this.#isLineStart || !this.#mayEnd()) {
      this.#isLineStart &&= this.#held === "";
      thinking += this.#take(this.#held.length);
    }
    return { thinking: this.#say(thinking), rest: undefined };
  }

  /** Nothing of it follows; undefined when this was the end. */
  finish(): string | undefined {
    const last = this.#take(this.#held.length);
    return last.trim() === this.#close ? undefined : this.#say(last);
  }

  #mayEnd(): boolean {
    const begun = this.#held.trim();
    return this.#held.length <= longestLine && this.#close.startsWith(begun);
  }

  #take(length: number): string {
    const text = this.#held.slice(0, length);
    this.#held = this.#held.slice(length);
    return text;
  }

  #say(text: string): string {
    this.said += text;
    return text;
  }
}
