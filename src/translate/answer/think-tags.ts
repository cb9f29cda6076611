import { BegunThinking } from "./begun-thinking.ts";

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
  #state: "start" | "begun" | "thinking" | "after" | "text" = "start";
  #close = "";
  #held = "";
  #begun: BegunThinking | undefined;

  /** `thinkEnd`: of thinking that the prompt is said to have begun. */
  constructor(thinkEnd?: string) {
    if (thinkEnd !== undefined) this.#begun = new BegunThinking(thinkEnd);
  }

  /** What was taken for thinking only because it is said to have begun; its end has not come. */
  get unended(): string {
    return this.#begun?.said ?? "";
  }

  feed(piece: string): readonly Spoken[] {
    if (this.#state === "text") return [{ kind: "text", text: piece }];
    this.#held += piece;
    if (this.#state === "start" && !this.#begin()) return [];
    if (this.#begun !== undefined) return this.#goOn(this.#begun);
    const thought = this.#state === "thinking" ? this.#think() : [];
    if (this.#state === "after") this.#skipBlank();
    return this.#isText() ? [...thought, ...this.#say("text", this.#held.length)] : thought;
  }

  finish(): readonly Spoken[] {
    if (this.#state === "begun" && this.#begun) return this.#leave(this.#begun);
    const isHeld = this.#held !== "";
    const last = this.#say(this.#state === "thinking" ? "thinking" : "text", this.#held.length);
    this.#begun = undefined;
    // Something else was said meanwhile: what comes now is not the beginning any more.
    if (this.#state === "after" || (this.#state === "start" && isHeld)) this.#state = "text";
    return last;
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
    this.#state = this.#begun === undefined ? "text" : "begun";
    return true;
  }

  #goOn(begun: BegunThinking): readonly Spoken[] {
    const { thinking, rest } = begun.feed(this.#held);
    this.#held = "";
    if (rest === undefined) return spoken("thinking", thinking);
    this.#state = "after";
    this.#begun = undefined;
    return [...spoken("thinking", thinking), ...this.feed(rest)];
  }

  #leave(begun: BegunThinking): readonly Spoken[] {
    const thinking = begun.finish();
    if (thinking !== undefined) return spoken("thinking", thinking);
    this.#state = "text";
    this.#begun = undefined;
    return [];
  }

  #think(): readonly Spoken[] {
    const close = this.#close;
    const end = this.#held.indexOf(close);
    if (end >= 0) {
      const thought = this.#say("thinking", end);
      this.#held = this.#held.slice(close.length);
      this.#state = "after";
      return thought;
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
    return spoken(kind, text);
  }
}

function spoken(kind: Spoken["kind"], text: string): readonly Spoken[] {
  return text === "" ? [] : [{ kind, text }];
}
