"""Calls of other families are found, and what only looks like one stays text."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from test_output import cut, heard

from anyclaude_mlx.output.output import (
    Markers,
    Output,
    OutputParser,
    Piece,
    Stopped,
    Text,
    Thinking,
)
from anyclaude_mlx.output.output import ToolCall as Call
from anyclaude_mlx.repair.mended import mended
from anyclaude_mlx.text_calls.tolerant import TolerantParser

# The proxy reads the same: test/translate/text-calls.test.ts.
corpus: dict[str, Any] = json.loads(
    (Path(__file__).parents[1] / "fixtures/text-calls.json").read_text("utf-8")
)
tools = corpus["tools"]
calls = [(case["written"], case["meant"]) for case in corpus["calls"]]
names = [case["name"] for case in corpus["calls"]]
arguments = '{"path": "a\\nb", "limit": 2}'
bare = f'{{"name": "Read", "parameters": {arguments}}}'
read = Call("Read", arguments)
places = st.lists(st.integers(0, 400), max_size=30)
odd = st.sampled_from(
    [
        *("\n", " ", "`", "```", "~~~", "<", "[", "{", "}", "]", ">", "x", "Read"),
        *('"name": "Read"', "<tool_call>", "</tool_call>", "<function=Read>", "[TOOL_CALLS]"),
        *("<|python_tag|>", "call:", "<｜tool▁calls▁begin｜>", '<invoke name="Read">', "</invoke>"),
        *("<parameter=path>", "(path="),
    ]
)


@dataclass(slots=True)
class Plain:
    """Gives out what it hears."""

    def feed(self, piece: Piece) -> Iterator[Output]:
        assert isinstance(piece, str)
        yield Text(piece)

    def finish(self, *, cut: bool = False) -> Iterator[Output]:
        yield from ()


def told(pieces: list[str], *, cut_off: bool = False, formatted: bool = False) -> list[object]:
    """Texts, and calls with their input."""
    parser = TolerantParser(Plain(), tools, formatted)
    return [
        {"name": output.name, "input": json.loads(output.arguments)}
        if isinstance(output, Call)
        else output.text  # type: ignore[attr-defined]
        for output in heard(parser, pieces, cut=cut_off)
    ]


@pytest.mark.parametrize(("written", "meant"), calls, ids=names)
@settings(max_examples=30)
@given(places=places)
@example(places=list(range(1000)))
def test_calls_of_all_families_are_found(
    written: str, meant: list[object], places: list[int]
) -> None:
    assert told(cut(written, places)) == meant


@pytest.mark.parametrize(("written", "meant"), calls, ids=names)
def test_a_call_is_found_whole_or_not_at_all_where_the_answer_is_cut_off(
    written: str, meant: list[object]
) -> None:
    whole = [each for each in meant if isinstance(each, dict)]

    for length in range(len(written)):
        heard_so_far = told([written[:length]], cut_off=True)
        found = [each for each in heard_so_far if isinstance(each, dict)]
        assert found == whole[: len(found)]


@pytest.mark.parametrize("text", corpus["texts"])
@settings(max_examples=30)
@given(places=places)
@example(places=list(range(1000)))
def test_what_only_looks_like_a_call_stays_text_exactly(text: str, places: list[int]) -> None:
    assert told(cut(text, places)) == [text]


@settings(max_examples=500)
@given(parts=st.lists(odd, max_size=30), places=places)
def test_any_text_means_the_same_wherever_it_is_cut(parts: list[str], places: list[int]) -> None:
    text = "".join(parts)

    whole = told([text])

    assert told(cut(text, places)) == whole
    if all(isinstance(each, str) for each in whole):
        assert "".join(map(str, whole)) == text


def test_without_the_beginnings_of_a_call_nothing_is_held_back() -> None:
    parser = TolerantParser(Plain(), tools)

    assert list(parser.feed("Hello <tool")) == [Text("Hello <tool")]
    assert list(parser.feed("_call>{ there\n")) == [Text("_call>{ there")]
    assert list(parser.feed("<tool_call>")) == []
    assert list(parser.feed('{"name": "Rea')) == []
    assert list(parser.feed('lly"')) == [Text("\n"), Text('<tool_call>{"name": "Really"')]


def test_a_call_is_given_out_as_soon_as_its_end_mark_has_come() -> None:
    parser = TolerantParser(Plain(), tools)
    text = f"<tool_call>{bare}</tool_call>"

    outputs = [list(parser.feed(letter)) for letter in text]

    assert outputs[:-1] == [[]] * (len(text) - 1)
    assert outputs[-1] == [read]


def test_json_that_was_asked_for_is_no_call() -> None:
    assert told([bare], formatted=True) == [bare]


def test_a_stop_sequence_before_the_end_of_a_call_wins() -> None:
    text = "<function=Read>\n<parameter=path>\na\n</parameter>\n"
    parser = TolerantParser(OutputParser(Markers(), tools, stops=("STOP",)), tools)

    assert heard(parser, [f"{text}STOP"]) == [Text(text), Stopped("STOP")]


def test_a_call_behind_thinking_starts_a_line() -> None:
    markers = Markers("<think>", "</think>")
    parser = TolerantParser(OutputParser(markers, tools), tools)

    outputs = [*parser.feed(f"<think>hm</think>\n\n{bare}"), *parser.finish()]

    assert outputs == [Thinking("hm"), read]


def test_json_behind_a_call_of_the_models_own_form_is_no_call() -> None:
    markers = Markers(None, None, "<call>", "</call>", lambda text, _: json.loads(text))
    parser = TolerantParser(OutputParser(markers, tools), tools)
    own = '<call>{"name": "Read", "arguments": {}}</call>'

    assert heard(parser, [f"{own}\n{bare}"]) == [Call("Read", "{}"), Text(bare)]


def test_what_is_left_of_a_call_of_the_models_own_form_is_dropped() -> None:
    markers = Markers(None, None, "<call>", "</call>", lambda text, _: json.loads(text))
    parser = TolerantParser(OutputParser(markers, tools), tools)
    own = '<call>{"name": "Read", "arguments": {}}</call>'

    assert heard(parser, [f"{own}\n</tool_call>\n"]) == [Call("Read", "{}")]


def test_thinking_ends_fenced_code() -> None:
    markers = Markers("<think>", "</think>")
    parser = TolerantParser(OutputParser(markers, tools), tools)
    call = f"<tool_call>{bare}</tool_call>"

    outputs = heard(parser, [f"```\nx<think>hm</think>{call}"])

    assert outputs == [Text("```\nx"), Thinking("hm"), read]


def test_after_many_mistakes_no_more_calls_are_looked_for() -> None:
    text = '<tool_call>{"name": "Read"} x</tool_call>\n' * 32

    assert told([f"{text}<tool_call>{bare}</tool_call>"]) == [
        f"{text}<tool_call>{bare}</tool_call>"
    ]


def test_a_call_that_the_models_own_parser_cannot_read_is_repaired() -> None:
    markers = Markers(None, None, "<tool_call>", "</tool_call>", lambda text, _: json.loads(text))
    parser = TolerantParser(OutputParser(markers, tools), tools)

    outputs = [*parser.feed(f"I read.\n<tool_call>{bare}}}</tool_call>"), *parser.finish()]

    assert outputs == [Text("I read."), read]


@given(
    value=st.recursive(
        st.none()
        | st.booleans()
        | st.integers()
        | st.floats(allow_nan=False, allow_infinity=False)
        | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    ),
    indent=st.none() | st.integers(0, 2),
)
def test_json_that_is_right_is_not_mended(value: object, indent: int | None) -> None:
    text = json.dumps(value, ensure_ascii=False, indent=indent)

    assert mended(text).json == text
