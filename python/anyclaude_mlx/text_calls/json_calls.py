"""Calls that are JSON, under whatever field names are in use. Pure."""

from __future__ import annotations

import json
import re
from typing import Any

from ..output.output import ToolCall, written
from ..repair.mended import Broken, mended
from .written_calls import Written

between = re.compile(r"[\s,;]*")
closers = re.compile(r"[\s}\]]*")
argument_keys = ("arguments", "parameters", "args", "input")
name_keys = ("name", "tool_name")
plain_keys = {*argument_keys, *name_keys, "id", "type", "index", "tool_call_id"}


def read_json_calls(said: Written) -> list[ToolCall]:
    """One, a list of them, or several one after another."""
    return [call_of(value) for value in values_in(said.text, may_close=said.closed)]


def read_bare_calls(said: Written) -> list[ToolCall]:
    """JSON without any marker is a call only if it holds nothing that a call does not hold."""
    text = re.sub(r"```\s*\Z", "", re.sub(r"\A```\w*", "", said.text))
    values = values_in(text, may_close=False)
    for value in values:
        keys = value.keys() if isinstance(value, dict) else set()
        if not keys <= plain_keys or keys.isdisjoint(argument_keys):
            raise Broken()
    return [call_of(value) for value in values]


def arguments_in(value: object) -> str:
    """JSON of an object, from one or from the text of one."""
    if isinstance(value, dict):
        return written(value)
    if not isinstance(value, str):
        raise Broken()
    text = value.strip()
    found = mended(text)
    if found.end < len(text) or not found.json.startswith("{"):
        raise Broken()
    return found.json


def values_in(text: str, *, may_close: bool) -> list[Any]:
    values: list[Any] = []
    at = behind(between, text, 0)
    while at < len(text):
        found = mended(text, at, may_close=may_close)
        value = json.loads(found.json)
        values += value if isinstance(value, list) else [value]
        at = behind(between, text, behind(closers, text, found.end))
    return values


def call_of(value: object) -> ToolCall:
    if not isinstance(value, dict):
        raise Broken()
    function = value.get("function")
    inner: dict[str, Any] = function if isinstance(function, dict) else value
    name = next((inner[key] for key in name_keys if isinstance(inner.get(key), str)), None)
    if name is None:
        raise Broken()
    given: object = next((inner[key] for key in argument_keys if key in inner), {})
    return ToolCall(name, arguments_in(given))


def behind(pattern: re.Pattern[str], text: str, at: int) -> int:
    found = pattern.match(text, at)
    return found.end() if found else at
