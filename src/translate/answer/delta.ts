import { ProxyError } from "../../core/errors.ts";
import {
  type ChatDelta,
  type ContentPart,
  textOf,
  type ToolCallDelta,
} from "../../protocol/openai.ts";
import type { Spoken } from "./think-tags.ts";

/** What a delta says: thinking, text and calls, under whatever names the server has for them. */
export interface Said {
  readonly thinking: string;
  /** In the order in which they stand. */
  readonly parts: readonly Spoken[];
  readonly refusal: string;
  readonly calls: readonly CallPart[];
}

/** A piece of a call: something of it is there. */
export interface CallPart {
  readonly name: string;
  readonly json: string;
  readonly id: string;
  /** Which call it belongs to; undefined where the server does not say. */
  readonly index: unknown;
}

const nothing: readonly never[] = [];

export function toSaid(delta: ChatDelta): Said {
  const { reasoning_content, reasoning, reasoning_details, content } = delta;
  return {
    thinking: textOf(reasoning_content) || textOf(reasoning) || detailsOf(reasoning_details),
    parts: typeof content === "string" ? textPart(content) : partsOf(content),
    refusal: textOf(delta.refusal),
    calls: callsOf(delta),
  };
}

function textPart(text: string): readonly Spoken[] {
  return text === "" ? nothing : [{ kind: "text", text }];
}

function partsOf(content: ChatDelta["content"]): readonly Spoken[] {
  if (!Array.isArray(content)) return nothing;
  return content.flatMap((part: ContentPart | null): readonly Spoken[] => {
    const thinking = thinkingIn(part?.thinking);
    return thinking === "" ? textPart(textOf(part?.text)) : [{ kind: "thinking", text: thinking }];
  });
}

function thinkingIn(thinking: ContentPart["thinking"]): string {
  if (!Array.isArray(thinking)) return textOf(thinking);
  return thinking.map((part: ContentPart | null) => textOf(part?.text)).join("");
}

function detailsOf(details: ChatDelta["reasoning_details"]): string {
  if (!Array.isArray(details)) return "";
  return details.map((each) => textOf(each?.text) || textOf(each?.summary)).join("");
}

/** Some servers send a call with nothing in it beside every text. */
function callsOf({ tool_calls, function_call }: ChatDelta): readonly CallPart[] {
  const calls: CallPart[] = [];
  if (!Array.isArray(tool_calls) || tool_calls.length === 0) {
    if (function_call) addPart(calls, { function: function_call }, undefined);
    return calls;
  }
  const isAlone = tool_calls.length === 1;
  for (const [position, call] of tool_calls.entries()) {
    addPart(calls, call as ToolCallDelta | null, isAlone ? undefined : position);
  }
  return calls;
}

function addPart(
  calls: CallPart[],
  call: ToolCallDelta | null,
  position: number | undefined,
): void {
  const name = textOf(call?.function?.name);
  const given = call?.function?.arguments;
  const json = typeof given === "object" && given !== null ? toJson(given) : textOf(given);
  const id = textOf(call?.id);
  if (name !== "" || json !== "" || id !== "") {
    calls.push({ name, json, id, index: call?.index ?? position });
  }
}

function toJson(given: object): string {
  try {
    return JSON.stringify(given);
  } catch (cause) {
    const words = "The model server nested the arguments of a call too deeply";
    throw new ProxyError("api_error", words, { cause });
  }
}
