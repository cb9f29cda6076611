export interface Spoken {
  readonly kind: "thinking" | "text";
  readonly text: string;
}

/** Qwen, DeepSeek, GLM and most others; Mistral; Seed; Cohere. */
export const thinkTags: readonly (readonly [open: string, close: string])[] = [
  ["<think>", "</think>"],
  ["[THINK]", "[/THINK]"],
  ["<seed:think>", "</seed:think>"],
  ["<|START_THINKING|>", "<|END_THINKING|>"],
];

/**
 * Splits off thinking that a server left in the text. Only at the very beginning of an answer:
 * anywhere else the tag may be what the user asked about.
 */
export class ThinkTags {
  #state: "start" | "thinking" | "after" | "text" = "start";
  #close = "";
  #held = "";
  #begun: string | undefined;
  /** What was taken for thinking because of `begun` alone, as long as its end has not come. */
  unended = "";

  /** `begun`: the end of thinking that the prompt is said to have begun. */
  constructor(begun?: string) {
    this.#begun = begun;
  }

  feed(piece: string): readonly Spoken[] {
    if (this.#state === "text") return [{ kind: "text", text: piece }];
    this.#held += piece;
    if (this.#state === "start" && !this.#begin()) return [];
    const spoken = this.#state === "thinking" ? this.#think() : [];
    if (this.#state === "after") this.#skipBlank();
    return this.#isText() ? [...spoken, ...this.#say("text", this.#held.length)] : spoken;
  }

  finish(): readonly Spoken[] {
    const isHeld = this.#held !== "";
    const spoken = this.#say(this.#state === "thinking" ? "thinking" : "text", this.#held.length);
    if (this.#state === "start") this.#begun = undefined;
    // Something else was said meanwhile: what comes now is not the beginning any more.
    if (this.#state === "after" || (this.#state === "start" && isHeld)) this.#state = "text";
    return spoken;
  }

  /** True once it is known whether the answer begins with a tag. */
  #begin(): boolean {
    const begun = this.#held.trimStart();
    const tag = thinkTags.find(([open]) => begun.startsWith(open));
    if (tag) {
      this.#state = "thinking";
      this.#begun = undefined;
      this.#close = tag[1];
      this.#held = begun.slice(tag[0].length);
      return true;
    }
    if (thinkTags.some(([open]) => open.startsWith(begun))) return false;
    this.#state = this.#begun === undefined ? "text" : "thinking";
    this.#close = this.#begun ?? "";
    return true;
  }

  #think(): readonly Spoken[] {
    const close = this.#close;
    const end = this.#held.indexOf(close);
    if (end >= 0) {
      const spoken = this.#say("thinking", end);
      this.#held = this.#held.slice(close.length);
      this.#state = "after";
      this.unended = "";
      return spoken;
    }
    let kept = Math.min(close.length - 1, this.#held.length);
    while (!close.startsWith(this.#held.slice(this.#held.length - kept))) kept -= 1;
    return this.#say("thinking", this.#held.length - kept);
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

  #say(kind: Spoken["kind"], length: number): readonly Spoken[] {
    const text = this.#held.slice(0, length);
    this.#held = this.#held.slice(length);
    if (kind === "thinking" && this.#begun !== undefined) this.unended += text;
    return text === "" ? [] : [{ kind, text }];
  }
}
