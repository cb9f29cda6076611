"""The built-in model is the released one, and answers what its documentation says."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from jinja2 import Environment

from tiny_model.check import Speaker, check_phrases, text_of

folder = Path(__file__).parents[2] / "python" / "models" / "tiny"
inner: dict[str, Any] = {"name": "Read", "arguments": {"file_path": "a.txt", "limit": 2}}
# The template reads OpenAI's form, the training the bare one.
call = {**inner, "function": inner}
conversations: list[list[dict[str, Any]]] = [
    [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "Hello!"}],
    [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "read a.txt"},
        {"role": "assistant", "content": "", "tool_calls": [call, call]},
        {"role": "tool", "content": "hello\n"},
        {"role": "tool", "content": ""},
        {"role": "assistant", "content": "Done."},
    ],
]


def test_the_files_are_those_of_the_release() -> None:
    released = json.loads((folder / "manifest.json").read_text("utf-8"))["sha256"]

    found = {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in released}

    assert found == released


def test_every_documented_phrase_is_answered_as_documented() -> None:
    assert check_phrases(Speaker(folder, "<|im_start|>"), "") == []


@pytest.mark.parametrize("conversation", conversations)
def test_the_template_renders_what_the_model_was_trained_on(
    conversation: list[dict[str, Any]],
) -> None:
    template = json.loads((folder / "tokenizer_config.json").read_text("utf-8"))["chat_template"]
    environment = Environment(trim_blocks=True, lstrip_blocks=True)

    rendered = environment.from_string(template).render(
        messages=conversation, add_generation_prompt=False
    )

    assert rendered == text_of(conversation)
