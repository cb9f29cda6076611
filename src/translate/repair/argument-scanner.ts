import { canBegin, type Types } from "./argument-types.ts";
import { endOf } from "./end-of.ts";

type Place =
  | "before"
  | "key or end"
  | "key"
  | "colon"
  | "value"
  | "value or end"
  | "text"
  | "escape"
  | "scalar"
  | "next"
  | "behind"
  | "odd";

const scalar = /^(?:true|false|null|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?)$/;
const inScalar = /[\w.+-]*/y;
const escape = /^\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})$/;
const plain = /[^"\\\p{Cc}]*/uy;

/** A key, a number or blanks of this many characters are nothing that a tool takes. */
const maxHeld = 4096;

/**
 * Tells, piece by piece, how much of a JSON object is certainly right: its grammar, and the types
 * of its outermost values by their first characters. The first thing that is not right is held with
 * all behind it, and so is what may still have to go: a comma and a key until a value follows.
 */
export class ArgumentScanner {
  readonly #typesOf: (key: string) => Types;
  readonly #open: string[] = [];
  #place: Place = "before";
  #held = "";
  /** From where in `#held` nothing may be given out; -1: all of it may. */
  #holdAt = -1;
  #tokenAt = 0;
  #escapeAt = 0;
  #isKey = false;
  #types: Types;

  constructor(typesOf: (key: string) => Types) {
    this.#typesOf = typesOf;
  }

  /** True once the outermost bracket is closed: what follows cannot belong to it. */
  isComplete = false;

  /** False once something was not right. */
  get isRight(): boolean {
    return this.#place !== "odd";
  }

  get held(): string {
    return this.#held;
  }

  /** What is certainly right by now and was not given out before. */
  feed(piece: string): string {
    let at = this.#held.length;
    const text = this.#held + piece;
    while (at < text.length && this.isRight) at = this.#step(text, at);
    const safe = this.#holdAt < 0 ? text.length : this.#holdAt;
    this.#held = text.slice(safe);
    this.#tokenAt -= safe;
    this.#escapeAt -= safe;
    if (this.#holdAt > 0) this.#holdAt = 0;
    if (this.#held.length > maxHeld) this.#place = "odd";
    return text.slice(0, safe);
  }

  /** Returns where to go on. */
  #step(text: string, at: number): number {
    if (this.#place === "text") return this.#inText(text, at);
    if (this.#place === "escape") return this.#inEscape(text);
    if (this.#place === "scalar") return this.#inScalar(text, at);
    const character = text.charAt(at);
    if (character === " " || character === "\n" || character === "\t" || character === "\r") {
      return at + 1;
    }
    switch (this.#place) {
      case "before":
        return character === "{" ? this.#begin(character, at) : this.#odd(at);
      case "key or end":
        return character === "}" ? this.#end(at) : this.#key(character, at);
      case "key":
        return this.#key(character, at);
      case "colon":
        this.#place = "value";
        return character === ":" ? at + 1 : this.#odd(at);
      case "value or end":
        return character === "]" ? this.#end(at) : this.#value(character, at);
      case "value":
        return this.#value(character, at);
      case "next":
        return this.#next(character, at);
      default:
        return this.#odd(at);
    }
  }

  #begin(bracket: string, at: number): number {
    this.#open.push(bracket);
    this.#place = bracket === "{" ? "key or end" : "value or end";
    if (this.#open.length === 1) this.#holdAt = at + 1;
    return at + 1;
  }

  #end(at: number): number {
    this.#open.pop();
    if (this.#open.length > 0) return this.#ended(at + 1);
    this.#place = "behind";
    this.#holdAt = -1;
    this.isComplete = true;
    return at + 1;
  }

  #ended(at: number): number {
    this.#place = "next";
    this.#holdAt = this.#open.length === 1 ? at : -1;
    return at;
  }

  #next(character: string, at: number): number {
    const bracket = this.#open.at(-1);
    if (character === (bracket === "{" ? "}" : "]")) return this.#end(at);
    if (character !== ",") return this.#odd(at);
    this.#place = bracket === "{" ? "key" : "value";
    if (this.#holdAt < 0) this.#holdAt = at;
    return at + 1;
  }

  #key(character: string, at: number): number {
    if (character !== '"') return this.#odd(at);
    this.#place = "text";
    this.#isKey = true;
    this.#tokenAt = at;
    if (this.#open.length > 1) this.#holdAt = -1;
    return at + 1;
  }

  #value(character: string, at: number): number {
    const types = this.#open.length === 1 ? this.#types : undefined;
    if (!canBegin(types, character)) return this.#odd(at);
    if (character === '"' || character === "{" || character === "[") {
      this.#holdAt = -1;
      if (character !== '"') return this.#begin(character, at);
      this.#place = "text";
      this.#isKey = false;
      return at + 1;
    }
    this.#place = "scalar";
    this.#tokenAt = at;
    if (this.#holdAt < 0) this.#holdAt = at;
    return at + 1;
  }

  #inText(text: string, at: number): number {
    const end = endOf(plain, text, at);
    const character = text.charAt(end);
    if (character === "") return end;
    if (character === "\\") {
      this.#place = "escape";
      this.#escapeAt = end;
      if (this.#holdAt < 0) this.#holdAt = end;
      return end + 1;
    }
    if (character !== '"') return character < " " ? this.#odd(end) : end + 1;
    if (!this.#isKey) return this.#ended(end + 1);
    this.#place = "colon";
    if (this.#open.length === 1) {
      this.#types = this.#typesOf(JSON.parse(text.slice(this.#tokenAt, end + 1)) as string);
    }
    return end + 1;
  }

  #inEscape(text: string): number {
    const end = this.#escapeAt + (text.charAt(this.#escapeAt + 1) === "u" ? 6 : 2);
    if (text.length < end) return text.length;
    if (!escape.test(text.slice(this.#escapeAt, end))) return this.#odd(this.#escapeAt);
    this.#place = "text";
    if (!this.#isKey || this.#open.length > 1) this.#holdAt = -1;
    return end;
  }

  #inScalar(text: string, at: number): number {
    const end = endOf(inScalar, text, at);
    if (end === text.length) return end;
    return scalar.test(text.slice(this.#tokenAt, end)) ? this.#ended(end) : this.#odd(end);
  }

  #odd(at: number): number {
    this.#place = "odd";
    if (this.#holdAt < 0) this.#holdAt = at;
    return at;
  }
}
