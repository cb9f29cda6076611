export interface Mended {
  /** JSON; byte for byte what was given, where that was right. */
  readonly json: string;
  /** Where in the text it ends. */
  readonly end: number;
}

export interface MendOptions {
  /** Whether brackets that are missing at the end of the text are added. */
  readonly mayClose?: boolean;
  /** What the value of an outermost member becomes; undefined: the member is left out. */
  readonly member?: (key: string, json: string) => string | undefined;
}

const deepest = 200;
const blanks = /[ \t\r\n]*/y;
const number = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?(?![\w.+-])/y;
const word = /[A-Za-z_$][\w$-]*/y;
const plain = { '"': /[^"\\\p{Cc}]*/uy, "'": /[^'"\\\p{Cc}]*/uy } as const;
const escape = /\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})/y;
const beginOfEscape = /\\(?:u[0-9a-fA-F]{0,3})?$/y;
const words = new Map([
  ["true", "true"],
  ["false", "false"],
  ["null", "null"],
  ["True", "true"],
  ["False", "false"],
  ["None", "null"],
]);

/**
 * The JSON value that begins at `start`, with what can be meant in one way only: Python's words and
 * quotes, keys without quotes, line ends inside of texts, a comma too many, brackets that are
 * missing at the end. `unfinished` where more text could make it right, `broken` where none could.
 */
export function mendJson(
  text: string,
  start: number,
  options: MendOptions = {},
): Mended | "unfinished" | "broken" {
  const mender = new Mender(text, start, options);
  try {
    const json = mender.value(0);
    return { json, end: mender.at };
  } catch (error) {
    if (error instanceof Unreadable) return error.kind;
    throw error;
  }
}

class Unreadable extends Error {
  readonly kind: "unfinished" | "broken";

  constructor(kind: "unfinished" | "broken") {
    super(kind);
    this.kind = kind;
  }
}

class Mender {
  at: number;
  readonly #text: string;
  readonly #options: MendOptions;

  constructor(text: string, at: number, options: MendOptions) {
    this.#text = text;
    this.at = at;
    this.#options = options;
  }

  value(depth: number): string {
    const character = this.#peek();
    if (character === "" || depth > deepest) throw this.#unreadable();
    if (character === "{") return this.#object(depth + 1);
    if (character === "[") return this.#array(depth + 1);
    if (character === '"' || character === "'") return this.#string(character);
    const found = this.#take(number);
    if (found !== "") return found;
    const known = words.get(this.#take(word));
    if (known === undefined) throw this.#unreadable();
    return known;
  }

  #object(depth: number): string {
    this.at += 1;
    let json = `{${this.#take(blanks)}`;
    let between = "";
    if (this.#skip("}")) return `${json}}`;
    for (;;) {
      const key = this.#key();
      const colon = `${this.#take(blanks)}${this.#expect(":")}${this.#take(blanks)}`;
      const value = this.value(depth);
      const { member } = this.#options;
      const kept = depth === 1 && member ? member(JSON.parse(key) as string, value) : value;
      if (kept !== undefined) json += `${between}${key}${colon}${kept}`;
      const next = this.#next("}");
      if (next.isEnd) return `${json}${next.text}`;
      between = kept === undefined ? between : next.text;
    }
  }

  #array(depth: number): string {
    this.at += 1;
    let json = `[${this.#take(blanks)}`;
    if (this.#skip("]")) return `${json}]`;
    for (;;) {
      json += this.value(depth);
      const { text, isEnd } = this.#next("]");
      json += text;
      if (isEnd) return json;
    }
  }

  /** What stands behind a member: a comma, the end, or a comma before the end that is dropped. */
  #next(close: "}" | "]"): { readonly text: string; readonly isEnd: boolean } {
    const before = this.#take(blanks);
    if (this.#skip(close)) return { text: before + close, isEnd: true };
    if (this.at === this.#text.length && this.#options.mayClose) {
      return { text: before + close, isEnd: true };
    }
    this.#expect(",");
    const behind = this.#take(blanks);
    if (this.#skip(close)) return { text: before + behind + close, isEnd: true };
    return { text: `${before},${behind}`, isEnd: false };
  }

  #key(): string {
    const character = this.#peek();
    if (character === '"' || character === "'") return this.#string(character);
    const bare = this.#take(word);
    if (bare === "") throw this.#unreadable();
    return JSON.stringify(bare);
  }

  #string(quote: '"' | "'"): string {
    this.at += 1;
    let json = '"';
    for (;;) {
      json += this.#take(plain[quote]);
      const character = this.#peek();
      if (character === "") throw this.#unreadable();
      if (character === "\\") json += this.#escape();
      else {
        this.at += 1;
        if (character === quote) break;
        json += character === '"' ? '\\"' : escaped(character);
      }
    }
    return `${json}"`;
  }

  #escape(): string {
    if (this.#text.startsWith("\\'", this.at)) {
      this.at += 2;
      return "'";
    }
    const found = this.#take(escape);
    if (found !== "") return found;
    throw new Unreadable(this.#stands(beginOfEscape) ? "unfinished" : "broken");
  }

  #expect(character: string): string {
    if (!this.#skip(character)) throw this.#unreadable();
    return character;
  }

  #skip(character: string): boolean {
    if (this.#peek() !== character) return false;
    this.at += 1;
    return true;
  }

  #peek(): string {
    return this.#text.charAt(this.at);
  }

  #take(pattern: RegExp): string {
    const from = this.at;
    if (!this.#stands(pattern)) return "";
    this.at = pattern.lastIndex;
    return this.#text.slice(from, this.at);
  }

  #stands(pattern: RegExp): boolean {
    pattern.lastIndex = this.at;
    return pattern.test(this.#text);
  }

  #unreadable(): Unreadable {
    return new Unreadable(this.at >= this.#text.length ? "unfinished" : "broken");
  }
}

function escaped(character: string): string {
  return JSON.stringify(character).slice(1, -1);
}
