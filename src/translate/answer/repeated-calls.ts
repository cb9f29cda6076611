import type { ChatMessage } from "../../protocol/openai.ts";

/**
 * How often one call may be made in a row. Whoever waits for something asks more rarely, or gets
 * answers that differ.
 */
const maxSameCalls = 10;

/** Notices a model that makes one call over and over, within an answer or from turn to turn. */
export class RepeatedCalls {
  /** What the last turns did again and again, with the same result. */
  readonly #before: Made | undefined;
  #last = "";
  #times = 0;

  constructor(conversation: readonly ChatMessage[]) {
    this.#before = repeatedIn(conversation);
  }

  /** Whether a call of this tool may turn out to be the same once more: it has to wait for its end. */
  isSuspect(name: string): boolean {
    return this.#before?.name === name;
  }

  /** Why this call is one too many; undefined when it is not. */
  reasonAgainst(name: string, json: string): string | undefined {
    if (this.isSuspect(name) && toPlainJson(json) === this.#before?.json) {
      return `${name} was called ${maxSameCalls} times in a row with the same result`;
    }
    const call = `${name} ${json}`;
    this.#times = call === this.#last ? this.#times + 1 : 1;
    this.#last = call;
    if (this.#times < maxSameCalls) return undefined;
    return `${name} was called ${maxSameCalls} times with the same arguments`;
  }
}

interface Made {
  readonly name: string;
  /** As `JSON.stringify` writes it. */
  readonly json: string;
  readonly result: string | undefined;
}

function repeatedIn(conversation: readonly ChatMessage[]): Made | undefined {
  const results = new Map<string, string>();
  let last: Made | undefined;
  let times = 0;
  for (let at = conversation.length - 1; at >= 0; at -= 1) {
    const message = conversation[at];
    if (message?.role === "tool") results.set(message.tool_call_id, message.content);
    else if (message?.role === "assistant" && message.tool_calls) {
      for (const { id, function: { name, arguments: json } } of message.tool_calls.toReversed()) {
        const made = { name, json, result: results.get(id) };
        last ??= made;
        if (name !== last.name || json !== last.json || made.result !== last.result) return;
        times += 1;
        if (times === maxSameCalls) return last;
      }
    } else if (message?.role !== "user" || !isReminder(message)) return;
  }
}

/** The client puts reminders behind results; what the user says ends the row. */
function isReminder({ content }: ChatMessage & { readonly role: "user" }): boolean {
  const texts = typeof content === "string"
    ? [content]
    : content.flatMap((part) => part.type === "text" ? part.text : []);
  return texts.every((text) => text.trimStart().startsWith("<system-reminder>"));
}

/** As it stands in a conversation, where the client has sent it back as an object. */
function toPlainJson(json: string): string {
  try {
    return JSON.stringify(JSON.parse(json === "" ? "{}" : json));
  } catch {
    return json; // a model may write anything
  }
}
