"""
How families of models write calls: Qwen, Llama, Mistral, DeepSeek, Kimi, GLM, MiniMax, gpt-oss,
Gemma, LM Studio's own and others. Pure; knows nothing of streams or of where in an answer a call
may stand. The same table as call-forms.ts of the proxy: test/fixtures/text-calls.json holds both.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace

from ..output.output import ToolCall
from .call_openings import Opening
from .json_calls import read_bare_calls, read_json_calls
from .marked_calls import (
    read_deepseek,
    read_gemma,
    read_harmony,
    read_kimi,
    read_mistral,
    read_python,
)
from .written_calls import Written
from .xml_calls import read_arguments, read_functions, read_invokes

Read = Callable[[Written], list[ToolCall]]
"""Raises Unfinished where what looked like the end may stand inside of an argument, or Broken."""


@dataclass(frozen=True, slots=True)
class Form:
    """Without `end` it reaches to the end of the answer; a `whole` one is all of it."""

    openings: tuple[Opening, ...]
    end: str | None
    read: Read
    whole: bool = False


def quoted(keys: str) -> tuple[str, ...]:
    return tuple(quote + key + quote for quote in quotes for key in keys.split())


def behind(marks: tuple[str, ...], openings: tuple[Opening, ...]) -> tuple[Opening, ...]:
    """The same behind one of these marks."""
    return tuple((marks, "blanks", *opening) for opening in openings)


def within(start: str, end: str, read: Read) -> Read:
    """Reads what stands between these marks."""
    return lambda said: read(
        replace(said, text=said.text.removesuffix(end).removeprefix(start)),
    )


def read_body(said: Written) -> list[ToolCall]:
    """What stands between marks decides: families write calls in each other's ways there."""
    words = said.text.lstrip()
    if re.match(r"\[?[\w.-]+\(", words):
        return read_python(said)
    if words.startswith(("{", "[")):
        return read_json_calls(said)
    if words.startswith("<function="):
        return read_functions(said)
    return read_invokes(said) if words.startswith("<") else read_arguments(said)


def invokes(mark: str) -> Opening:
    return ((f'<{mark}invoke name="',), "name", ('"',))


quotes = ('"', "'")
# Of a call in JSON, where they stand in front of its name.
other_keys = quoted("id type index function arguments parameters tool_call_id")
objects: tuple[Opening, ...] = (
    (
        ("{",),
        "blanks",
        quoted("name tool_name"),
        "blanks",
        (":",),
        "blanks",
        quotes,
        "name",
        quotes,
    ),
    (("{",), "blanks", other_keys, "blanks", (":",)),
)
in_json = (*objects, *behind(("[",), objects))
functions: Opening = (("<function=",), "name", "blanks", (">",))
dsml = "｜DSML｜"
in_python: Opening = (("", "["), "name", ("(",))
bodies = (*in_json, functions, invokes(""), invokes(dsml), in_python)
wrappers = [
    ("<tool_call>", "</tool_call>"),
    ("<tool_calls>", "</tool_calls>"),
    ("<function_calls>", "</function_calls>"),
    ("<minimax:tool_call>", "</minimax:tool_call>"),
    ("<seed:tool_call>", "</seed:tool_call>"),
    ("<｜DSML｜function_calls>", "</｜DSML｜function_calls>"),
    ("<｜DSML｜tool_calls>", "</｜DSML｜tool_calls>"),
    ("<TOOLCALL>", "</TOOLCALL>"),
    ("[TOOL_REQUEST]", "[END_TOOL_REQUEST]"),
    ("<|tool_call|>", "<|/tool_call|>"),
    ("<|tool_call_start|>", "<|tool_call_end|>"),
    ("<|action_start|><|plugin|>", "<|action_end|>"),
    ("<|START_ACTION|>", "<|END_ACTION|>"),
]
forms = [
    *(
        Form(
            behind((start,), (*bodies, ("name", "blanks", ("<arg_key>", end)))),
            end,
            within(start, end, read_body),
        )
        for start, end in wrappers
    ),
    Form((functions,), "</function>", read_functions),
    Form((invokes(""),), "</invoke>", read_invokes),
    Form((invokes(dsml),), f"</{dsml}invoke>", read_invokes),
    Form(
        ((("<｜tool▁calls▁begin｜>",), "blanks", ("<｜tool▁call▁begin｜>",)),),
        "<｜tool▁calls▁end｜>",
        read_deepseek,
    ),
    Form(
        ((("<|tool_calls_section_begin|>",), "blanks", ("<|tool_call_begin|>",)),),
        "<|tool_calls_section_end|>",
        read_kimi,
    ),
    Form(
        ((("<|tool_call>",), "blanks", ("call:",), "name", "blanks", ("{",)),),
        "<tool_call|>",
        read_gemma,
    ),
    Form(
        ((("<start_function_call>",), "blanks", ("call:",), "name", "blanks", ("{",)),),
        "<end_function_call>",
        read_gemma,
    ),
    Form(
        (
            (
                ("<|channel|>", "<|start|>assistant<|channel|>"),
                ("commentary", "analysis"),
                "blanks",
                ("to=functions.", "to="),
                "name",
                ("<", " "),
            ),
        ),
        "<|call|>",
        read_harmony,
    ),
    Form(
        (
            *behind(("[TOOL_CALLS]",), in_json),
            (("[TOOL_CALLS]",), "blanks", "name", "blanks", ("[ARGS]", "[CALL_ID]", "{")),
        ),
        None,
        read_mistral,
    ),
    Form(
        behind(("<|python_tag|>",), objects),
        None,
        within("<|python_tag|>", "", read_json_calls),
    ),
    Form(
        (*in_json, *behind(("```", "```json", "```tool_call"), in_json)),
        None,
        read_bare_calls,
        whole=True,
    ),
    Form(((("[",), "name", ("(",)),), None, read_python, whole=True),
]
