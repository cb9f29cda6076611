"""
Grammars (llguidance's Lark) of what models write between their tool-call markers. Pure: knows how
mlx-lm's parsers read it, and nothing of tokens except that a marker may be one.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

Schema = Mapping[str, Any]
# The grammar of a marker: its token where it is one, else its text.
Mark = Callable[[str], str]
# A schema that can be enforced: the one given, or a weaker one.
Fit = Callable[[Schema], Schema]
space = r"WS: /[ \t\r\n]{1,16}/"


@dataclass(frozen=True, slots=True)
class Wanted:
    """
    What a request asks of its answer's form. `calls`: `auto` where the model decides whether it
    calls tools, `required` where it has to, the function `named` if there is one; None: it has no
    tools. With `schema` the whole answer is JSON of that kind.
    """

    calls: Literal["auto", "required"] | None = None
    named: str | None = None
    parallel: bool = True
    schema: Schema | None = None

    @property
    def several(self) -> bool:
        return self.parallel and self.named is None

    def chosen(self, functions: Sequence[Function]) -> list[Function]:
        return [function for function in functions if self.named in (None, function.name)]


@dataclass(frozen=True, slots=True)
class Function:
    name: str
    parameters: Schema


@dataclass(slots=True)
class Rules:
    """A grammar in the making."""

    fit: Fit
    mark: Mark
    several: bool = True
    """Whether more than one call may be made."""
    lines: list[str] = field(default_factory=lambda: [space])

    def add(self, body: str, attributes: str = "") -> str:
        name = f"r{len(self.lines)}"
        self.lines.append(f"{name}{attributes}: {body}")
        return name

    def calls(self, bodies: Sequence[str], between: str = "") -> str:
        """One of these, and others behind it if several may be made."""
        call = self.add(" | ".join(bodies))
        return f"{call} ({between} {call})*" if self.several else call

    def json(self, schema: Schema) -> str:
        """Spaces between its parts as the model likes them, but not for ever."""
        return self.plain_json(schema, {"whitespace_pattern": r"[ \t\r\n]{0,40}"})

    def plain_json(self, schema: Schema, options: Mapping[str, object]) -> str:
        options = {**schema.get("x-guidance", {}), **options}
        return self.add(f"%json {json.dumps({**schema, 'x-guidance': options})}")

    def arguments(self, function: Function) -> str:
        return self.json(self.fit(function.parameters))

    def text_until(self, end: str) -> str:
        """Any text that does not hold `end`, and `end`."""
        return self.add(r"/(.|\n)*/", f"[suffix={quoted(end)}]")

    def grammar(self, start: str) -> str:
        return "\n".join([f"start: {start}", *self.lines])


Body = Callable[[Rules, Sequence[Function]], str]


@dataclass(frozen=True, slots=True)
class Tags:
    """
    XML in which `{}` stands for a name. Each value is JSON if the schema names a type that is no
    text, else text as it is, between two `pad`s.
    """

    call: tuple[str, str]
    parameter: tuple[str, str]
    pad: str = ""
    repeats: bool = False


@dataclass(frozen=True, slots=True)
class Format:
    """How a family of models writes calls: `start body end`, both markers by mlx-lm's parser."""

    kind: Literal["json", "xml"]
    body: Body


def quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def json_call(rules: Rules, functions: Sequence[Function]) -> str:
    """`{"name": "f", "arguments": {…}}`"""
    calls = [
        f'"{{" WS? "\\"name\\"" WS? ":" WS? {quoted(json.dumps(function.name))} WS? "," WS? '
        f'"\\"arguments\\"" WS? ":" WS? {rules.arguments(function)} WS? "}}"'
        for function in functions
    ]
    return f"WS? {rules.add(' | '.join(calls))} WS?"


def mistral_calls(rules: Rules, functions: Sequence[Function]) -> str:
    """`f[ARGS]{…}`, again behind the marker; older ones write `[{"name": "f", …}, …]`."""
    heads = [
        f"{quoted(function.name)} {rules.mark('[ARGS]')} {rules.arguments(function)}"
        for function in functions
    ]
    listed = rules.calls([json_call(rules, functions)], quoted(","))
    headed = rules.calls(heads, rules.mark("[TOOL_CALLS]"))
    return f'WS? ({headed} | "[" {listed} "]")'


def kimi_calls(rules: Rules, functions: Sequence[Function]) -> str:
    """`functions.f:0` and JSON, each between markers of their own."""
    begin, argument, end = (
        rules.mark(f"<|tool_call_{name}|>") for name in ("begin", "argument_begin", "end")
    )
    calls = [
        f"{begin} {quoted('functions.' + function.name + ':')} /[0-9]{{1,3}}/ {argument} "
        f"{rules.arguments(function)} {end}"
        for function in functions
    ]
    return rules.calls(calls)


def python_calls(rules: Rules, functions: Sequence[Function]) -> str:
    """`[f(a="x", b=[1])]`: JSON is Python but for three words, which mlx-lm reads."""
    as_python = {"json_allowed_escapes": '"\\bfnrt', "whitespace_flexible": False}
    calls = []
    for function in functions:
        given: list[tuple[str, bool]] = []
        for name, schema, required in properties(rules.fit(function.parameters)):
            value = rules.plain_json(schema, as_python)
            given.append((f"{quoted(name + '=')} {value}", required))
        opening = quoted(f"{function.name}(")
        calls.append(f'{opening} {listed(rules, given)} ")"')
    return f'"[" {rules.calls(calls, quoted(", "))} "]"'


def tagged(tags: Tags) -> Body:
    def body(rules: Rules, functions: Sequence[Function]) -> str:
        (opening, end), (parameter, value_end) = tags.call, tags.parameter
        calls = []
        for function in functions:
            parts = [quoted(opening.format(function.name)), "WS?"]
            for name, schema, required in properties(rules.fit(function.parameters)):
                one = f"{quoted(parameter.format(name))} {value(rules, schema, value_end)} WS?"
                parts.append(rules.add(one) + ("" if required else "?"))
            calls.append(" ".join([*parts, quoted(end)] if end else parts))
        if tags.repeats:
            return f"WS? {rules.calls(calls, 'WS?')} WS?"
        return f"WS? {rules.add(' | '.join(calls))} WS?"

    def value(rules: Rules, schema: Schema, end: str) -> str:
        pad = tags.pad
        if isinstance(schema.get("enum"), list) and all(is_plain(v) for v in schema["enum"]):
            words = " | ".join(quoted(word) for word in schema["enum"])
            return f"{quoted(pad)} ({words}) {quoted(pad + end)}" if words else '""'
        if is_json(schema):
            return f"{quoted(pad)} {rules.json(schema)} {quoted(pad + end)}"
        return f"{quoted(pad)} {rules.text_until(end)}" if pad else rules.text_until(end)

    return body


def is_json(schema: object) -> bool:
    """Whether its values are JSON in XML too. Of several types nobody knows which is meant."""
    kind = schema.get("type") if isinstance(schema, Mapping) else None
    return kind in ("integer", "number", "boolean", "object", "array")


def is_plain(value: object) -> bool:
    return isinstance(value, str) and value.strip() == value != ""


def listed(rules: Rules, given: Sequence[tuple[str, bool]]) -> str:
    """Those that are required and any of the others, in their order, with commas between."""
    rest = first = '""'
    for body, required in reversed(given):
        here = f"{body} {rest}"
        first = rules.add(here if required else f"{here} | {first}")
        rest = rules.add(f'", " {here}' if required else f'", " {here} | {rest}')
    return first


def properties(parameters: Schema) -> list[tuple[str, Schema, bool]]:
    """Name, schema and whether it is required, of each parameter that text can name."""
    required = parameters.get("required")
    needed = set(required) if isinstance(required, list) else set()
    shared = {
        key: parameters[key] for key in ("$defs", "definitions", "x-guidance") if key in parameters
    }
    known = parameters.get("properties")
    return [
        (name, {**schema, **shared}, name in needed)
        for name, schema in (known.items() if isinstance(known, dict) else ())
        if isinstance(schema, dict) and re.fullmatch(r"[\w.$-]+", name)
    ]


def glm(prefix: str) -> Tags:
    key, value = f"<{prefix}arg_key>", f"<{prefix}arg_value>"
    ends = key.replace("<", "</"), value.replace("<", "</")
    return Tags(("{}", ""), (f"{key}{{}}{ends[0]}\n{value}", ends[1]))


def invokes(prefix: str) -> Tags:
    call = f'<{prefix}invoke name="{{}}">', f"</{prefix}invoke>"
    parameter = f'<{prefix}parameter name="{{}}">', f"</{prefix}parameter>"
    return Tags(call, parameter, repeats=True)


def longcat_call(rules: Rules, functions: Sequence[Function]) -> str:
    """mlx-lm's parser wants a parameter; where none need be given it is to be JSON."""
    bare = [f for f in functions if not any(needed for *_, needed in properties(f.parameters))]
    others = [f for f in functions if f not in bare]
    bodies = [
        rules.add(body(rules, some))
        for body, some in ((json_call, bare), (tagged(tags["longcat"]), others))
        if some
    ]
    return rules.add(" | ".join(bodies))


# By the name of mlx-lm's parser, as all that follow.
tags: dict[str, Tags] = {
    "qwen3_coder": Tags(
        ("<function={}>", "</function>"), ("<parameter={}>", "</parameter>"), pad="\n"
    ),
    "glm47": glm(""),
    "laguna": glm(""),
    "longcat": glm("longcat_"),
    "minimax_m2": invokes(""),
    "muse_spark": invokes("atem:"),
    "minicpm5": Tags(('"{}">', ""), ('<param name="{}">', "</param>")),
}
# The others can be read, not enforced.
formats: dict[str, Format] = {
    "json_tools": Format("json", json_call),
    "mistral": Format("json", mistral_calls),
    "kimi_k2": Format("json", kimi_calls),
    "pythonic": Format("json", python_calls),
    **{name: Format("xml", tagged(each)) for name, each in tags.items()},
    "longcat": Format("xml", longcat_call),
}
