"""What an answer of gpt-oss has to be like, as phases for a guide."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from ..dialect.formats import Function, Rules, Wanted, quoted
from .guide import Free, Held, Phases, Sign

to_functions = "to=functions."


class Marks(Protocol):
    def rules(self, several: bool = True) -> Rules: ...
    def mark(self, text: str) -> str: ...
    def sign(self, text: str, leads_to: str) -> Sign: ...
    def ends_answer(self, text: str) -> bool: ...


def harmony_auto(marks: Marks, wanted: Wanted, functions: Sequence[Function]) -> Phases:
    """Free, but for what follows when the header says to whom the message goes."""

    def grammar() -> str:
        rules = marks.rules()
        return rules.grammar(call(marks, rules, functions))

    return {
        "free": Free([marks.sign("<|message|>", "message"), Sign(None, to_functions, "call")]),
        "message": Free([marks.sign(mark, "free") for mark in ("<|start|>", "<|channel|>")]),
        "call": Held(grammar, {None: "message" if wanted.parallel else "end"}),
        "end": Held(lambda: 'start: ""'),
    }


def harmony_held(marks: Marks, wanted: Wanted, functions: Sequence[Function]) -> Phases:
    """The model may think first, each time anew."""

    def ways(rules: Rules, start: str) -> str:
        message = marks.mark("<|message|>")
        found = [f'"analysis" {message}']
        if wanted.calls and functions:
            found.append(f"{quoted('commentary ' + to_functions)} {call(marks, rules, functions)}")
        if wanted.schema is not None and wanted.calls != "required":
            found.append(f'"final" {as_json(marks)} {message} {rules.json(wanted.schema)}')
        return rules.grammar(f"{start} {marks.mark('<|channel|>')} ({' | '.join(found)})")

    start = f'{marks.mark("<|start|>")} "assistant"'
    message = marks.sign("<|message|>", "thinking")
    return {
        "answer": Held(lambda: ways(marks.rules(), ""), {message.token: "thinking"}),
        "thinking": Free([marks.sign("<|end|>", "again")]),
        "again": Held(lambda: ways(marks.rules(), start), {message.token: "thinking"}),
    }


def call(marks: Marks, rules: Rules, functions: Sequence[Function]) -> str:
    """From the function's name to the end of the call, which most often ends the answer."""
    end = "" if marks.ends_answer("<|call|>") else marks.mark("<|call|>")
    heads = [
        f"{quoted(function.name)} {as_json(marks)} {marks.mark('<|message|>')} "
        f"{rules.arguments(function)} {end}"
        for function in functions
    ]
    return rules.add(" | ".join(heads))


def as_json(marks: Marks) -> str:
    constrain = marks.mark("<|constrain|>")
    return f'((" " {constrain}? | {constrain}) "json")?'
