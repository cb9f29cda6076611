export interface Spoken {
  readonly kind: "thinking" | "text";
  readonly text: string;
}

const open = "<think>";
const close = "</think>";

/**
 * Splits off thinking that a server left in the text. Only at the very beginning of an answer:
 * anywhere else the tag may be what the user asked about.
 */
export class ThinkTags {
  #state: "start" | "thinking" | "after" | "text" = "start";
  #held = "";

  *feed(piece: string): Generator<Spoken> {
    if (this.#state === "text") {
      yield { kind: "text", text: piece };
      return;
    }
    this.#held += piece;
    if (this.#state === "start" && !this.#begin()) return;
    if (this.#state === "thinking") yield* this.#think();
    if (this.#state === "after") this.#skipBlank();
    if (this.#isText()) yield* this.#say("text", this.#held.length);
  }

  *finish(): Generator<Spoken> {
    yield* this.#say(this.#state === "thinking" ? "thinking" : "text", this.#held.length);
  }

  /** True once it is known whether the answer begins with the tag. */
  #begin(): boolean {
    const begun = this.#held.trimStart();
    if (begun.startsWith(open)) {
      this.#state = "thinking";
      this.#held = begun.slice(open.length);
      return true;
    }
    if (open.startsWith(begun)) return false;
    this.#state = "text";
    return true;
  }

  *#think(): Generator<Spoken> {
    const end = this.#held.indexOf(close);
    if (end >= 0) {
      yield* this.#say("thinking", end);
      this.#held = this.#held.slice(close.length);
      this.#state = "after";
      return;
    }
    let kept = close.length - 1;
    while (!close.startsWith(this.#held.slice(this.#held.length - kept))) kept -= 1;
    yield* this.#say("thinking", this.#held.length - kept);
  }

  /** Asked in a method, because the type checker does not see that the others change the state. */
  #isText(): boolean {
    return this.#state === "text";
  }

  /** The blank lines behind the tag belong to it; they may come piece by piece. */
  #skipBlank(): void {
    this.#held = this.#held.trimStart();
    if (this.#held !== "") this.#state = "text";
  }

  *#say(kind: Spoken["kind"], length: number): Generator<Spoken> {
    const text = this.#held.slice(0, length);
    this.#held = this.#held.slice(length);
    if (text !== "") yield { kind, text };
  }
}
