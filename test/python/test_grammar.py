"""Whatever a held answer says, its parser and its schema take it; a free one costs nothing."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers_made import make_tokenizer
from walking import allowed, walk

from anyclaude_mlx.dialect.dialect import dialect_of
from anyclaude_mlx.dialect.formats import Wanted, formats
from anyclaude_mlx.dialect.harmony import marks as harmony_marks
from anyclaude_mlx.errors import InvalidRequest
from anyclaude_mlx.grammar.grammar import Grammars
from anyclaude_mlx.output.output import Output, Text, Thinking, ToolCall

read: dict[str, Any] = {
    "type": "object",
    "properties": {
        "file_path": {"type": "string"},
        "limit": {"type": "integer"},
        "mode": {"enum": ["r", "w"]},
        "deep": {"$ref": "#/$defs/deep"},
        "flags": {"type": "array", "items": {"type": "boolean"}, "maxItems": 2},
        "odd": {
            "type": "object",
            "properties": {"a": {"type": "integer", "not": {"const": 3}}},
            "additionalProperties": False,
        },
    },
    "required": ["file_path", "limit"],
    "additionalProperties": False,
    "$defs": {
        "deep": {
            "type": "object",
            "properties": {"b": {"type": "boolean"}},
            "additionalProperties": False,
        }
    },
}
tools = [
    {"type": "function", "function": {"name": "Read", "parameters": read}},
    {"type": "function", "function": {"name": "Nop"}},
]
markers = {
    "json_tools": ["<tool_call>", "</tool_call>", "<think>", "</think>"],
    "qwen3_coder": ["<tool_call>", "</tool_call>", "<think>", "</think>"],
    "glm47": ["<tool_call>", "</tool_call>", "<think>", "</think>"],
    "mistral": ["[TOOL_CALLS]", "[ARGS]"],
    "pythonic": ["<|tool_call_start|>", "<|tool_call_end|>"],
    "kimi_k2": [f"<|tool_call{name}|>" for name in ("s_section_begin", "s_section_end")]
    + [f"<|tool_call_{name}|>" for name in ("begin", "end", "argument_begin")],
    "longcat": ["<longcat_tool_call>", "</longcat_tool_call>"],
    "minimax_m2": ["<minimax:tool_call>", "</minimax:tool_call>"],
    "muse_spark": [],
    "minicpm5": [],
    "laguna": [],
}


class Speaking:
    """A model as far as its words go."""

    def __init__(
        self, name: str, marks: list[str], ends: tuple[str, ...] = ("<|im_end|>",)
    ) -> None:
        parser = None if name in ("harmony", "none") else name
        self.tokenizer = make_tokenizer(*marks, parser=parser, ends=ends)
        self.dialect = dialect_of(self.tokenizer)
        # A model may give more logits than there are tokens.
        self.size = len(self.tokenizer) + 77
        self.grammars = Grammars(self.tokenizer, self.size, self.dialect)

    def parsed(self, tokens: list[int], opening: str = "") -> list[Output]:
        parser = self.dialect.parser(tools, (), opening)
        detokenizer = self.dialect.vocabulary.detokenizer()
        pieces = [piece for token in tokens for piece in detokenizer.add(token)]
        outputs = [output for piece in pieces for output in parser.feed(piece)]
        return [*outputs, *parser.finish()]

    def ids(self, text: str) -> list[int]:
        return list(self.tokenizer.encode(text, add_special_tokens=False))


@cache
def speaking(name: str) -> Speaking:
    if name == "harmony":
        return Speaking(name, list(harmony_marks), ("<|return|>", "<|call|>"))
    return Speaking(name, markers.get(name, []))


def check(call: ToolCall) -> None:
    arguments = json.loads(call.arguments)
    assert isinstance(arguments, dict)
    if call.name == "Nop":
        return
    assert call.name == "Read"
    kinds: dict[str, type] = {"file_path": str, "limit": int, "mode": str, "deep": dict}
    kinds |= {"flags": list, "odd": dict}
    assert {"file_path", "limit"} <= arguments.keys() <= kinds.keys(), arguments
    for name, value in arguments.items():
        # What an XML value is, only its parser can say where the schema does not say it plainly.
        assert isinstance(value, kinds[name]) or name in ("file_path", "deep"), arguments
    assert arguments.get("mode", "r") in ("r", "w")


def calls_of(outputs: list[Output]) -> list[ToolCall]:
    assert not any(isinstance(output, Text) and output.text.strip() for output in outputs), outputs
    return [output for output in outputs if isinstance(output, ToolCall)]


@pytest.mark.parametrize("name", [*formats, "harmony", "none"])
@settings(max_examples=12, deadline=None)
@given(seed=st.integers(0, 1 << 32))
def test_a_required_call_can_always_be_read(name: str, seed: int) -> None:
    one = speaking(name)
    guide = one.grammars.guide(Wanted("required"), tools, thinking=False)
    assert guide

    thought = one.ids("hm") + one.ids("<|end|>" if name == "harmony" else "</think>")
    calls = calls_of(one.parsed(walk(guide, one.tokenizer, seed, free=thought, again=True)))

    assert calls
    for call in calls:
        check(call)


@pytest.mark.parametrize("name", [*formats, "harmony"])
@settings(max_examples=6, deadline=None)
@given(seed=st.integers(0, 1 << 32))
def test_a_named_function_is_called_once(name: str, seed: int) -> None:
    one = speaking(name)
    thinks = one.dialect.thinks
    guide = one.grammars.guide(Wanted("required", named="Read"), tools, thinking=thinks)
    assert guide

    thought = one.ids("<|end|>" if name == "harmony" else "</think>")
    opening = "<|start|>assistant<|channel|>analysis<|message|>" if name == "harmony" else "<think>"
    outputs = one.parsed(
        walk(guide, one.tokenizer, seed, free=thought, again=True), opening if thinks else ""
    )

    assert [call.name for call in calls_of(outputs)] == ["Read"]


@pytest.mark.parametrize("name", ["json_tools", "qwen3_coder", "glm47", "pythonic", "muse_spark"])
@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 1 << 32), parallel=st.booleans())
def test_free_text_costs_nothing_and_a_call_in_it_is_held(
    name: str, seed: int, parallel: bool
) -> None:
    one = speaking(name)
    guide = one.grammars.guide(Wanted("auto", parallel=parallel), tools, thinking=False)
    assert guide
    start = one.dialect.markers.call_start
    said = one.ids(f"I read <tool it.\n{start}")
    for token in said[:-1]:
        assert guide.mask() is None
        guide.hear(token)
    assert guide.mask() is None
    guide.hear(said[-1])
    assert guide.mask() is not None

    outputs = one.parsed([*said, *walk(guide, one.tokenizer, seed, free=one.ids("\nDone."))])

    assert outputs[0] == Text("I read <tool it.") or isinstance(outputs[0], Text)
    calls = [output for output in outputs if isinstance(output, ToolCall)]
    assert len(calls) == 1 or (parallel and calls)
    check(calls[0])
    texts = "".join(output.text for output in outputs if isinstance(output, Text))
    assert texts.endswith("Done.") == parallel
    assert str(start) not in texts


def test_a_call_marker_in_thinking_is_none() -> None:
    one = speaking("json_tools")
    guide = one.grammars.guide(Wanted("auto"), tools, thinking=True)
    assert guide

    for token in one.ids("<tool_call>x</think>so<think><tool_call></think>"):
        assert guide.mask() is None
        guide.hear(token)
    guide.hear(one.ids("<tool_call>")[0])

    assert guide.mask() is not None


def test_calls_of_gpt_oss_are_held_from_the_name_on() -> None:
    one = speaking("harmony")
    guide = one.grammars.guide(Wanted("auto"), tools, thinking=False)
    assert guide
    said = one.ids(
        "<|channel|>analysis<|message|>I say to=functions.X<|end|><|start|>assistant"
        "<|channel|>commentary to=functions."
    )
    for token in said:
        assert guide.mask() is None
        guide.hear(token)

    [call] = calls_of(
        [
            o
            for o in one.parsed([*said, *walk(guide, one.tokenizer, 3)])
            if not isinstance(o, Thinking)
        ]
    )

    check(call)


@pytest.mark.parametrize("name", ["json_tools", "harmony", "none"])
@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 1 << 32), with_tools=st.booleans())
def test_a_whole_answer_is_json_of_its_schema(name: str, seed: int, with_tools: bool) -> None:
    one = speaking(name)
    strict = {name: one for name, one in read["properties"].items() if name != "odd"}
    schema = {**read, "properties": strict}
    wanted = Wanted("auto" if with_tools else None, schema=schema)
    guide = one.grammars.guide(wanted, tools if with_tools else (), thinking=False)
    assert guide

    thought = one.ids("hm") + one.ids("<|end|>" if name == "harmony" else "</think>")
    outputs = one.parsed(walk(guide, one.tokenizer, seed, free=thought, again=True))

    text = "".join(output.text for output in outputs if isinstance(output, Text))
    calls = [output for output in outputs if isinstance(output, ToolCall)]
    assert bool(text.strip()) != bool(calls)
    for call in calls or [ToolCall("Read", text)]:
        check(call)


def test_a_mask_covers_the_logits_of_the_model_and_no_token_that_is_none() -> None:
    one = speaking("json_tools")
    guide = one.grammars.guide(Wanted("required"), tools, thinking=False)
    assert guide
    mask = guide.mask()

    assert mask is not None
    assert (mask.dtype, mask.shape) == (np.int32, ((one.size + 31) // 32,))
    assert max(allowed(mask)) < len(one.tokenizer)
    assert set(one.ids("<tool_call>")) | set(one.ids("<think>")) <= set(allowed(mask))


def test_schemas_that_cannot_be_enforced_are_weakened_for_tools_and_refused_for_answers() -> None:
    one = speaking("json_tools")
    odd: dict[str, Any] = {"type": "object", "properties": {"a": {"not": {"type": "string"}}}}
    broken: dict[str, Any] = {"type": "object", "properties": {"a": {"type": "foo"}}}
    named = [{"type": "function", "function": {"name": "f", "parameters": odd}}]
    named += [{"type": "function", "function": {"name": "g", "parameters": broken}}]
    guide = one.grammars.guide(Wanted("required"), named, thinking=False)
    assert guide

    outputs = one.parsed(walk(guide, one.tokenizer, 1, free=one.ids("</think>")))

    assert any(isinstance(output, (ToolCall, Text)) for output in outputs)
    assert one.grammars.fit(broken) == {"type": "object"}
    assert "properties" in one.grammars.fit(odd)
    with pytest.raises(InvalidRequest, match="response_format: .*foo"):
        one.grammars.guide(Wanted(schema=broken), (), thinking=False)


def test_a_format_without_a_grammar_says_so_when_a_call_is_required() -> None:
    one = Speaking("gemma4", [])

    assert one.grammars.kind is None
    assert one.grammars.guide(Wanted("auto"), tools, thinking=False) is None
    with pytest.raises(InvalidRequest, match="tool_choice: .*cannot be enforced"):
        one.grammars.guide(Wanted("required"), tools, thinking=False)


def test_an_answer_that_leaves_its_grammar_is_let_go() -> None:
    one = speaking("json_tools")
    guide = one.grammars.guide(Wanted("required"), tools, thinking=False)
    assert guide

    guide.hear(one.ids("x")[0])

    assert guide.mask() is None


def test_a_marker_may_share_its_token_with_what_follows() -> None:
    one = Speaking("json_tools", ["<tool_call>\n{", "</tool_call>"])
    guide = one.grammars.guide(Wanted("auto"), tools, thinking=False)
    assert guide
    [start] = one.ids("<tool_call>\n{")

    guide.hear(start)

    mask = guide.mask()
    assert mask is not None
    assert one.ids('"')[0] in allowed(mask) and one.ids("{")[0] not in allowed(mask)
    said = [start, *walk(guide, one.tokenizer, 5)]
    check(calls_of(one.parsed(said))[0])


def test_strings_of_python_calls_have_only_escapes_that_python_reads_the_same() -> None:
    one = speaking("pythonic")
    guide = one.grammars.guide(Wanted("required", named="Read"), tools, thinking=False)
    assert guide

    for token in one.ids('<|tool_call_start|>[Read(file_path="\\'):
        guide.hear(token)

    mask = guide.mask()
    assert mask is not None
    assert {one.tokenizer.decode([token])[0] for token in allowed(mask)} <= set('"\\bfnrt')


@pytest.mark.parametrize("value", ["12", "null", "any text"])
def test_a_parameter_of_several_types_may_be_any_text(value: str) -> None:
    one = speaking("qwen3_coder")
    schema = {"type": "object", "properties": {"limit": {"type": ["integer", "null"]}}}
    tool = {"type": "function", "function": {"name": "Read", "parameters": schema}}
    guide = one.grammars.guide(Wanted("required"), [tool], thinking=False)
    assert guide

    tag = "<parameter=limit>"
    for token in one.ids(f"<tool_call>\n<function=Read>\n{tag}\n{value}\n</parameter>"):
        mask = guide.mask()
        assert mask is not None and token in allowed(mask)
        guide.hear(token)


def test_an_answer_that_keeps_to_its_grammar_is_not_complained_of(
    caplog: pytest.LogCaptureFixture,
) -> None:
    one = speaking("json_tools")
    guide = one.grammars.guide(Wanted("required", named="Nop"), tools, thinking=False)
    assert guide

    walk(guide, one.tokenizer, 2, free=one.ids("</think>"))

    assert caplog.messages == []


def test_nothing_is_built_before_it_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    one = Speaking("json_tools", markers["json_tools"])
    monkeypatch.setattr(Grammars, "matcher", None)
    monkeypatch.setattr(Grammars, "rules", None)
    guide = one.grammars.guide(Wanted("auto"), tools, thinking=False)
    assert guide

    for token in one.ids("a long text without any call\n" * 9):
        guide.hear(token)
        assert guide.mask() is None


@pytest.mark.parametrize(
    ("name", "tags", "call"),
    [
        (
            "qwen3_coder",
            ["<function=", "</function>", "<parameter=", "</parameter>"],
            "<tool_call>\n<function=Read>\n<parameter=file_path>\na.txt\n</parameter>\n"
            "<parameter=limit>\n2\n</parameter>\n</function>\n</tool_call>",
        ),
        (
            "glm47",
            ["<arg_key>", "</arg_key>", "<arg_value>", "</arg_value>"],
            "<tool_call>Read<arg_key>file_path</arg_key>\n<arg_value>a.txt</arg_value>"
            "<arg_key>limit</arg_key>\n<arg_value>2</arg_value></tool_call>",
        ),
    ],
)
def test_tags_that_are_tokens_of_their_own_may_be_written(
    name: str, tags: list[str], call: str
) -> None:
    speaking = Speaking(name, [*markers[name], *tags])
    guide = speaking.grammars.guide(Wanted("auto"), tools, thinking=False)
    assert guide

    for token in speaking.tokenizer.encode(call, add_special_tokens=False):
        mask = guide.mask()
        said = speaking.tokenizer.decode([token])
        assert mask is None or token in allowed(mask), said
        guide.hear(token)

    assert guide.mask() is None  # free again
