"""
How models of other families write tool calls, and what such a text says. Pure; knows nothing of
streams or of where in an answer a call may stand.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import regex

Call = tuple[str, dict[str, Any]]
Tools = Mapping[str, Mapping[str, Any]]
"""Schemas of the arguments by name."""


@dataclass(frozen=True, slots=True)
class Form:
    """
    `opening` is looked for where a line starts, with NAMES in place of the tools' names. A form
    without `end` reaches to the end of the answer; a `whole` one is all of it.
    """

    opening: str
    end: str | None
    read: Callable[[str, Tools], list[Call]]
    whole: bool = False


def read_json(text: str, _tools: Tools) -> list[Call]:
    """One call or a list of them, of whatever field names are in use."""
    value = repaired(text)
    found = value if isinstance(value, list) else [value]
    return [call_of(one) for one in found]


def read_tagged(text: str, tools: Tools) -> list[Call]:
    """`<tool_call>` around JSON or around `<function=f>`."""
    inner = text.strip().removeprefix("<tool_call>").removesuffix("</tool_call>").strip()
    return read_json(inner, tools) if inner.startswith(("{", "[")) else read_functions(inner, tools)


def read_functions(text: str, tools: Tools) -> list[Call]:
    """`<function=f><parameter=p>value</parameter></function>`"""
    return read_xml(function_tag, parameter_tag, text, tools)


def read_invokes(text: str, tools: Tools) -> list[Call]:
    """`<invoke name="f"><parameter name="p">value</parameter></invoke>`, DeepSeek's too."""
    return read_xml(invoke_tag, named_parameter_tag, text.replace("｜DSML｜", ""), tools)


def read_mistral(text: str, tools: Tools) -> list[Call]:
    """`[TOOL_CALLS][{…}]` or `[TOOL_CALLS]f[ARGS]{…}`, the latter again and again."""
    parts = [part.strip() for part in text.split("[TOOL_CALLS]") if part.strip()]
    if parts[0].startswith("["):
        return [call for part in parts for call in read_json(part, tools)]
    calls = []
    for part in parts:
        name, _, arguments = part.partition("[ARGS]" if "[ARGS]" in part else "{")
        calls.append(
            (name.strip(), to_arguments(arguments if "[ARGS]" in part else "{" + arguments))
        )
    return calls


def read_python_tag(text: str, tools: Tools) -> list[Call]:
    """`<|python_tag|>{…}`; several are set apart by semicolons."""
    inner = text.strip().removeprefix("<|python_tag|>").strip()
    try:
        return read_json(inner, tools)
    except ValueError:
        return [
            call for part in regex.split(r";\s*(?=\{)", inner) for call in read_json(part, tools)
        ]


def read_deepseek(text: str, _tools: Tools) -> list[Call]:
    """Markers around the type, the name and JSON in a fence, or around the name and JSON."""
    calls = []
    for part in regex.findall(r"<｜tool▁call▁begin｜>(.*?)<｜tool▁call▁end｜>", text, regex.DOTALL):
        before, _, behind = part.partition("<｜tool▁sep｜>")
        fenced = regex.fullmatch(r"\s*(\S+)\s*```(?:json)?\s*(.*?)\s*```\s*", behind, regex.DOTALL)
        name, arguments = fenced.groups() if fenced else (before.strip(), behind)
        calls.append((name, to_arguments(arguments)))
    return calls


function_tag = regex.compile(r"<function=([^>\s]+)\s*>(.*?)(?:</function>|\Z)", regex.DOTALL)
parameter_tag = regex.compile(r"<parameter=([^>\s]+)\s*>(.*?)</parameter>", regex.DOTALL)
invoke_tag = regex.compile(r"<invoke name=\"([^\"]+)\"\s*>(.*?)</invoke>", regex.DOTALL)
named_parameter_tag = regex.compile(
    r"<parameter name=\"([^\"]+)\"[^>]*>(.*?)</parameter>", regex.DOTALL
)
named = r"\{\s*(?:\"type\"\s*:\s*\"function\"\s*,\s*)?\"name\"\s*:\s*\"(?:NAMES)\""
forms = [
    Form(r"<tool_call>\s*(?:[\[{]|<function=)", "</tool_call>", read_tagged),
    Form(r"<function=(?:NAMES)\s*>", "</function>", read_functions),
    Form(r"<invoke name=\"(?:NAMES)\"", "</invoke>", read_invokes),
    Form(r"<function_calls>\s*<invoke name=\"(?:NAMES)\"", "</function_calls>", read_invokes),
    Form("<｜DSML｜function_calls>", "</｜DSML｜function_calls>", read_invokes),
    Form("<｜tool▁calls▁begin｜>", "<｜tool▁calls▁end｜>", read_deepseek),
    Form(r"\[TOOL_CALLS\]", None, read_mistral),
    Form(r"<\|python_tag\|>\s*\{", None, read_python_tag),
    Form(named, None, read_json, whole=True),
]


def read_xml(call_tag: Any, parameter: Any, text: str, tools: Tools) -> list[Call]:
    calls = []
    for name, body in call_tag.findall(text):
        schemas = tools.get(name, {}).get("properties") or {}
        calls.append(
            (name, {key: typed(value, schemas.get(key)) for key, value in parameter.findall(body)})
        )
    return calls


def typed(value: str, schema: object) -> Any:
    """Text as it is, unless the schema says that it is something else, and it is."""
    value = value.removeprefix("\n").removesuffix("\n")
    kind = schema.get("type") if isinstance(schema, dict) else None
    if kind in {"integer", "number", "boolean", "object", "array", "null"}:
        try:
            return json.loads(value.strip().lower() if kind == "boolean" else value)
        except ValueError:
            return value
    return value


def call_of(value: object) -> Call:
    if not isinstance(value, dict):
        raise ValueError("Not a call")
    inner = value.get("function") if isinstance(value.get("function"), dict) else value
    assert isinstance(inner, dict)
    arguments: Any = next(
        (inner[key] for key in ("arguments", "parameters", "args") if key in inner), {}
    )
    return str(inner["name"]), to_arguments(arguments)


def to_arguments(value: object) -> dict[str, Any]:
    """An object, or the text of one."""
    found = repaired(value) if isinstance(value, str) else value
    if not isinstance(found, dict):
        raise ValueError("Arguments of a tool call are not an object")
    return found


def repaired(text: str) -> Any:
    """
    JSON with what can be meant in one way only: line ends inside of strings, brackets that are
    missing at the end, or that are too many there.
    """
    text = text.strip()
    try:
        value, end = json.JSONDecoder(strict=False).raw_decode(text)
    except ValueError:
        closing = missing_brackets(text)
        if not closing:
            raise
        return json.loads(text + closing, strict=False)
    if text[end:].strip(" \n\r\t}]"):
        raise ValueError("Something stands behind the JSON")
    return value


def missing_brackets(text: str) -> str:
    """What closes everything that is open; nothing inside of a string."""
    opened: list[str] = []
    quoted = escaped = False
    for letter in text:
        if quoted:
            quoted = escaped or letter != '"'
            escaped = letter == "\\" and not escaped
        elif letter == '"':
            quoted = True
        elif letter in "{[":
            opened.append("}" if letter == "{" else "]")
        elif letter in "}]" and opened:
            opened.pop()
    return "" if quoted else "".join(reversed(opened))
