"""One answer from tokens to what the client hears, and what of it the next prompt holds."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import pytest
from test_template import tools
from tokenizers_made import make_tokenizer

from anyclaude_mlx.api.chat import Conversation, Ended
from anyclaude_mlx.api.wire import parse_chat
from anyclaude_mlx.dialect.dialect import Dialect, dialect_of
from anyclaude_mlx.dialect.harmony import marks as harmony_marks
from anyclaude_mlx.events import Finished, Sampling
from anyclaude_mlx.grammar.grammar import Grammars
from anyclaude_mlx.output.output import Output, Text, Thinking, ToolCall
from anyclaude_mlx.prompt.known import ChatPrompt
from anyclaude_mlx.prompt.prompt import Prompter


@dataclass
class Speaker:
    tokenizer: Any
    prompter: Prompter
    dialect: Dialect
    grammars: Grammars
    window: int = 1000


def speaker(*marks: str, **options: Any) -> Speaker:
    tokenizer = make_tokenizer(*marks, **options)
    dialect = dialect_of(tokenizer)
    grammars = Grammars(tokenizer, len(tokenizer), dialect)
    return Speaker(tokenizer, Prompter(tokenizer), dialect, grammars)


def converse(
    one: Speaker, said: list[str], end: str | None, **more: Any
) -> tuple[list[Output], Ended]:
    """Without an end the answer is cut off by its length."""
    messages = [{"role": "user", "content": "Read a.txt"}]
    chat = parse_chat({"messages": messages, "tools": tools, **more}, Sampling())
    conversation = Conversation(chat, one, one.prompter.plan(chat.prompt))
    ids = [i for text in said for i in one.tokenizer.encode(text, add_special_tokens=False)]
    outputs = [one.output for token in ids for one in conversation.hear(token)]
    token = one.tokenizer.convert_tokens_to_ids(end) if end else None
    rest, ended = conversation.end(Finished("stop" if end else "length", token, 0, 0))
    return [*outputs, *(one.output for one in rest)], ended


harmony = """{% for m in messages %}{% if m.tool_calls %}{% if m.reasoning_content -%}
<|start|>assistant<|channel|>analysis<|message|>{{ m.reasoning_content }}<|end|>{% endif -%}
{% set c = m.tool_calls[0].function -%}
<|start|>assistant<|channel|>commentary to=functions.{{ c.name }} <|constrain|>json<|message|>
{{- c.arguments | tojson }}<|call|>{% else -%}
<|start|>{{ m.role }}<|message|>{{ tools | tojson }}{{ m.content }}<|end|>{% endif -%}
{% endfor %}{% if add_generation_prompt %}<|start|>assistant{% endif %}"""
call = '<|channel|>commentary to=functions.Read <|constrain|>json<|message|>{"path": "a"}'


def test_an_answer_of_gpt_oss_becomes_thinking_and_a_call_and_is_rendered_anew() -> None:
    one = speaker(*harmony_marks, template=harmony, ends=("<|return|>", "<|call|>"))
    outputs, ended = converse(
        one, ["<|channel|>analysis<|message|>hm<|end|><|start|>assistant", call], "<|call|>"
    )

    assert outputs == [Thinking("h"), Thinking("m"), ToolCall("Read", '{"path": "a"}')]
    assert ended.reason == "tool_calls"
    history = [{"role": "user", "content": "Read a.txt"}, ended.answer.message()]
    history[1]["tool_calls"][0]["function"]["arguments"] = {"path": "a"}
    prompt = ChatPrompt(history, tools)
    text = one.prompter.render(prompt, opening=True)
    assert text.count("to=functions.Read") == 1
    whole = one.tokenizer.encode(text, add_special_tokens=False)
    assert list(one.prompter.plan(prompt).tokens) == whole


def test_an_answer_that_spells_the_end_of_its_thinking_goes_on_thinking() -> None:
    template = "{{ messages[0].content }}{% if add_generation_prompt %}<think>\n{% endif %}"
    one = speaker("<think>", "</think>", template=template)
    spelled = ["a </thi", "nk> c"]

    outputs, ended = converse(one, [*spelled, "</think>b"], "<|im_end|>")

    assert "".join(o.text for o in outputs if isinstance(o, Thinking)) == "".join(spelled)
    assert [o for o in outputs if isinstance(o, Text)] == [Text("b")]
    assert ended.reason == "stop"


def test_an_indented_answer_keeps_its_first_spaces() -> None:
    one = speaker()

    outputs, _ = converse(one, ["    x = 1"], "<|im_end|>")

    assert "".join(o.text for o in outputs if isinstance(o, Text)) == "    x = 1"


def test_a_half_character_at_the_end_is_not_lost() -> None:
    one = speaker()
    chat = parse_chat({"messages": [{"role": "user", "content": "hi"}]}, Sampling())
    conversation = Conversation(chat, one, one.prompter.plan(chat.prompt))
    half = one.tokenizer.encode("ж", add_special_tokens=False)[0]

    heard = [said.output for token in (half, half) for said in conversation.hear(token)]
    rest, _ = conversation.end(Finished("length", None, 0, 0))

    assert [*heard, *(said.output for said in rest)] == [Text("\ufffd"), Text("\ufffd")]


@pytest.mark.parametrize(
    ("marks", "options", "said"),
    [
        (
            ("<tool_call>", "</tool_call>"),
            {"parser": "qwen3_coder"},
            "<tool_call>\n<function=Read>\n<parameter=path>\na",
        ),
        ((), {}, "<function=Read>\n<parameter=path>\na\n</parameter>\n"),
        (harmony_marks, {"template": harmony}, call.removesuffix('"}')),
    ],
    ids=["own form", "another family's", "harmony"],
)
def test_a_call_that_was_cut_off_is_not_executable(
    marks: tuple[str, ...], options: dict[str, Any], said: str
) -> None:
    _, ended = converse(speaker(*marks, **options), [said], None)

    assert ended.reason == "length"
    for one in ended.answer.calls:
        with pytest.raises(json.JSONDecodeError):
            json.loads(one["function"]["arguments"])
    assert ended.answer.calls or ended.answer.text == said


def test_a_client_that_left_in_the_middle_of_a_call_left_no_call() -> None:
    one = speaker("<tool_call>", "</tool_call>", parser="json_tools")
    chat = parse_chat({"messages": [{"role": "user", "content": "hi"}], "tools": tools}, Sampling())
    conversation = Conversation(chat, one, one.prompter.plan(chat.prompt))
    said = '<tool_call>{"name": "Read", "arguments": {"path": "a"'
    for token in one.tokenizer.encode(said, add_special_tokens=False):
        conversation.hear(token)

    _, ended = conversation.end(None)

    [written] = ended.answer.calls
    assert written["function"] == {"name": "Read", "arguments": '{"path": "a"'}
