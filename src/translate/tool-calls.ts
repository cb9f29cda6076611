import { textOf, type ToolCallDelta } from "../protocol/openai.ts";

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
  json: string;
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
    for (const [position, delta] of deltas.entries()) {
      const index = delta.index ?? (deltas.length > 1 ? position : undefined);
      const call = this.#find(delta, index) ?? this.#begin(index);
      call.id ??= delta.id || undefined;
      if (call.name === "") call.name = textOf(delta.function?.name);
      const json = toJsonText(delta.function?.arguments);
      call.json += json;
      call.waiting += json;
      if (call.number === this.#speaking) yield* this.#speak(call, false);
    }
  }

  /** True while the first call that is being told may still get more of its arguments. */
  get isUnfinished(): boolean {
    return this.#calls.slice(this.#speaking).some(({ json }) => json !== "" && !isComplete(json));
  }

  *finish(): Generator<ToolCallPiece> {
    for (const call of this.#calls.slice(this.#speaking)) yield* this.#speak(call, true);
    this.#speaking = this.#calls.length;
  }

  /** The latest call with this index, or without indexes with this id, unless it is another one. */
  #find({ id, function: named }: ToolCallDelta, index: number | undefined): Call | undefined {
    const call = this.#calls.findLast((each) =>
      index !== undefined && each.index !== undefined
        ? each.index === index
        : !id || each.id === undefined || each.id === id
    );
    return call && isOther(call, id, textOf(named?.name)) ? undefined : call;
  }

  #begin(index: number | undefined): Call {
    const number = this.#calls.length;
    const call: Call = { number, index, id: undefined, name: "", json: "", waiting: "" };
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

/** A name marks a beginning, but some servers repeat it, and some the index or id of another call. */
function isOther(call: Call, id: string | null | undefined, name: string) {
  if (name === "" || call.name === "") return false;
  if (name !== call.name || (id && call.id !== undefined && id !== call.id)) return true;
  return isComplete(call.json);
}

function isComplete(json: string): boolean {
  if (!json.trimEnd().endsWith("}")) return false;
  try {
    JSON.parse(json);
    return true;
  } catch {
    return false; // more is to come
  }
}

function toJsonText(json: string | Readonly<Record<string, unknown>> | null | undefined): string {
  return typeof json === "object" && json !== null ? JSON.stringify(json) : textOf(json);
}
