import type { NewId } from "../../core/ids.ts";
import type { MessageEvent } from "../../protocol/anthropic.ts";
import type { ChatDelta, ChatRequest } from "../../protocol/openai.ts";
import { type BlockForm, BlockWriter } from "./blocks.ts";
import { DeclaredTools } from "../declared-tools.ts";
import { toSaid } from "./delta.ts";
import { RepeatedCalls } from "./repeated-calls.ts";
import { StrayThinkEnd } from "./stray-think-end.ts";
import type { TextCall } from "../text-calls/text-call.ts";
import { type Heard, TextCalls } from "../text-calls/text-calls.ts";
import { endless, speechLimits, TextLoop } from "./text-loop.ts";
import { type Spoken, ThinkTags } from "./think-tags.ts";
import { type ToolCallPiece, ToolCalls } from "./tool-calls.ts";

export interface AnswerOptions {
  /** What is answered. */
  readonly request: Pick<ChatRequest, "messages" | "tools" | "response_format">;
  /** Whether the server tells calls and thinking from its text by itself, whoever wrote them. */
  readonly separates: boolean;
  readonly newId: NewId;
  /** The tag that ends thinking which the prompt has begun, if earlier answers showed that. */
  readonly thinkEnd: string | undefined;
}

/** What a server said outside of its calls; some of it is a call all the same. */
type Found = Spoken | { readonly call: TextCall };

/**
 * The blocks of an answer, from what a server says piece by piece: thinking, text and calls in this
 * order when one piece holds several.
 */
export class AnswerWriter {
  readonly #blocks = new BlockWriter();
  readonly #tags: ThinkTags;
  #strayEnd: StrayThinkEnd | undefined;
  readonly #textCalls: TextCalls;
  readonly #calls: ToolCalls;
  readonly #newId: NewId;
  readonly #thought = new TextLoop(speechLimits);
  readonly #said = new TextLoop(speechLimits);
  /** What was said while a call was not complete yet, and how many calls had begun by then. */
  readonly #later: { readonly found: Found; readonly behind: number }[] = [];
  /** Blanks that no block was opened for: nothing visible has followed. */
  #blank: Spoken | undefined;
  #hasSpoken = false;
  #hasRefused = false;
  #reason: string | undefined;
  #thinkEnd: string | undefined;

  constructor({ request, separates, newId, thinkEnd }: AnswerOptions) {
    this.#tags = new ThinkTags(thinkEnd);
    this.#thinkEnd = thinkEnd;
    this.#strayEnd = separates || thinkEnd !== undefined ? undefined : new StrayThinkEnd();
    const tools = new DeclaredTools(request.tools ?? []);
    this.#calls = new ToolCalls(tools, new RepeatedCalls(request.messages));
    this.#textCalls = new TextCalls(
      separates ? new DeclaredTools([]) : tools,
      request.response_format !== undefined,
    );
    this.#newId = newId;
  }

  get calls(): number {
    return this.#calls.count;
  }

  /** True when calls are told otherwise than the model made them. */
  get isRepaired(): boolean {
    return this.#calls.isAltered;
  }

  get hasSpoken(): boolean {
    return this.#hasSpoken;
  }

  get hasRefused(): boolean {
    return this.#hasRefused;
  }

  /** What this answer would have `AnswerOptions.thinkEnd` be. */
  get thinkEnd(): string | undefined {
    return this.#strayEnd?.found ?? this.#thinkEnd;
  }

  /** Why the answer has to end here: the model repeats itself. */
  get reasonToEnd(): string | undefined {
    return this.#reason ?? this.#calls.reasonToEnd;
  }

  /** The events that were not taken yet. */
  take(): readonly MessageEvent[] {
    return this.#blocks.take();
  }

  write(delta: ChatDelta): void {
    const { thinking, parts, refusal, calls } = toSaid(delta);
    if (thinking !== "") this.#think(thinking);
    for (const { kind, text } of parts) {
      if (kind === "thinking") this.#think(text);
      else this.#content(text);
    }
    if (refusal !== "") this.#refuse(refusal);
    if (calls.length === 0 || this.#reason !== undefined) return;
    this.#settle("call");
    for (const piece of this.#calls.feed(calls)) this.#call(piece);
  }

  /** `isCut`: although more was to come. */
  finish(isCut: boolean): void {
    this.#settle(isCut ? "cut" : "end");
    if (!isCut && !this.#hasRefused) this.#takeBack();
    this.#endCalls(isCut);
    this.#blocks.close();
  }

  /** Ends an answer that would not end by itself, and tells the user why. */
  breakOff(reason: string): void {
    this.finish(true);
    const text = `[anyclaude ended this answer: ${reason}]`;
    this.#blocks.write("note", textForm, text);
    this.#blocks.close();
  }

  /**
   * What was taken for thinking was none: who said nothing else has said this. It is told a second
   * time, as text.
   */
  #takeBack(): void {
    const { unended } = this.#tags;
    if (unended === "") return;
    this.#thinkEnd = undefined;
    if (this.#calls.begun > 0) return;
    this.#split({ kind: "text", text: unended });
    this.#settle("end");
  }

  #think(text: string): void {
    this.#hasSpoken = true;
    this.#strayEnd = undefined;
    for (const spoken of this.#tags.finish()) this.#split(spoken);
    for (const heard of this.#textCalls.finish("thinking")) this.#hear(heard);
    this.#say({ kind: "thinking", text: this.#within(this.#thought, text) });
  }

  #content(text: string): void {
    this.#hasSpoken = true;
    const heard = this.#within(this.#said, text);
    this.#strayEnd?.feed(heard);
    for (const spoken of this.#tags.feed(heard)) this.#split(spoken);
  }

  #refuse(text: string): void {
    this.#hasSpoken = this.#hasRefused = true;
    this.#settle("end");
    this.#say({ kind: "text", text });
  }

  #split(spoken: Spoken): void {
    if (spoken.kind === "thinking") this.#say(spoken);
    else for (const heard of this.#textCalls.feed(spoken.text)) this.#hear(heard);
  }

  /** Nothing of the text so far goes on. */
  #settle(next: "call" | "end" | "cut"): void {
    this.#strayEnd?.finish();
    for (const spoken of this.#tags.finish()) this.#split(spoken);
    for (const heard of this.#textCalls.finish(next)) this.#hear(heard);
  }

  #hear(heard: Heard): void {
    this.#say("call" in heard ? heard : { kind: "text", text: heard.text });
  }

  #say(found: Found): void {
    if (this.#calls.isUnfinished) {
      this.#later.push({ found, behind: this.#calls.begun });
      return;
    }
    this.#endCalls(false);
    this.#tell(found);
  }

  /** Nothing more comes for the calls so far: they are told, and what waited behind them. */
  #endCalls(isCut: boolean): void {
    for (const piece of this.#calls.finish(isCut)) this.#call(piece);
    for (const { found } of this.#later.splice(0)) this.#tell(found);
  }

  /** What waited behind the first so many calls. */
  #catchUp(calls: number): void {
    for (let [next] = this.#later; next && next.behind <= calls; [next] = this.#later) {
      // A call that was found in the text comes behind all that have begun.
      if ("call" in next.found) return;
      this.#later.shift();
      this.#speak(next.found);
    }
  }

  #tell(found: Found): void {
    if ("call" in found) {
      const { name, json } = found.call;
      for (const piece of this.#calls.add(name, json)) this.#call(piece);
    } else this.#speak(found);
  }

  #speak({ kind, text }: Spoken): void {
    if (text === "") return;
    if (this.#blocks.isOpen(kind)) this.#blank = undefined;
    else {
      const said = this.#blank?.kind === kind ? this.#blank.text + text : text;
      this.#blank = said.trim() === "" ? { kind, text: said } : undefined;
      if (this.#blank) return;
      text = said;
    }
    this.#blocks.write(kind, kind === "text" ? textForm : thinkingForm, text);
  }

  #call({ call, name, json }: ToolCallPiece): void {
    this.#hasSpoken = true;
    this.#catchUp(call);
    this.#blank = undefined;
    const open = () => ({ type: "tool_use", id: this.#newId("toolu"), name, input: {} }) as const;
    this.#blocks.write(`call ${call}`, { open, toDelta: toArguments }, json);
  }

  /** What comes before an endless repetition. */
  #within(loop: TextLoop, text: string): string {
    if (this.#reason !== undefined) return "";
    const length = loop.feed(text);
    if (loop.isFound) this.#reason = endless;
    return text.slice(0, length);
  }
}

const textForm: BlockForm = {
  open: () => ({ type: "text", text: "" }),
  toDelta: (text) => ({ type: "text_delta", text }),
};

const thinkingForm: BlockForm = {
  open: () => ({ type: "thinking", thinking: "", signature: "" }),
  toDelta: (thinking) => ({ type: "thinking_delta", thinking }),
  // Nobody checks it, but the client expects one and sends it back.
  last: [{ type: "signature_delta", signature: "anyclaude" }],
};

function toArguments(partial_json: string) {
  return { type: "input_json_delta", partial_json } as const;
}
