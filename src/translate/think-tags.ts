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
  #state: "start" | "thinking" | "text" = "start";
  #held = "";

  *feed(piece: string): Generator<Spoken> {
    if (this.#state === "text") {
      yield { kind: "text", text: piece };
      return;
    }
    this.#held += piece;
    if (this.#state === "start" && !this.#begin()) return;
    if (this.#state === "thinking") yield* this.#think();
    else yield* this.#say("text", this.#held.length);
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
      this.#held = this.#held.slice(close.length).trimStart();
      this.#state = "text";
      yield* this.#say("text", this.#held.length);
      return;
    }
    let kept = close.length - 1;
    while (!close.startsWith(this.#held.slice(this.#held.length - kept))) kept -= 1;
    yield* this.#say("thinking", this.#held.length - kept);
  }

  *#say(kind: Spoken["kind"], length: number): Generator<Spoken> {
    const text = this.#held.slice(0, length);
    this.#held = this.#held.slice(length);
    if (text !== "") yield { kind, text };
  }
}
