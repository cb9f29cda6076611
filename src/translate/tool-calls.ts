import type { ToolCallDelta } from "../protocol/openai.ts";

export interface ToolCallPiece {
  /** Number of the call within the answer. */
  readonly call: number;
  readonly name: string;
  /** A piece of the arguments' JSON text; empty when the call only begins. */
  readonly json: string;
}

interface Call {
  readonly number: number;
  readonly index: number | undefined;
  id: string | undefined;
  name: string;
  waiting: string;
}

/**
 * Gives out whole calls one after another, whatever order their pieces come in: the first one as
 * it comes, pieces of later ones when it is certain that the earlier ones are complete.
 */
export class ToolCalls {
  readonly #calls: Call[] = [];
  #speaking = 0;

  get count(): number {
    return this.#calls.length;
  }

  *feed(deltas: readonly ToolCallDelta[]): Generator<ToolCallPiece> {
    for (const delta of deltas) {
      const call = this.#find(delta) ?? this.#begin(delta);
      call.id ??= delta.id || undefined;
      if (call.name === "") call.name = delta.function?.name ?? "";
      call.waiting += toJsonText(delta.function?.arguments);
      if (call.number === this.#speaking) yield* this.#speak(call, false);
    }
  }

  /** Everything that had to wait: no piece of an earlier call can come any more. */
  *finish(): Generator<ToolCallPiece> {
    for (const call of this.#calls.slice(this.#speaking)) yield* this.#speak(call, true);
    this.#speaking = this.#calls.length;
  }

  /** By id, else by index, else the last one; an unknown id or name at a known index is new. */
  #find(delta: ToolCallDelta): Call | undefined {
    const { id, index } = delta;
    const name = delta.function?.name;
    const byId = id ? this.#calls.find((call) => call.id === id) : undefined;
    if (byId && (index == null || byId.index === index)) return byId;
    if (index == null) return id || name ? undefined : this.#calls.at(-1);
    const byIndex = this.#calls.findLast((call) => call.index === index);
    const isOther = byIndex?.id !== undefined && id && byIndex.id !== id;
    return isOther ? undefined : byIndex;
  }

  #begin({ index, id }: ToolCallDelta): Call {
    const call: Call = {
      number: this.#calls.length,
      index: index ?? undefined,
      id: id || undefined,
      name: "",
      waiting: "",
    };
    this.#calls.push(call);
    return call;
  }

  /** A call without a name cannot begin; at the end it is given out as it is. */
  *#speak(call: Call, ending: boolean): Generator<ToolCallPiece> {
    if (call.name === "" && !ending) return;
    yield { call: call.number, name: call.name || "unknown", json: call.waiting };
    call.waiting = "";
  }
}

function toJsonText(json: string | Readonly<Record<string, unknown>> | null | undefined): string {
  if (json === null || json === undefined) return "";
  return typeof json === "string" ? json : JSON.stringify(json);
}
