"""gpt-oss: every message has a header, and none of it leaks."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_output import cut, heard, joined

from anyclaude_mlx.dialect.harmony import HarmonyParser, marks
from anyclaude_mlx.output.output import Mark, Piece, Stopped, Text, Thinking, ToolCall

tools = [{"type": "function", "function": {"name": "Read"}}]
think = "<|channel|>analysis<|message|>I read {it}.<|end|>"
begin = "<|start|>assistant"
call = '<|channel|>commentary to=functions.Read <|constrain|>json<|message|>{"file_path": "ü"}'
final = "<|channel|>final<|message|>It says\n to=functions.X hello."
read = ToolCall("Read", '{"file_path": "ü"}')
thought = Thinking("I read {it}.")
spoken = Text("It says\n to=functions.X hello.")
answers = [
    (final, [spoken]),
    (f"{think}{begin}{final}<|return|>", [thought, spoken]),
    (f"{think}{begin}{call}<|call|>", [thought, read]),
    (f"{think}{begin}{call}", [thought, read]),
    (f"{call}<|call|>{begin}{call}<|call|>", [read, read]),
    (f"{think}{call}<|call|>", [thought, read]),
    (
        f"<|channel|>commentary<|message|>Let me look.\n<|end|>{begin}{call}",
        [Text("Let me look."), read],
    ),
    (
        ' to=functions.Read<|channel|>commentary json<|message|>{"file_path": "ü"}<|call|>',
        [read],
    ),
    (
        "<|channel|>commentary to=functions.Read<|message|>not {json<|call|>",
        [Text("not {json")],
    ),
    ("Plainly said", [Text("Plainly said")]),
    ("<|channel|>analy", []),
    ("<|channel|>final", []),
]


def parse(pieces: list[Piece], *, by_token: bool, **options: object) -> list[object]:
    return heard(HarmonyParser(by_token, tools, **options), pieces)  # type: ignore[arg-type]


def as_tokens(text: str, places: list[int]) -> list[Piece]:
    pieces: list[Piece] = []
    for part in re.split(f"({'|'.join(map(re.escape, marks))})", text):
        pieces += [Mark(part)] if part in marks else cut(part, places)
    return pieces


@pytest.mark.parametrize(("text", "expected"), answers)
@given(places=st.lists(st.integers(0, 200), max_size=30))
def test_outputs_are_the_same_wherever_the_text_is_cut(
    text: str, expected: list[object], places: list[int]
) -> None:
    assert parse([*cut(text, places)], by_token=False) == expected
    assert parse(as_tokens(text, places), by_token=True) == expected


def test_marks_that_are_tokens_cannot_be_spelled() -> None:
    header: list[Piece] = [Mark("<|channel|>"), "final", Mark("<|message|>")]

    assert parse([*header, "a <|end|> b"], by_token=True) == [Text("a <|end|> b")]


@given(places=st.lists(st.integers(0, 200), max_size=30))
def test_a_stop_sequence_ends_text_and_nothing_else(places: list[int]) -> None:
    text = (
        f"<|channel|>analysis<|message|>a STOP<|end|>{begin}<|channel|>final<|message|>one STOP b"
    )

    expected = [Thinking("a STOP"), Text("one "), Stopped("STOP")]
    assert parse([*cut(text, places)], by_token=False, stops=("STOP",)) == expected
    assert parse(as_tokens(text, places), by_token=True, stops=("STOP",)) == expected


def test_what_the_template_has_opened_goes_on() -> None:
    opening = "assistant<|channel|>analysis<|message|>"

    assert parse(["hm"], by_token=True, opening=opening) == [Thinking("hm")]


def test_without_tools_a_call_is_text() -> None:
    parser = HarmonyParser(False)

    assert joined([*parser.feed(call), *parser.finish()]) == [Text('{"file_path": "ü"}')]
