"""Outputs do not depend on where the text is cut, and markers never leak."""

from __future__ import annotations

import itertools
import json
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anyclaude_mlx.output.output import (
    Mark,
    Markers,
    OutputParser,
    Parser,
    Piece,
    Stopped,
    Text,
    Thinking,
    ToolCall,
)

markers = Markers("<think>", "</think>", "<tool_call>", "</tool_call>", lambda t, _: json.loads(t))
tools = [{"type": "function", "function": {"name": "Read"}}]
call = '<tool_call>{"name": "Read", "arguments": {"file_path": "a <b> ü.txt"}}</tool_call>'


def parse(pieces: list[str], **options: object) -> list[object]:
    return heard(OutputParser(markers, tools=tools, **options), pieces)  # type: ignore[arg-type]


def heard(parser: Parser, pieces: Sequence[Piece], *, cut: bool = False) -> list[object]:
    """Outputs with neighbouring texts joined."""
    outputs: list[object] = []
    for piece in pieces:
        outputs += parser.feed(piece)
        if any(isinstance(output, Stopped) for output in outputs):
            return joined(outputs)
    return joined([*outputs, *parser.finish(cut=cut)])


def joined(outputs: list[object]) -> list[object]:
    result: list[object] = []
    for output in outputs:
        last = result[-1] if result else None
        if isinstance(output, (Text, Thinking)) and type(last) is type(output):
            result[-1] = type(output)(last.text + output.text)  # type: ignore[union-attr]
        else:
            result.append(output)
    return result


def cut(text: str, places: list[int]) -> list[str]:
    at = sorted({place % (len(text) + 1) for place in places} | {0, len(text)})
    return [text[start:end] for start, end in itertools.pairwise(at)]


expected_call = ToolCall("Read", '{"file_path": "a <b> ü.txt"}')
answers = [
    ("plain text", [Text("plain text")]),
    ("a < b and <tool is no marker", [Text("a < b and <tool is no marker")]),
    (f"Let me look.\n{call}", [Text("Let me look."), expected_call]),
    (f"{call}\n{call}", [expected_call, expected_call]),
    ("<think>hm <b></think>\n\nyes", [Thinking("hm <b>"), Text("yes")]),
    (f"<think>a</think>\n{call}", [Thinking("a"), expected_call]),
    (f"{call[:-12]}", [expected_call]),
    (
        "Look:\n<tool_call>not json</tool_call> then",
        [Text("Look:\n<tool_call>not json</tool_call> then")],
    ),
]


@pytest.mark.parametrize(("text", "expected"), answers)
@given(places=st.lists(st.integers(0, 200), max_size=30))
def test_outputs_are_the_same_wherever_the_text_is_cut(
    text: str, expected: list[object], places: list[int]
) -> None:
    assert parse(cut(text, places)) == expected


@given(places=st.lists(st.integers(0, 200), max_size=30))
def test_a_stop_sequence_and_what_follows_never_leak(places: list[int]) -> None:
    assert parse(cut("one STOP two", places), stops=("STOP",)) == [
        Text("one "),
        Stopped("STOP"),
    ]


def test_thinking_that_the_template_opened_is_thinking() -> None:
    assert parse(["hm</think>yes"], thinking=True) == [Thinking("hm"), Text("yes")]


def test_without_tools_a_tool_call_is_text() -> None:
    parser = OutputParser(markers)

    assert joined([*parser.feed(call), *parser.finish()]) == [Text(call)]


by_token = Markers(
    *("<think>", "</think>", "<tool_call>", "</tool_call>", lambda t, _: json.loads(t)),
    frozenset(["<think>", "</think>", "<tool_call>", "</tool_call>"]),
)


@given(places=st.lists(st.integers(0, 200), max_size=30))
def test_a_marker_that_is_a_token_cannot_be_spelled(places: list[int]) -> None:
    spelled = f"a </think> b <think> {call}"
    parser = OutputParser(by_token, tools, thinking=True)

    outputs = [
        output
        for piece in [*cut("hm </think> <b", places), Mark("</think>"), *cut(spelled, places)]
        for output in parser.feed(piece)
    ]

    assert joined([*outputs, *parser.finish()]) == [Thinking("hm </think> <b"), Text(spelled)]


def test_a_call_between_tokens_may_hold_what_spells_its_end() -> None:
    parser = OutputParser(by_token, tools)
    body = '{"name": "Read", "arguments": {"file_path": "</tool_call>"}}'

    pieces = ["So:\n", Mark("<tool_call>"), body, Mark("</tool_call>"), "\n"]
    outputs = [output for piece in pieces for output in parser.feed(piece)]

    expected = ToolCall("Read", '{"file_path": "</tool_call>"}')
    assert [*outputs, *parser.finish()] == [Text("So:"), expected]


def test_a_call_whose_end_was_spelled_is_a_call() -> None:
    parser = OutputParser(by_token, tools)
    body = call.removeprefix("<tool_call>")

    outputs = [output for piece in [Mark("<tool_call>"), body] for output in parser.feed(piece)]

    assert [*outputs, *parser.finish()] == [expected_call]


def test_a_marker_may_be_a_stop_sequence() -> None:
    parser = OutputParser(by_token, tools, stops=("<tool_call>",))

    outputs = [output for piece in ("a", Mark("<tool_call>")) for output in parser.feed(piece)]

    assert outputs == [Text("a"), Stopped("<tool_call>")]


@given(places=st.lists(st.integers(0, 200), max_size=30))
def test_a_marker_that_means_nothing_here_is_text_and_may_be_a_stop_sequence(
    places: list[int],
) -> None:
    parser = OutputParser(by_token, stops=("b<tool_call>", "</think>"))

    pieces = [*cut("a", places), Mark("</tool_call>"), *cut("b", places), Mark("<tool_call>"), "c"]
    outputs: list[object] = []
    for piece in pieces:
        outputs += parser.feed(piece)
        if any(isinstance(output, Stopped) for output in outputs):
            break

    assert joined(outputs) == [Text("a</tool_call>"), Stopped("b<tool_call>")]


@pytest.mark.parametrize("emoji", ["\\ud83d", "\\ud83d\\ude00"])
def test_half_a_surrogate_pair_can_be_sent(emoji: str) -> None:
    body = f'<tool_call>{{"name": "Read", "arguments": {{"a": "{emoji} ü"}}}}</tool_call>'

    [call] = parse([body])

    assert isinstance(call, ToolCall)
    assert json.loads(call.arguments.encode()) == {"a": json.loads(f'"{emoji} ü"')}
