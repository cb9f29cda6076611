"""Templates of every shape get messages that they take, and prompts keep their beginnings."""

from __future__ import annotations

import re
from typing import Any

import pytest
from tokenizers_made import chatml, make_tokenizer

from anyclaude_mlx.errors import InvalidRequest
from anyclaude_mlx.prompt.known import ChatPrompt
from anyclaude_mlx.prompt.prompt import Prompter

alternating = """{% for m in messages %}
{%- if (m.role == 'user') != (loop.index0 % 2 == 0) %}
{{- raise_exception('Conversation roles must alternate user/assistant') }}{% endif -%}
<|im_start|>{{ m.role }}
{{ m.content | trim }}<|im_end|>
{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant
{% endif %}"""
gemma = """{% if messages[0].role == 'system' %}
{{- raise_exception('System role not supported') }}{% endif %}"""
gemma += alternating
deaf = """{% for m in messages %}{% if m.role in ('user', 'assistant') %}<|im_start|>{{ m.role }}
{{ m.content }}<|im_end|>
{% endif %}{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant
{% endif %}"""
system_first = """{% for m in messages %}{% if m.role == 'system' and not loop.first %}
{{- raise_exception('System message must be at the beginning.') }}{% endif -%}
<|im_start|>{{ m.role }}
{{ m.content }}<|im_end|>
{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant
{% endif %}"""
with_tools = """{% if tools %}<|im_start|>system
{{ tools | tojson }}<|im_end|>
{% endif %}{% for m in messages %}"""
mistral = (
    with_tools
    + """{% for call in m.tool_calls or [] %}{% if call.id | length != 9 %}
{{- raise_exception('Tool call IDs should be alphanumeric strings with length 9!') }}{% endif %}
{%- endfor %}<|im_start|>{{ m.role }}
{{ m.content }}{% for c in m.tool_calls or [] %}[TOOL_CALLS]{{ c.function | tojson }}{% endfor %}
{%- if m.role == 'tool' %}[{{ m.tool_call_id }}]{% endif %}<|im_end|>
{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant
{% endif %}"""
)
gpt_oss = (
    with_tools
    + """{% if m.tool_calls %}{% if m.content and m.thinking %}
{{- raise_exception('Cannot pass both content and thinking') }}{% endif %}
{%- set c = m.tool_calls[0].function %}{% if m.content or m.thinking -%}
<|im_start|>assistant analysis {{ m.content or m.thinking }}<|im_end|>{% endif -%}
<|im_start|>assistant to=functions.{{ c.name }} {{ c.arguments | tojson }}<|im_end|>
{% else %}<|im_start|>{{ m.role }}
{{ m.content }}<|im_end|>
{% endif %}{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant
{% endif %}"""
)
qwen = (
    """{% set ns = namespace(last=0) %}{% for m in messages %}{% if m.role == 'user' %}
{%- set ns.last = loop.index0 %}{% endif %}{% endfor %}"""
    + with_tools
    + """<|im_start|>{{ m.role }}
{% if m.reasoning_content and loop.index0 > ns.last %}<think>
{{ m.reasoning_content }}
</think>
{% endif %}{{ m.content }}{% for c in m.tool_calls or [] %}{{ c.function | tojson }}
{%- endfor %}<|im_end|>
{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant
<think>
{% if enable_thinking is defined and not enable_thinking %}
</think>

{% endif %}{% endif %}"""
)
templates = {
    "chatml": chatml,
    "gemma": gemma,
    "deaf": deaf,
    "system first": system_first,
    "mistral": mistral,
    "gpt-oss": gpt_oss,
    "qwen": qwen,
}
tools = [{"type": "function", "function": {"name": "Read", "parameters": {"type": "object"}}}]


def call(identity: str, path: str) -> dict[str, Any]:
    function = {"name": "Read", "arguments": {"path": path}}
    return {"id": identity, "type": "function", "function": function}


messages: list[dict[str, Any]] = [
    {"role": "system", "content": "Be brief."},
    {"role": "user", "content": "Read a.txt and b.txt"},
    {
        "role": "assistant",
        "content": "I look.",
        "reasoning_content": "Two files.",
        "tool_calls": [call("toolu_01A", "a.txt"), call("toolu_01B", "b.txt")],
    },
    {"role": "tool", "tool_call_id": "toolu_01A", "content": "one"},
    {"role": "tool", "tool_call_id": "toolu_01B", "content": "two"},
    {"role": "user", "content": "And now?"},
    {"role": "system", "content": "A reminder."},
    {"role": "user", "content": "Well?"},
    {"role": "assistant", "content": "Done."},
    {"role": "user", "content": "Thanks"},
]


def prompter_of(name: str) -> Prompter:
    return Prompter(make_tokenizer("<think>", "</think>", template=templates[name]))


def rendered(name: str, said: list[dict[str, Any]] = messages, **options: Any) -> str:
    prompt = ChatPrompt(said, tools, options)
    return prompter_of(name).render(prompt, opening=True)


@pytest.mark.parametrize("name", templates)
def test_nothing_of_a_conversation_is_lost(name: str) -> None:
    text = rendered(name)

    for word in ("Be brief.", "Read a.txt and", "I look.", '"a.txt"', '"b.txt"', "one", "two"):
        assert word in text, f"{word} is not in {text}"
    for word in ("And now?", "A reminder.", "Well?", "Done.", "Thanks", '"name": "Read"'):
        assert word in text, f"{word} is not in {text}"
    assert text.endswith("assistant\n") or text.endswith("<think>\n")


@pytest.mark.parametrize("name", templates)
def test_a_prompt_begins_with_those_before_it(name: str) -> None:
    """Up to the end of each answer; the template alone decides about thinking."""
    prompter = prompter_of(name)
    plain = [{k: v for k, v in m.items() if k != "reasoning_content"} for m in messages]
    whole = prompter.render(ChatPrompt(plain, tools), opening=False)

    for until in (2, 5, 6, 8, 9, 10):
        text = prompter.render(ChatPrompt(plain[:until], tools), opening=False)
        # What is said next may go on in the same turn: before the mark of its end.
        assert whole.startswith(text.rstrip().removesuffix("<|im_end|>")), until


def test_what_a_template_can_do_is_found_by_trying() -> None:
    found = {
        name: (t.has_system, t.has_late_system, t.repeats_roles, t.has_tools, t.has_calls)
        for name in templates
        for t in [prompter_of(name).template]
    }

    assert found == {
        "chatml": (True, True, True, True, True),
        "gemma": (False, False, False, False, False),
        "deaf": (False, False, True, False, False),
        "system first": (True, False, True, False, False),
        "mistral": (True, True, True, True, True),
        "gpt-oss": (True, True, True, True, True),
        "qwen": (True, True, True, True, True),
    }


def test_without_a_system_role_its_text_leads_the_first_question() -> None:
    text = rendered("gemma", [messages[0], messages[1]])

    assert text.startswith("<|im_start|>user\nBe brief.\n\n# Tools")
    assert text.index("# Tools") < text.index("Read a.txt and")
    assert text.count("<|im_start|>user") == 1
    assert rendered("deaf", messages[:2]).count("<|im_start|>user") == 1


def test_without_tools_the_form_that_is_asked_for_is_the_one_that_is_rendered() -> None:
    text = rendered("deaf")

    assert text.count('<tool_call>\n{"name": "Read", "arguments": {"path": "a.txt"}}') == 1
    assert "<tool_response>\none\n</tool_response>" in text


def test_gpt_oss_gets_text_as_thinking_and_one_call_at_a_time() -> None:
    text = rendered("gpt-oss")

    assert "analysis Two files.\n\nI look.<|im_end|>" in text
    places = [text.index(word) for word in ('"a.txt"', "\none", '"b.txt"', "\ntwo", "And now?")]
    assert places == sorted(places)


def test_of_several_calls_each_is_followed_by_its_result() -> None:
    calls = [call(f"toolu_{number}", f"{number}.txt") for number in "123"]
    results = [
        {"role": "tool", "tool_call_id": f"toolu_{number}", "content": f"result {number}"}
        for number in "123"
    ]
    said = [messages[1], {"role": "assistant", "content": "", "tool_calls": calls}, *results]

    text = rendered("gpt-oss", said)

    places = [text.index(f'"{n}.txt"' if kind else f"result {n}") for n in "123" for kind in (1, 0)]
    assert places == sorted(places)


def test_ids_of_calls_are_made_short_where_only_short_ones_are_taken() -> None:
    text = rendered("mistral")

    assert "toolu" not in text
    assert len(set(re.findall(r"\[([0-9a-f]{9})\]", text))) == 2


def test_thinking_can_be_turned_off() -> None:
    assert rendered("qwen").endswith("<think>\n")
    assert rendered("qwen", enable_thinking=False).endswith("</think>\n\n")
    assert "Two files." not in rendered("qwen")
    assert "Two files." in rendered("qwen", messages[:5])


def test_a_template_that_raises_is_quoted() -> None:
    broken = "{% for m in messages %}{{ raise_exception('No ' + m.role) }}{% endfor %}"
    prompter = Prompter(make_tokenizer(template=broken))

    with pytest.raises(InvalidRequest, match="Cannot render these messages: No user"):
        prompter.render(ChatPrompt([messages[1]]), opening=True)
