"""Calls between marks of their own. Pure; says the same as marked-calls.ts of the proxy."""

from __future__ import annotations

import re
from collections.abc import Callable

from ..output.output import ToolCall, written
from ..repair.mended import Broken, Unfinished, mended
from .json_calls import arguments_in, read_json_calls
from .written_calls import Written

deepseek = re.compile(
    r"<｜tool▁call▁begin｜>(.*?)<｜tool▁sep｜>(.*?)<｜tool▁call▁end｜>",
    re.DOTALL,
)
fenced = re.compile(r"\s*(\S+)\s*```(?:json)?\s*(.*?)\s*```\s*", re.DOTALL)
kimi = re.compile(
    r"<\|tool_call_begin\|>(.*?)<\|tool_call_argument_begin\|>(.*?)<\|tool_call_end\|>", re.DOTALL
)
mistral = re.compile(r"([^\[{\s]+)\s*(?:\[CALL_ID\][^\[]*)?(?:\[ARGS\])?(.*)", re.DOTALL)
harmony = re.compile(
    r"to=(?:functions\.)?([^\s<]+).*?<\|message\|>(.*?)(?:<\|call\|>)?\Z", re.DOTALL
)
gemma = re.compile(
    r"call:([^\s{]+)\s*(.*?)(?:<tool_call\|>|<end_function_call>)?\Z",
    re.DOTALL,
)
gemma_text = re.compile(r'(<\|"\|>|<escape>)(.*?)\1', re.DOTALL)
python_head = re.compile(r"[\s,]*([\w.-]+)\(\s*")
python_key = re.compile(r"\s*(\w+)\s*=\s*")
python_next, python_end = re.compile(r"\s*,"), re.compile(r"\s*\)\s*")
only_tags = re.compile(r"(?:\s*<[^>]*>)*\s*")


def read_deepseek(said: Written) -> list[ToolCall]:
    """The type, a separator, the name and JSON in a fence; later ones the name and JSON."""

    def call_of(before: str, behind: str) -> ToolCall:
        found = fenced.fullmatch(behind)
        return to_call(*found.groups()) if found else to_call(before, behind)

    return read_marked(said.text, deepseek, call_of)


def read_kimi(said: Written) -> list[ToolCall]:
    """`<|tool_call_begin|>functions.f:0<|tool_call_argument_begin|>{…}<|tool_call_end|>`"""
    return read_marked(said.text, kimi, to_call)


def read_mistral(said: Written) -> list[ToolCall]:
    """`[TOOL_CALLS][{…}]` or `[TOOL_CALLS]f[ARGS]{…}`, again and again; some put an id between."""
    calls: list[ToolCall] = []
    for part in filter(None, map(str.strip, said.text.split("[TOOL_CALLS]"))):
        if part.startswith(("[", "{")):
            calls += read_json_calls(Written(part, said.schemas, said.closed))
        elif found := mistral.fullmatch(part):
            calls.append(to_call(*found.groups()))
        else:
            raise Broken()
    return calls


def read_harmony(said: Written) -> list[ToolCall]:
    """gpt-oss: `<|channel|>commentary to=functions.f <|constrain|>json<|message|>{…}<|call|>`"""
    found = harmony.search(said.text)
    if found is None:
        raise Broken()
    return [to_call(*found.groups())]


def read_gemma(said: Written) -> list[ToolCall]:
    """`call:f{p:<|"|>text<|"|>,q:2}`, or `<escape>` for the quotes."""
    found = gemma.search(said.text)
    if found is None:
        raise Broken()
    name, body = found.groups()
    text = gemma_text.sub(lambda each: written(each[2]), body)
    if '<|"|>' in text:
        raise Unfinished()
    return [to_call(name, text)]


def read_python(said: Written) -> list[ToolCall]:
    """`[f(p="text", q=2), g()]`"""
    text = said.text.strip()
    if text.startswith("[") and text.endswith("]"):
        text = text[1:-1]
    calls: list[ToolCall] = []
    at = 0
    while at < len(text):
        head = python_head.match(text, at)
        if head is None:
            raise Broken()
        at, members = head.end(), []
        while not (end := python_end.match(text, at)):
            key = python_key.match(text, at)
            if key is None:
                raise Broken()
            found = mended(text, key.end())
            members.append(f"{written(key[1])}: {found.json}")
            following = python_next.match(text, found.end)
            at = following.end() if following else found.end
        at = end.end()
        calls.append(ToolCall(head[1], "{" + ", ".join(members) + "}"))
    return calls


def read_marked(
    text: str, marked: re.Pattern[str], call_of: Callable[[str, str], ToolCall]
) -> list[ToolCall]:
    if not only_tags.fullmatch(marked.sub("", text)):
        raise Unfinished()
    return [call_of(*found.groups()) for found in marked.finditer(text)]


def to_call(said: str, arguments: str) -> ToolCall:
    name = re.sub(r":\d+\Z", "", said.strip().removeprefix("functions."))
    return ToolCall(name, arguments_in(arguments))
