import { toPlainName } from "../declared-tools.ts";
import { complete, readJsonCalls } from "./json-calls.ts";
import { mendJson } from "../repair/mended-json.ts";
import { objectOf, type Reading, type TextCall, toArguments, type Written } from "./text-call.ts";

/** `<｜tool▁call▁begin｜>` type, `<｜tool▁sep｜>`, name and JSON in a fence; later ones name and JSON. */
export function readDeepSeek({ text }: Written): Reading {
  const marked = /<｜tool▁call▁begin｜>([^]*?)<｜tool▁sep｜>([^]*?)<｜tool▁call▁end｜>/g;
  return readMarked(text, marked, (before, behind) => {
    const [, name, json] = /^\s*(\S+)\s*```(?:json)?\s*([^]*?)\s*```\s*$/.exec(behind) ?? [];
    return toTextCall(name ?? before, json ?? behind);
  });
}

/** `<|tool_call_begin|>functions.f:0<|tool_call_argument_begin|>{…}<|tool_call_end|>` */
export function readKimi({ text }: Written): Reading {
  const marked =
    /<\|tool_call_begin\|>([^]*?)<\|tool_call_argument_begin\|>([^]*?)<\|tool_call_end\|>/g;
  return readMarked(text, marked, toTextCall);
}

/** `[TOOL_CALLS][{…}]` or `[TOOL_CALLS]f[ARGS]{…}`, again and again; some put an id in between. */
export function readMistral({ text, tools, isClosed }: Written): Reading {
  const parts = text.split("[TOOL_CALLS]").map((part) => part.trim()).filter((part) => part !== "");
  const calls = parts.map((part) => {
    if (/^[[{]/.test(part)) return readJsonCalls({ text: part, tools, isClosed });
    const [, name, json] = /^([^[{\s]+)\s*(?:\[CALL_ID\][^[]*)?(?:\[ARGS\])?([^]*)$/.exec(part) ??
      [];
    return [toTextCall(name ?? "", json ?? "")];
  });
  return complete(calls.flatMap((each) => Array.isArray(each) ? each : undefined));
}

/** gpt-oss: `<|channel|>commentary to=functions.f <|constrain|>json<|message|>{…}<|call|>` */
export function readHarmony({ text }: Written): Reading {
  const [, name, json] =
    /to=(?:functions\.)?([^\s<]+)[^]*?<\|message\|>([^]*?)(?:<\|call\|>)?$/.exec(text) ?? [];
  return complete([toTextCall(name ?? "", json ?? "")]);
}

/** Gemma: `call:f{p:<|"|>text<|"|>,q:2}`, or `<escape>` for the quotes. */
export function readGemma({ text }: Written): Reading {
  const [, name, body] = /call:([^\s{]+)\s*([^]*?)(?:<tool_call\|>|<end_function_call>)?$/
    .exec(text) ?? [];
  const json = body?.replace(
    /(<\|"\|>|<escape>)([^]*?)\1/g,
    (_, _mark, said: string) => JSON.stringify(said),
  );
  return json?.includes('<|"|>') ? "unfinished" : complete([toTextCall(name ?? "", json ?? "")]);
}

/** Python: `[f(p="text", q=2), g()]` */
export function readPython({ text }: Written): Reading {
  const list = text.trim().replace(/^\[([^]*)\]$/, "$1");
  const calls: TextCall[] = [];
  const head = /[\s,]*([\w.-]+)\(\s*/y;
  const key = /\s*(\w+)\s*=\s*/y;
  const next = /\s*,/y;
  const end = /\s*\)\s*/y;
  let at = 0;
  const take = (pattern: RegExp) => {
    pattern.lastIndex = at;
    const match = pattern.exec(list);
    if (match) at = pattern.lastIndex;
    return match;
  };
  while (at < list.length) {
    const name = take(head)?.[1];
    if (name === undefined) return undefined;
    const members: [key: string, json: string][] = [];
    while (!take(end)) {
      const named = take(key)?.[1];
      if (named === undefined) return undefined;
      const mended = mendJson(list, at);
      if (typeof mended === "string") return mended === "unfinished" ? mended : undefined;
      members.push([named, mended.json]);
      at = mended.end;
      take(next);
    }
    calls.push({ name, json: objectOf(members) });
  }
  return calls;
}

/** Undefined where something stands between the marks that belongs to no call. */
function readMarked(
  text: string,
  marked: RegExp,
  toCall: (before: string, behind: string) => TextCall | undefined,
): Reading {
  const calls = [...text.matchAll(marked)].map(([, one = "", other = ""]) => toCall(one, other));
  return /^(?:\s*<[^>]*>)*\s*$/.test(text.replaceAll(marked, "")) ? complete(calls) : "unfinished";
}

function toTextCall(written: string, json: string): TextCall | undefined {
  const arguments_ = toArguments(json);
  return arguments_ === undefined ? undefined : { name: toPlainName(written), json: arguments_ };
}
