"""Calls of other families are found, and what only looks like one stays text."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_output import cut, heard

from anyclaude_mlx.output import Markers, OutputParser, Stopped, Text, Thinking, ToolCall
from anyclaude_mlx.tolerant import TolerantParser

tools = [
    {
        "type": "function",
        "function": {
            "name": name,
            "parameters": {
                "properties": {"path": {"type": "string"}, "limit": {"type": "integer"}}
            },
        },
    }
    for name in ("Read", "Write")
]
read = ToolCall("Read", '{"path": "a\\nb", "limit": 2}')
arguments = read.arguments
bare = f'{{"name": "Read", "parameters": {arguments}}}'
xml = "<function=Read>\n<parameter=path>\na\nb\n</parameter>\n<parameter=limit>\n2\n</parameter>\n"
xml += "</function>"
invoke = '<invoke name="Read">\n<parameter name="path">a\nb</parameter>\n'
invoke += '<parameter name="limit">2</parameter>\n</invoke>'
dsml = invoke.replace("<invoke", "<｜DSML｜invoke").replace("</invoke", "</｜DSML｜invoke")
dsml = dsml.replace("<parameter", "<｜DSML｜parameter").replace("</para", "</｜DSML｜para")
deepseek = "<｜tool▁call▁begin｜>{}<｜tool▁call▁end｜>"
old_deepseek = deepseek.format(f"function<｜tool▁sep｜>Read\n```json\n{arguments}\n```")
new_deepseek = deepseek.format(f"Read<｜tool▁sep｜>{arguments}")

calls = [
    ("tags", f"<tool_call>\n{bare}\n</tool_call>", [read]),
    ("tags, text before", f"I look.\n\n<tool_call>{bare}</tool_call>\n", [Text("I look."), read]),
    ("two", f"<tool_call>{bare}</tool_call>\n<tool_call>{bare}</tool_call>", [read, read]),
    ("tags around a list", f"<tool_call>[{bare}, {bare}]</tool_call>", [read, read]),
    ("tags around XML", f"<tool_call>\n{xml}\n</tool_call>", [read]),
    ("XML", f"  {xml}", [read]),
    ("XML, cut before its end", xml.removesuffix("</function>"), [read]),
    ("invoke", f"So:\n{invoke}", [Text("So:"), read]),
    ("function_calls", f"<function_calls>\n{invoke}\n</function_calls>", [read]),
    ("mistral", f'[TOOL_CALLS][{{"name": "Read", "arguments": {arguments}}}]', [read]),
    (
        "mistral, newer",
        f"[TOOL_CALLS]Read[ARGS]{arguments}[TOOL_CALLS]Read{arguments}",
        [read, read],
    ),
    ("llama3", f"<|python_tag|>{bare}", [read]),
    ("llama3, two", f"<|python_tag|>{bare}; {bare}", [read, read]),
    ("bare", f"\n{bare}\n", [read]),
    (
        "bare, with its type",
        f'{{"type": "function", "name": "Read", "parameters": {arguments}}}',
        [read],
    ),
    ("deepseek", f"<｜tool▁calls▁begin｜>{old_deepseek}<｜tool▁calls▁end｜>", [read]),
    (
        "deepseek, newer",
        f"<｜tool▁calls▁begin｜>{new_deepseek * 2}<｜tool▁calls▁end｜>",
        [read, read],
    ),
    ("deepseek 3.2", f"<｜DSML｜function_calls>\n{dsml}\n</｜DSML｜function_calls>", [read]),
    (
        "arguments as text",
        f'<tool_call>{{"name": "Read", "arguments": {json.dumps(arguments)}}}</tool_call>',
        [read],
    ),
    (
        "OpenAI's shape",
        f'<tool_call>{{"function": {{"name": "Read", "arguments": {arguments}}}}}</tool_call>',
        [read],
    ),
    ("tags, cut before their end", f"<tool_call>{bare}", [read]),
    ("a bracket missing", f"<tool_call>{bare[:-1]}</tool_call>", [read]),
    ("a bracket too many", f"<tool_call>{bare}}}</tool_call>", [read]),
    ("a line end in a string", f"<tool_call>{bare}</tool_call>".replace("\\n", "\n"), [read]),
    (
        "fence closed before",
        f"```\n<tool_call>\n```\n<tool_call>{bare}</tool_call>",
        [Text("```\n<tool_call>\n```"), read],
    ),
    ("text behind", f"<tool_call>{bare}</tool_call>\nDone.", [read, Text("Done.")]),
]
texts = [
    f"```xml\n<tool_call>{bare}</tool_call>\n```",
    f"~~~\n{xml}\n~~~ and on",
    f"A call looks like <tool_call>{bare}</tool_call> in Qwen.",
    f"Write `{bare}` there",
    f"Here it is:\n{bare}",
    "<tool_call>\n" + bare.replace("Read", "Delete") + "\n</tool_call>",
    bare.replace("Read", "Delete"),
    xml.replace("Read", "Delete"),
    f"<tool_call>{bare[:-2]}",
    f"<tool_call>{bare[:-20]}</tool_call>",
    f"<tool_call>{bare[:-18]}</tool_call>",
    "<tool_call>{not json}</tool_call>",
    "[TOOL_CALLS] is what Mistral writes",
    "[TOOL_CALLS]",
    "[TOOL",
    "<|python_tag|>print(1)",
    '{"name": "Ann", "age": 3}',
    '{"name": "Read',
    "<tool_",
    "  <function=",
    "a < b\n<c>\n``` \n`",
    "\n\n  if x:\n      <tool_call>",
    "ends with\n<tool_call>\n",
]


def parse(pieces: list[str], **options: object) -> list[object]:
    """Without whatever text of blanks is the template's business."""
    inner = OutputParser(Markers(), tools, **options)  # type: ignore[arg-type]
    return heard(TolerantParser(inner, tools), pieces)


@pytest.mark.parametrize(
    ("text", "expected"), [row[1:] for row in calls], ids=[c[0] for c in calls]
)
@given(places=st.lists(st.integers(0, 400), max_size=30))
def test_calls_of_all_families_are_found(
    text: str, expected: list[object], places: list[int]
) -> None:
    found = parse(cut(text, places))

    def plain(output: object) -> object:
        return Text(output.text.strip()) if isinstance(output, Text) else output

    assert [plain(o) for o in found] == expected


@pytest.mark.parametrize("text", texts)
@given(places=st.lists(st.integers(0, 400), max_size=30))
def test_what_only_looks_like_a_call_stays_text_exactly(text: str, places: list[int]) -> None:
    assert parse(cut(text, places)) == [Text(text.lstrip("\n"))]


def test_without_the_beginnings_of_a_call_nothing_is_held_back() -> None:
    parser = TolerantParser(OutputParser(Markers(), tools), tools)

    assert list(parser.feed("Hello <tool")) == [Text("Hello <tool")]
    assert list(parser.feed("_call>{ there")) == [Text("_call>{ there")]


def test_a_stop_sequence_before_the_end_of_a_call_wins() -> None:
    text = f"<tool_call>{bare[:20]}STOP"

    assert parse([text], stops=("STOP",)) == [Text(f"<tool_call>{bare[:20]}"), Stopped("STOP")]


def test_a_call_behind_thinking_starts_a_line() -> None:
    markers = Markers("<think>", "</think>")
    parser = TolerantParser(OutputParser(markers, tools), tools)

    outputs = [*parser.feed(f"<think>hm</think>\n\n{bare}"), *parser.finish()]

    assert outputs == [Thinking("hm"), read]


def test_a_call_that_the_models_own_parser_cannot_read_is_repaired() -> None:
    markers = Markers(None, None, "<tool_call>", "</tool_call>", lambda text, _: json.loads(text))
    parser = TolerantParser(OutputParser(markers, tools), tools)

    outputs = [*parser.feed(f"I read.\n<tool_call>{bare}}}</tool_call>"), *parser.finish()]

    assert outputs == [Text("I read."), read]
