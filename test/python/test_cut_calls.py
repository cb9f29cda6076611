"""A call in which an answer was cut off is no complete call, in any form."""

from __future__ import annotations

import json
from importlib import import_module
from typing import Any

import pytest
from test_output import heard

from anyclaude_mlx.api.wire import parse_prompt
from anyclaude_mlx.dialect.cut_calls import cut_readers, parse_whole
from anyclaude_mlx.dialect.harmony import HarmonyParser
from anyclaude_mlx.output.output import Mark, Markers, OutputParser, Text, ToolCall
from anyclaude_mlx.prompt.pieces import same_message

parameters = {
    "properties": {
        "path": {"type": "string"},
        "limit": {"type": "integer"},
        "all": {"type": "array"},
        "either": {"type": ["integer", "null"]},
    }
}
tools: list[dict[str, Any]] = [
    {"type": "function", "function": {"name": "Write", "parameters": parameters}}
]
arguments = {"path": 'a "b"\nü', "limit": 12, "all": [1, "x"]}
text = json.dumps(arguments, ensure_ascii=False)
call = ToolCall("Write", text)
invoke = """<invoke name="Write">
<parameter name="path">a "b"\nü</parameter>
<parameter name="limit">12</parameter>
<parameter name="all">[1, "x"]</parameter>
</invoke>
"""
arg_keys = """Write<arg_key>path</arg_key>
<arg_value>a "b"\nü</arg_value><arg_key>limit</arg_key>
<arg_value>12</arg_value><arg_key>all</arg_key>
<arg_value>[1, "x"]</arg_value>"""
gemma = 'call:Write{path:"a \\"b\\"\nü",limit:12,all:[1,"x"]}'
python = 'Write(path="a \\"b\\"\\nü", limit=12, all=[1, "x"])'
kimi = f"<|tool_call_begin|>functions.Write:0<|tool_call_argument_begin|>{text}<|tool_call_end|>"
forms = [
    ("json_tools", f'\n{{"name": "Write", "arguments": {text}}}\n', 1),
    (
        "qwen3_coder",
        """
<function=Write>
<parameter=path>
a "b"\nü
</parameter>
<parameter=limit>
12
</parameter>
<parameter=all>
[1, "x"]
</parameter>
</function>
""",
        1,
    ),
    ("glm47", arg_keys, 1),
    ("laguna", arg_keys, 1),
    ("longcat", arg_keys.replace("arg_", "longcat_arg_"), 1),
    ("longcat", f'{{"name": "Write", "arguments": {text}}}', 1),
    ("minimax_m2", f"\n{invoke}{invoke}", 2),
    ("muse_spark", f"\n{invoke * 2}".replace("<", "<atem:").replace("<atem:/", "</atem:"), 2),
    (
        "minicpm5",
        '"Write"><param name="path">a "b"\nü</param><param name="limit">12</param>'
        '<param name="all">[1, "x"]</param>',
        1,
    ),
    ("mistral", f"Write[ARGS]{text}[TOOL_CALLS]Write[ARGS]{text}", 2),
    ("mistral", f'[{{"name": "Write", "arguments": {text}}}]', 1),
    ("kimi_k2", kimi * 2, 2),
    ("pythonic", f"[{python}, {python}]", 2),
    (
        "gemma4",
        'call:Write{path:<|"|>a "b"\nü<|"|>,limit:12,all:[1,<|"|>x<|"|>]}',
        1,
    ),
    (
        "function_gemma",
        'call:Write{path:<escape>a "b"\nü<escape>,limit:12,all:[1,<escape>x<escape>]}',
        1,
    ),
]
ids = [f"{name} {index}" for index, (name, *_) in enumerate(forms)]


def parse(name: str, body: str, *, cut: bool = True) -> list[object]:
    """What is heard of an answer with this behind its start mark."""
    module = import_module(f"mlx_lm.tool_parsers.{name}")
    start, end = "<start>", "<end>"
    markers = Markers(
        call_start=start,
        call_end=end,
        parse_call=parse_whole(name, module.parse_tool_call),
        read_cut=cut_readers.get(name),
    )
    inner = OutputParser(markers, tools)
    return heard(inner, [start + body], cut=cut)


def is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


@pytest.mark.parametrize(("name", "body", "count"), forms, ids=ids)
def test_a_call_is_complete_or_its_arguments_are_no_json(name: str, body: str, count: int) -> None:
    begun = 0

    for length in range(len(body)):
        found = parse(name, body[:length])
        calls = [output for output in found if isinstance(output, ToolCall)]
        complete = [json.loads(each.arguments) for each in calls if is_json(each.arguments)]

        assert {each.name for each in calls} <= {"Write"}
        assert complete == [arguments] * len(complete)
        assert len(calls) - len(complete) in (0, 1)
        assert calls or found == [Text("<start>" + body[:length])]
        begun += len(calls) > len(complete)
        for each in calls[len(complete) :]:
            assert each.arguments.startswith("{")

    assert begun > 40


@pytest.mark.parametrize(
    ("name", "body", "written"),
    [
        ("json_tools", '{"name": "Write"', "{"),
        ("json_tools", '{"name": "Write", "arguments": {"path": "a\\', '{"path": "a\\'),
        ("qwen3_coder", "<function=Write>\n", "{"),
        ("qwen3_coder", "<function=Write>\n<parameter=path>\na\n</parameter>\n", '{"path": "a"'),
        (
            "qwen3_coder",
            "<function=Write>\n<parameter=path>\na\n</parameter>\n</fun",
            '{"path": "a"',
        ),
        ("qwen3_coder", '<function=Write>\n<parameter=path>\na "\nb', '{"path": "a \\"\\nb'),
        ("qwen3_coder", "<function=Write>\n<parameter=path>\na\n</para", '{"path": "a'),
        ("qwen3_coder", "<function=Write>\n<parameter=limit>\n1", '{"limit": 1'),
        ("qwen3_coder", "<function=Write>\n<parameter=either>\n1", '{"either": "1'),
        ("qwen3_coder", "<function=Write>\n<parameter=pa", "{"),
        ("glm47", "Write<arg_key>path</arg_key>\n<arg_value>a</arg_value>", '{"path": "a"'),
        ("minimax_m2", '<invoke name="Write"><parameter name="path">a<b', '{"path": "a<b'),
        ("minicpm5", '"Write"><param name="all">[1, ', '{"all": [1, '),
        ("mistral", 'Write[ARGS]{"path": ', '{"path": '),
        ("mistral", "Write[ARGS]", "{"),
        ("pythonic", '[Write(path="a", all=[1', '{"path": "a", "all": [1'),
        ("pythonic", "[Write(", "{"),
        ("gemma4", 'call:Write{limit:1,path:<|"|>a\nb<|', '{"limit":1,"path":"a\\nb'),
        ("function_gemma", "call:Write{path:<escape>{a}<escape>,l", '{"path":"{a}",l'),
    ],
)
def test_what_was_written_of_the_arguments_goes_out(name: str, body: str, written: str) -> None:
    assert parse(name, body) == [ToolCall("Write", written)]


@pytest.mark.parametrize("name", ["json_tools", "mistral", "kimi_k2", "glm47", "kimi_k3"])
def test_of_a_call_without_a_whole_name_the_text_goes_out(name: str) -> None:
    body = '{"name": "Wri'

    assert parse(name, body) == [Text(f"<start>{body}")]


def test_a_call_whose_end_was_spelled_before_the_cut_is_complete() -> None:
    by_token = frozenset(["<start>", "<end>"])
    parse_call = import_module("mlx_lm.tool_parsers.glm47").parse_tool_call
    markers = Markers(None, None, "<start>", "<end>", parse_call, by_token, cut_readers["glm47"])
    parser = OutputParser(markers, tools)

    assert heard(parser, [Mark("<start>"), f"{arg_keys}<end>"], cut=True) == [call]


@pytest.mark.parametrize("end", ["<end>", ""])
@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("qwen3_coder", "<function=Write>\n<parameter=path>\na\n</function>"),
        ("qwen3_coder", "<function=Write>\n<parameter=path\n</function>"),
        ("glm47", "Write<arg_key>path</arg_key><arg_value>a"),
        ("muse_spark", '<atem:invoke name="Write"><atem:parameter name="path">a</atem:invoke>'),
        ("minimax_m2", '<invoke name="Write"><parameter name="path">a</invoke>'),
        ("minicpm5", '"Write"><param name="path">a'),
    ],
)
def test_a_call_with_a_parameter_that_never_ends_is_text(name: str, body: str, end: str) -> None:
    assert parse(name, body + end, cut=False) == [Text(f"<start>{body}{end}")]


@pytest.mark.parametrize(
    ("body", "outputs"),
    [
        ('{"path": "a', [ToolCall("Write", '{"path": "a')]),
        ('{"path": "a"', [ToolCall("Write", '{"path": "a"')]),
        ('{"path": "a"}', [ToolCall("Write", '{"path": "a"}')]),
        ("", [ToolCall("Write", "{")]),
    ],
)
def test_a_call_of_gpt_oss_that_was_cut_off_is_not_mended(body: str, outputs: list[object]) -> None:
    header = "<|channel|>commentary to=functions.Write <|constrain|>json<|message|>"

    assert heard(HarmonyParser(False, tools), [header + body], cut=True) == outputs


def test_a_call_that_was_cut_is_known_again_when_it_is_sent_back() -> None:
    cut = {"id": "a", "type": "function", "function": {"name": "Go", "arguments": '{"a": "b'}}
    sent = {"role": "assistant", "content": None, "tool_calls": [cut]}

    received = parse_prompt({"messages": [{"role": "user", "content": "Go"}, sent]}).messages[-1]

    assert same_message(received) == same_message(sent)
