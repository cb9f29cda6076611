import { type CallForm, callForms } from "./call-forms.ts";
import { begins } from "./call-opening.ts";
import type { DeclaredTools } from "../declared-tools.ts";
import type { Reading, TextCall } from "./text-call.ts";

/** What a text turned out to be, in order. */
export type Heard = { readonly text: string } | { readonly call: TextCall };

/** How often what begins like a call may turn out not to be one, before no more is looked for. */
const maxMistakes = 32;
/** A model that says nothing but blanks is not about to call. */
const maxBlanks = 4096;
const firsts = new Set([..."<[{`"]);
/** Left over where a model forgot to open what it closes. */
const strayEnd = "</tool_call>";

/**
 * Finds calls that a model wrote into its text, because its server does not know how the model
 * writes them. A call is one only at the start of a line, outside fenced code, with the name of a
 * tool that the request has, and if it can be read to its end. All else stays the text that it is;
 * held back is only what may still become a call.
 */
export class TextCalls {
  readonly #tools: DeclaredTools;
  readonly #forms: readonly CallForm[];
  #held = "";
  #place: "line start" | "in line" | CallForm = "line start";
  /** Where in what is held the words begin that may be a call. */
  #wordsAt = 0;
  /** From where on their end mark is looked for. */
  #searched = 0;
  /** The last of what is held, where the beginning of their end mark may stand. */
  #last = "";
  /** What opened the code that we are in. */
  #fence = "";
  /** The line that we are in, where it may open or close fenced code. */
  #line: string | undefined;
  #isFirst = true;
  #isBehindCall = false;
  #mistakes = 0;
  #heard: Heard[] = [];

  /** `isFormatted`: the answer is to be JSON, so that JSON alone says nothing. */
  constructor(tools: DeclaredTools, isFormatted: boolean) {
    this.#tools = tools;
    const known = tools.names.length > 0 ? callForms : [];
    this.#forms = known.filter(({ isWhole }) => !(isWhole && isFormatted));
  }

  feed(text: string): Heard[] {
    if (this.#forms.length === 0) return [{ text }];
    const isWaiting = typeof this.#place === "object" && !this.#meetsEnd(this.#place, text);
    this.#held += text;
    // Not looked at before it can be decided: a long call would be read again with every piece.
    if (isWaiting) return [];
    this.#advance(false);
    return this.#taken();
  }

  /** Nothing of this text follows: something else does, or the answer ends, or is cut off. */
  finish(next: "thinking" | "call" | "end" | "cut"): Heard[] {
    this.#advance(true, next === "cut");
    // Blank lines behind a call are the template's.
    if (this.#held !== "" && !this.#isBehindCall) this.#heard.push({ text: this.#held });
    this.#held = "";
    this.#place = "line start";
    this.#fence = "";
    if (next === "call") this.#isFirst = false;
    return this.#taken();
  }

  #meetsEnd({ end }: CallForm, text: string): boolean {
    if (end === undefined) return false;
    const last = this.#last + text;
    this.#last = last.slice(1 - end.length);
    return last.includes(end);
  }

  #taken(): Heard[] {
    const heard = this.#heard;
    this.#heard = [];
    return heard;
  }

  #advance(isOver: boolean, isCut = false): void {
    let goesOn = true;
    while (goesOn && this.#held !== "") {
      if (this.#place === "in line") this.#passLine();
      else if (this.#place === "line start") goesOn = this.#beginLine(isOver);
      else goesOn = this.#endCall(this.#place, isOver, isCut);
    }
  }

  #passLine(): void {
    const end = this.#held.indexOf("\n");
    const said = this.#pass(end < 0 ? this.#held.length : end);
    if (this.#line !== undefined) this.#line += said;
    if (end < 0) return;
    this.#place = "line start";
    if (this.#line !== undefined) this.#seeFence(this.#line);
  }

  /** False when more has to be heard to know what begins here. */
  #beginLine(isOver: boolean): boolean {
    const words = this.#held.trimStart();
    if (words === "") {
      if (this.#held.length > maxBlanks) this.#pass(this.#held.length);
      return false;
    }
    this.#wordsAt = this.#held.length - words.length;
    const found = this.#formOf(words);
    if (found === "perhaps" && !isOver) return false;
    if (typeof found === "object") {
      this.#place = found;
      this.#searched = this.#wordsAt;
    } else if (found === "noise") this.#held = words.slice(strayEnd.length);
    else this.#sayLine();
    return true;
  }

  #formOf(words: string): CallForm | "noise" | "perhaps" | "none" {
    if (this.#fence !== "" || this.#mistakes >= maxMistakes) return "none";
    if (!firsts.has(words.charAt(0))) return "none";
    if (this.#isBehindCall && words.startsWith(strayEnd)) return "noise";
    let found: "perhaps" | "none" = this.#isBehindCall && strayEnd.startsWith(words)
      ? "perhaps"
      : "none";
    for (const form of this.#forms) {
      if (form.isWhole && !this.#isFirst) continue;
      for (const opening of form.openings) {
        const result = begins(words, opening, this.#tools.names);
        if (result === "yes") return form;
        if (result === "perhaps") found = result;
      }
    }
    return found;
  }

  #sayLine(): void {
    this.#pass(this.#wordsAt);
    this.#place = "in line";
    this.#line = this.#held.startsWith("`") || this.#held.startsWith("~") ? "" : undefined;
  }

  /** False when its end is to come. */
  #endCall(form: CallForm, isOver: boolean, isCut: boolean): boolean {
    const mark = form.end;
    const at = mark === undefined ? -1 : this.#held.indexOf(mark, this.#searched);
    const isClosed = mark !== undefined && at >= 0;
    if (!isClosed && !isOver) {
      if (mark !== undefined) this.#last = this.#held.slice(1 - mark.length);
      return false;
    }
    const until = isClosed ? at + mark.length : this.#held.length;
    const text = this.#held.slice(this.#wordsAt, until);
    const reading = isCut && !isClosed
      ? undefined
      : form.read({ text, tools: this.#tools, isClosed });
    if (reading === "unfinished" && isClosed && this.#mistakes < maxMistakes) {
      this.#mistakes += 1;
      this.#searched = until;
    } else if (!this.#areCalls(reading)) {
      this.#mistakes += 1;
      this.#sayLine();
    } else {
      this.#heard.push(...reading.map((call) => ({ call })));
      this.#held = this.#held.slice(until);
      this.#place = "line start";
      this.#isFirst = false;
      this.#isBehindCall = true;
    }
    return true;
  }

  #areCalls(reading: Reading): reading is readonly TextCall[] {
    return Array.isArray(reading) && reading.length > 0 &&
      reading.every(({ name }) => this.#tools.has(name));
  }

  /** Gives out as text what comes first in what is held. */
  #pass(length: number): string {
    const text = this.#held.slice(0, length);
    this.#held = this.#held.slice(length);
    if (text === "") return text;
    this.#isFirst = this.#isBehindCall = false;
    const last = this.#heard.at(-1);
    if (last && "text" in last) this.#heard[this.#heard.length - 1] = { text: last.text + text };
    else this.#heard.push({ text });
    return text;
  }

  /** As Markdown has it: closed by as many marks as opened it, with nothing behind them. */
  #seeFence(line: string): void {
    const [, mark = "", behind = ""] = /^(`{3,}|~{3,})([^]*)$/.exec(line) ?? [];
    if (mark === "") return;
    if (this.#fence === "") this.#fence = behind.includes("`") ? "" : mark;
    else if (mark.startsWith(this.#fence) && behind.trim() === "") this.#fence = "";
  }
}
