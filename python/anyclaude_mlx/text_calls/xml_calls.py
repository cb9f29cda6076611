"""Calls that are XML. Pure; says the same as src/translate/text-calls/xml-calls.ts."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..output.output import ToolCall, written
from ..repair.argument_types import converted, kinds, types_of
from ..repair.mended import Broken, Unfinished, mended
from .written_calls import Written


@dataclass(frozen=True, slots=True)
class FamilyTags:
    """
    How a family tags its calls. The first group of `call` is the name, of `parameter` the key; the
    second one are its other attributes.
    """

    call: re.Pattern[str]
    call_end: re.Pattern[str]
    parameter: re.Pattern[str]
    value_end: re.Pattern[str]


# `<function=f><parameter=p>value</parameter></function>`, and Llama's `<function=f>{…}</function>`
function_tags = FamilyTags(
    re.compile(r"\s*<function=([^>\s]+)\s*>"),
    re.compile(r"\s*</function>"),
    re.compile(r"\s*<parameter=([^>\s]+)\s*()>"),
    re.compile(r"</parameter>"),
)
# `<invoke name="f"><parameter name="p">value</parameter></invoke>`, MiniMax's and DeepSeek's too.
invoke_tags = FamilyTags(
    re.compile(r'\s*<(?:｜DSML｜)?invoke\s+name="([^"]+)"\s*>'),
    re.compile(r"\s*</(?:｜DSML｜)?invoke>"),
    re.compile(r'\s*<(?:｜DSML｜)?parameter\s+name="([^"]+)"([^>]*)>'),
    re.compile(r"</(?:｜DSML｜)?parameter>"),
)
# GLM: the name, then `<arg_key>p</arg_key><arg_value>value</arg_value>`
argument_tags = FamilyTags(
    re.compile(r"\s*([^\s<{]+)"),
    re.compile(r"\s*\Z"),
    re.compile(r"\s*<arg_key>\s*([^<]+?)\s*()</arg_key>\s*<arg_value>"),
    re.compile(r"</arg_value>"),
)
blanks, the_end = re.compile(r"\s*"), re.compile(r"\s*\Z")


def read_functions(said: Written) -> list[ToolCall]:
    return TagReader(said, function_tags).calls()


def read_invokes(said: Written) -> list[ToolCall]:
    return TagReader(said, invoke_tags).calls()


def read_arguments(said: Written) -> list[ToolCall]:
    return TagReader(said, argument_tags).calls()


@dataclass(slots=True)
class TagReader:
    said: Written
    tags: FamilyTags
    _at: int = 0

    def calls(self) -> list[ToolCall]:
        calls: list[ToolCall] = []
        while not self._take(the_end):
            found = self._take(self.tags.call)
            if found is None:
                raise Broken()
            calls.append(ToolCall(found[1], self._arguments(self.said.schemas.get(found[1], {}))))
        return calls

    def _arguments(self, schema: Mapping[str, Any]) -> str:
        given: dict[str, str] = {}
        while not self._take(self.tags.call_end):
            if self._take(the_end):
                # A tag is missing: all the same a call if nothing else is.
                if self.said.closed or has_required(schema, given):
                    break
                raise Broken()
            found = self._take(self.tags.parameter)
            if found is None:
                if given:
                    raise Broken()
                return self._json()
            end = self.tags.value_end.search(self.said.text, self._at)
            if end is None:
                raise Unfinished()
            value = self.said.text[self._at : end.start()]
            types = (
                kinds - {"string"}
                if 'string="false"' in found[2]
                else types_of_property(schema, found[1])
            )
            given[found[1]] = to_json(value, types)
            self._at = end.end()
        return "{" + ", ".join(f"{written(key)}: {value}" for key, value in given.items()) + "}"

    def _json(self) -> str:
        """The arguments as JSON instead of tags."""
        self._take(blanks)
        found = mended(self.said.text, self._at)
        self._at = found.end
        ended = self._take(self.tags.call_end) or self._take(the_end)
        if not ended or not found.json.startswith("{"):
            raise Broken()
        return found.json

    def _take(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        found = pattern.match(self.said.text, self._at)
        if found:
            self._at = found.end()
        return found


def to_json(value: str, types: set[str] | None) -> str:
    """Of a text, unless its type says that it is something else, and it is."""
    text = value.removeprefix("\n").removesuffix("\n")
    if types is None or "string" in types:
        return written(text)
    return converted(text, types) or written(text)


def types_of_property(schema: Mapping[str, Any], key: str) -> set[str] | None:
    properties = schema.get("properties")
    return types_of(properties.get(key)) if isinstance(properties, dict) else None


def has_required(schema: Mapping[str, Any], given: Mapping[str, str]) -> bool:
    required = schema.get("required")
    return not isinstance(required, list) or all(str(key) in given for key in required)
