/** The raw JSON text of a member; of a list, those of its elements. */
export type Slice = string | readonly string[];

export interface JsonSlices {
  /** Undefined when the text is no object, or broken between these pieces. */
  readonly members: ReadonlyMap<string, Slice> | undefined;
  /** How deeply the deepest value is nested that was come across; the object itself is 1. */
  readonly depth: number;
}

/**
 * Cuts the text of a JSON object into the texts of its members without parsing them: whoever has
 * seen such a text before need not parse it again. The text is JSON exactly if every piece is.
 */
export function sliceJson(text: string): JsonSlices {
  const cutter = new Cutter(text);
  const members = cutter.object();
  return { members, depth: cutter.depth };
}

class Cutter {
  readonly #text: string;
  #at = 0;
  #depth = 0;
  depth = 0;

  constructor(text: string) {
    this.#text = text;
  }

  object(): Map<string, Slice> | undefined {
    this.#blank();
    if (!this.#opens(openBrace)) {
      this.#value();
      return undefined;
    }
    const members = new Map<string, Slice>();
    const isClosed = this.#list(closeBrace, () => {
      const name = this.#is(quote) ? nameIn(this.#value()) : undefined;
      this.#blank();
      if (name === undefined || !this.#skip(colon)) return false;
      this.#blank();
      const value = this.#is(openBracket) ? this.#array() : this.#value();
      if (value === undefined) return false;
      members.set(name, value);
      return true;
    });
    this.#blank();
    return isClosed && this.#at === this.#text.length ? members : undefined;
  }

  #array(): readonly string[] | undefined {
    const elements: string[] = [];
    this.#opens(openBracket);
    const isClosed = this.#list(closeBracket, () => elements.push(this.#value()) > 0);
    return isClosed ? elements : undefined;
  }

  /** Items between commas up to the closing bracket; false when they are not that. */
  #list(close: number, item: () => boolean): boolean {
    this.#blank();
    if (!this.#is(close)) {
      do {
        this.#blank();
        if (!item()) return false;
        this.#blank();
      } while (this.#skip(comma));
    }
    this.#depth -= 1;
    return this.#skip(close);
  }

  /** The text up to the end of a value; of what is no value, some text that is no JSON either. */
  #value(): string {
    const from = this.#at;
    if (this.#is(quote)) this.#at = this.#endOfString();
    else if (this.#is(openBrace) || this.#is(openBracket)) this.#nested();
    else while (this.#at < this.#text.length && !endsLiteral(this.#code())) this.#at += 1;
    return this.#text.slice(from, this.#at);
  }

  /** Whether brackets fit each other is for the parser to say: here they only have to be as many. */
  #nested(): void {
    const outside = this.#depth;
    do {
      const code = this.#code();
      if (code === quote) {
        this.#at = this.#endOfString();
        continue;
      }
      if (code === openBrace || code === openBracket) this.#deepen();
      else if (code === closeBrace || code === closeBracket) this.#depth -= 1;
      this.#at += 1;
    } while (this.#depth > outside && this.#at < this.#text.length);
    this.#depth = outside;
  }

  /** Searching for quotes is done by the engine, fast: most of a prompt is text. */
  #endOfString(): number {
    let at = this.#at;
    for (;;) {
      at = this.#text.indexOf('"', at + 1);
      if (at < 0) return this.#text.length;
      let before = at - 1;
      while (this.#text.charCodeAt(before) === backslash) before -= 1;
      if ((at - before) % 2 === 1) return at + 1;
    }
  }

  #deepen(): void {
    this.#depth += 1;
    if (this.#depth > this.depth) this.depth = this.#depth;
  }

  #opens(bracket: number): boolean {
    if (!this.#skip(bracket)) return false;
    this.#deepen();
    return true;
  }

  #skip(code: number): boolean {
    if (!this.#is(code)) return false;
    this.#at += 1;
    return true;
  }

  #blank(): void {
    while (isBlank(this.#code())) this.#at += 1;
  }

  #is(code: number): boolean {
    return this.#code() === code;
  }

  #code(): number {
    return this.#text.charCodeAt(this.#at);
  }
}

function nameIn(json: string): string | undefined {
  try {
    return JSON.parse(json) as string;
  } catch {
    return undefined; // a string with a wrong escape
  }
}

function endsLiteral(code: number): boolean {
  return code === comma || code === closeBrace || code === closeBracket || isBlank(code);
}

/** JSON's four kinds of white space. */
function isBlank(code: number): boolean {
  return code === 0x20 || code === 0x0a || code === 0x0d || code === 0x09;
}

const backslash = 0x5c;
const closeBrace = 0x7d;
const closeBracket = 0x5d;
const colon = 0x3a;
const comma = 0x2c;
const openBrace = 0x7b;
const openBracket = 0x5b;
const quote = 0x22;
