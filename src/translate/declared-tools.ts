import type { ChatTool } from "../protocol/openai.ts";
import type { Schema } from "./repair/argument-types.ts";

/** The tools that a request has, as a model may call them. */
export class DeclaredTools {
  readonly names: readonly string[];
  readonly #schemas: ReadonlyMap<string, Schema>;

  constructor(tools: readonly ChatTool[]) {
    this.#schemas = new Map(tools.map((tool) => [tool.function.name, tool.function.parameters]));
    this.names = [...this.#schemas.keys()];
  }

  has(name: string): boolean {
    return this.#schemas.has(name);
  }

  /** Of the arguments; one that allows everything for a tool that is not declared. */
  schemaOf(name: string): Schema {
    return this.#schemas.get(name) ?? {};
  }

  /** The tool that is meant: models add a namespace or write in lower case. Else the name itself. */
  nameOf(written: string): string {
    if (this.#schemas.has(written)) return written;
    const plain = toPlainName(written);
    if (this.#schemas.has(plain)) return plain;
    const alike = this.names.filter((name) => name.toLowerCase() === plain.toLowerCase());
    return alike.length === 1 ? alike[0] ?? written : written;
  }
}

/** Without the namespace and the number that some families put around it. */
export function toPlainName(written: string): string {
  return written.trim().replace(/^functions\./, "").replace(/:\d+$/, "");
}
