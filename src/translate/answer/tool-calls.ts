import { ArgumentRepair } from "../repair/argument-repair.ts";
import type { DeclaredTools } from "../declared-tools.ts";
import type { CallPart } from "./delta.ts";
import type { RepeatedCalls } from "./repeated-calls.ts";
import { argumentLimits, endless, TextLoop } from "./text-loop.ts";

export interface ToolCallPiece {
  /** Number of the call within the answer. */
  readonly call: number;
  readonly name: string;
  /** A piece of the arguments' JSON text; empty when the call only begins. */
  readonly json: string;
}

interface Call {
  readonly index: unknown;
  readonly arguments: ArgumentRepair;
  readonly loop: TextLoop;
  id: string;
  /** Its name as far as the server has said it, and the tool that is meant. */
  written: string;
  name: string;
  /** Of the arguments: may be told, and was not. */
  ready: string;
  isJudged: boolean;
}

/**
 * Gives out whole calls one after another, whatever order their pieces come in: the first one as
 * it comes, pieces of later ones when it is certain that the earlier ones are complete.
 */
export class ToolCalls {
  readonly #tools: DeclaredTools;
  readonly #repeated: RepeatedCalls;
  readonly #calls: Call[] = [];
  /** In the order in which they are told. */
  readonly #told: Call[] = [];
  #speaking = 0;
  #reason: string | undefined;

  constructor(tools: DeclaredTools, repeated: RepeatedCalls) {
    this.#tools = tools;
    this.#repeated = repeated;
  }

  /** How many calls were begun to be told. */
  get count(): number {
    return this.#told.length;
  }

  /** How many were heard of. */
  get begun(): number {
    return this.#calls.length;
  }

  /** True when a call is told otherwise than the model made it. */
  get isAltered(): boolean {
    return this.#calls.some((call) => call.name !== call.written || call.arguments.isAltered);
  }

  /** Why the answer has to end here: from then on nothing is given out. */
  get reasonToEnd(): string | undefined {
    return this.#reason;
  }

  /** True while the call that is being told, or one that waits, may get its name or arguments. */
  get isUnfinished(): boolean {
    return this.#calls.slice(this.#speaking)
      .some(({ name, arguments: { isComplete } }) => name === "" || !isComplete);
  }

  feed(parts: readonly CallPart[]): ToolCallPiece[] {
    for (const part of parts) this.#take(part);
    return this.#advance();
  }

  /** A call that was found whole. */
  add(name: string, json: string): ToolCallPiece[] {
    const earlier = this.finish(false);
    const call = this.#begin(undefined, name);
    call.ready = call.arguments.feed(json);
    return [...earlier, ...this.finish(false)];
  }

  /** Nothing more comes for what has begun. `isCut`: although more was to come. */
  finish(isCut: boolean): ToolCallPiece[] {
    const pieces: ToolCallPiece[] = [];
    for (const call of this.#calls.slice(this.#speaking)) {
      call.ready += call.arguments.finish(isCut);
      if (call.name !== "" || call.ready !== "") pieces.push(...this.#tell(call, true));
    }
    this.#speaking = this.#calls.length;
    return pieces;
  }

  #take(part: CallPart): void {
    const call = this.#find(part) ?? this.#begin(part.index, "");
    call.id ||= part.id;
    if (part.name !== "") this.#hearName(call, part.name);
    const length = call.loop.feed(part.json);
    if (call.loop.isFound) this.#reason ??= endless;
    call.ready += call.arguments.feed(part.json.slice(0, length));
  }

  #hearName(call: Call, name: string): void {
    if (call.written === "") call.written = name;
    else if (this.#isGoingOn(call, name)) call.written += name;
    call.name = this.#tools.nameOf(call.written);
  }

  /** Names may come in pieces, in front of the arguments. */
  #isGoingOn({ written, arguments: { isEmpty } }: Call, name: string): boolean {
    return isEmpty && this.#tools.names.some((each) => each.startsWith(written + name));
  }

  /**
   * The latest call with this index, or without indexes with this id, unless it is another one. Of
   * several with one index the id tells which.
   */
  #find(part: CallPart): Call | undefined {
    const { id, index } = part;
    const isKnown = (each: Call) =>
      index !== undefined && each.index !== undefined
        ? each.index === index
        : id === "" || each.id === "" || each.id === id;
    const named = id === ""
      ? undefined
      : this.#calls.findLast((each) => each.id === id && isKnown(each));
    const call = named ?? this.#calls.findLast(isKnown);
    return call && this.#isOther(call, part) ? undefined : call;
  }

  /** A name marks a beginning, but some servers repeat it, and some the index or id of another call. */
  #isOther(call: Call, { id, name }: CallPart): boolean {
    if (name === "" || call.written === "" || this.#isGoingOn(call, name)) return false;
    if (id !== "" && call.id !== "" && id !== call.id) return true;
    return this.#tools.nameOf(name) !== call.name || call.arguments.couldEnd();
  }

  #begin(index: unknown, name: string): Call {
    const call: Call = {
      ...{ index, id: "", written: name, name, ready: "", isJudged: false },
      loop: new TextLoop(argumentLimits),
      arguments: new ArgumentRepair(() => this.#tools.schemaOf(call.name)),
    };
    this.#calls.splice(this.#placeOf(index), 0, call);
    return call;
  }

  /** Behind all others, but for those that wait and stand behind it by their numbers. */
  #placeOf(index: unknown): number {
    const isFresh = typeof index === "number" && !this.#calls.some((each) => each.index === index);
    const place = this.#calls.findIndex((each) =>
      isFresh && typeof each.index === "number" && each.index > index && !this.#told.includes(each)
    );
    return place < 0 ? this.#calls.length : place;
  }

  /** What can be told by now. A call whose name may not be complete cannot begin. */
  #advance(): ToolCallPiece[] {
    const pieces: ToolCallPiece[] = [];
    for (;;) {
      const call = this.#calls[this.#speaking];
      if (!call || call.name === "" || call.arguments.isEmpty) return pieces;
      const { isComplete } = call.arguments;
      if (isComplete || !this.#isHeld(call)) {
        pieces.push(...this.#tell(call, isComplete));
      }
      if (!isComplete || call === this.#calls.at(-1)) return pieces;
      call.ready += call.arguments.finish(false);
      pieces.push(...this.#tell(call, true));
      this.#speaking += 1;
    }
  }

  #tell(call: Call, isWhole: boolean): ToolCallPiece[] {
    const isOver = this.#reason !== undefined;
    if (isWhole && !call.isJudged && !isOver) {
      call.isJudged = true;
      this.#reason = this.#repeated.reasonAgainst(call.name, call.arguments.text);
    }
    const isTold = this.#told.includes(call);
    const isRefused = isOver || (this.#reason !== undefined && this.#isHeld(call));
    // One that was begun before the answer had to end is told to its end.
    if (isTold ? call.ready === "" : isRefused) return [];
    const json = call.ready;
    call.ready = "";
    if (!isTold) this.#told.push(call);
    return [{ call: this.#told.indexOf(call), name: call.name || "unknown", json }];
  }

  /** Nothing of it is told before it is known whether it is one too many. */
  #isHeld({ name }: Call): boolean {
    return this.#repeated.isSuspect(name);
  }
}
