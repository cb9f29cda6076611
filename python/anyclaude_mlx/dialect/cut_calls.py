"""
What was written of calls before an answer was cut off, in the forms of mlx-lm's parsers, which
leave out what they do not find the end of. Pure.

The arguments of a call that is not complete are no JSON, so that nobody can take it for one that
is: JSON as it was written, or of other forms an object that is left open.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from ..output.output import ParseToolCall, ReadCut, ToolCall, longest_partial, to_tool_call, written
from ..repair.argument_types import types_of
from ..text_calls.xml_calls import to_json
from .formats import Tags, is_json, tags

Tools = Sequence[Mapping[str, Any]]
name = r'[^\s<>"]+'
decoder = json.JSONDecoder(strict=False)


def json_calls(head: str, gap: str = "") -> ReadCut:
    """`head` names the function; behind `gap` its arguments follow."""
    heads, gaps = re.compile(head, re.DOTALL), re.compile(gap)

    def read(text: str, _tools: Tools) -> list[ToolCall]:
        calls: list[ToolCall] = []
        at = 0
        while found := heads.search(text, at):
            opened = gaps.match(text, found.end())
            call, at = json_call(found[1], text, opened.end() if opened else len(text))
            calls.append(call)
        return calls

    return read


def json_call(called: str, text: str, at: int) -> tuple[ToolCall, int]:
    """And where it ends."""
    try:
        arguments, end = decoder.raw_decode(text, at)
    except (ValueError, RecursionError):
        return ToolCall(called, text[at:] or "{"), len(text)
    return to_tool_call({"name": called, "arguments": arguments}), end


def python_calls(text: str, _tools: Tools) -> list[ToolCall]:
    """`[f(a="x", b=[1]), …]`, with values that are JSON."""
    heads, keys = re.compile(r"([\w.-]+)\("), re.compile(r"[\s,]*(\w+)\s*=\s*")
    calls: list[ToolCall] = []
    at = 0
    while found := heads.search(text, at):
        at, members, closed = found.end(), [], False
        while key := keys.match(text, at):
            try:
                _, at = decoder.raw_decode(text, key.end())
            except ValueError:
                at = len(text)
            members.append(f'"{key[1]}": {text[key.end() : at]}')
        closed = text[at:].lstrip().startswith(")")
        calls.append(ToolCall(found[1], opened(members) + "}" * closed))
        at = at if closed else len(text)
    return calls


def gemma_calls(quote: str) -> ReadCut:
    """`call:f{p:QUOTEtextQUOTE,q:2}`"""
    read = json_calls(r"call:([\w-]+)(?=\{)")

    def read_quoted(text: str, tools: Tools) -> list[ToolCall]:
        parts = text[: len(text) - longest_partial([quote], text)].split(quote)
        for index, part in enumerate(parts):
            if index % 2 == 0:
                parts[index] = re.sub(r"(?<=[{,])(\w+):", r'"\1":', part)
            else:
                parts[index] = written(part)[: None if index < len(parts) - 1 else -1]
        return read("".join(parts), tools)

    return read_quoted


def tagged_calls(form: Tags) -> ReadCut:
    head, parameter = pattern(form.call[0]), pattern(form.parameter[0])
    end, value_end = form.call[1], form.parameter[1]

    def read(text: str, tools: Tools) -> list[ToolCall]:
        calls: list[ToolCall] = []
        at = 0
        while found := head.search(text, at):
            called, at = found[1], found.end()
            schemas = properties_of(called, tools)
            members = []
            while key := parameter.match(text, at):
                until = text.find(value_end, key.end())
                at = until + len(value_end) if until >= 0 else len(text)
                value = text[key.end() : until if until >= 0 else None]
                member = whole_value if until >= 0 else open_value
                members.append(f"{written(key[1])}: {member(value, schemas.get(key[1]))}")
            closed = bool(end) and text[at:].lstrip().startswith(end)
            calls.append(ToolCall(called, opened(members) + "}" * closed))
            at = at if closed else len(text)
        return calls

    def whole_value(value: str, schema: object) -> str:
        return to_json(value, types_of(schema))

    def open_value(value: str, schema: object) -> str:
        text = value.removeprefix(form.pad)
        text = text[: len(text) - longest_partial([form.pad + value_end, value_end], text)]
        return text if is_json(schema) else written(text)[:-1]

    return read


def parse_whole(parser: str | None, parse: ParseToolCall) -> ParseToolCall:
    """Refuses a call with a parameter that never ends, which mlx-lm's parsers leave out."""
    form = tags.get(parser or "")
    if form is None:
        return parse
    parameter = pattern(form.parameter[0]).pattern
    whole = re.compile(f"{parameter}.*?{re.escape(form.parameter[1])}", re.DOTALL)
    begin = form.parameter[0].partition("{}")[0]

    def parse_it(text: str, tools: Any) -> Any:
        if begin in whole.sub("", text):
            raise ValueError("A parameter has no end")
        return parse(text, tools)

    return parse_it


def pattern(template: str) -> re.Pattern[str]:
    """What it looks like, with the name as a group. A name at the end is one if a tag follows."""
    before, behind = (re.escape(part).replace("\\\n", r"\s*") for part in template.split("{}"))
    return re.compile(rf"\s*{before}({name})" + (behind or r"\s*(?=<)"))


def opened(members: Sequence[str]) -> str:
    return "{" + ", ".join(members)


def properties_of(called: str, tools: Tools) -> Mapping[str, Any]:
    for tool in tools:
        if tool["function"]["name"] == called:
            properties = (tool["function"].get("parameters") or {}).get("properties")
            return properties if isinstance(properties, dict) else {}
    return {}


named = json_calls(r'\{\s*"name"\s*:\s*"([^"]*)"', r'\s*,\s*"arguments"\s*:\s*')
headed = json_calls(r"([\w.-]+)\s*\[ARGS\]\s*")
kimi = json_calls(r"(?:functions\.)?([^\s<>]+):\d+\s*<\|tool_call_argument_begin\|>\s*")


def either(read: ReadCut, other: ReadCut) -> ReadCut:
    return lambda text, tools: read(text, tools) or other(text, tools)


# By the name of mlx-lm's parser.
cut_readers: dict[str, ReadCut] = {
    **{form: tagged_calls(each) for form, each in tags.items()},
    "json_tools": named,
    "mistral": either(headed, named),
    "kimi_k2": kimi,
    "pythonic": python_calls,
    "longcat": either(named, tagged_calls(tags["longcat"])),
    "gemma4": gemma_calls('<|"|>'),
    "function_gemma": gemma_calls("<escape>"),
}
