"""
The vocabulary and the chat template.

A space belongs to the word before it, so that a name has the same tokens after `read `, after a
line end and after a tag: the model copies tokens, not letters. Before `and`, `then` and `please`
the space stands alone, so that `a.txt and b.txt` can be copied cleanly too.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

from .corpus import paragraphs

size = 2048
special = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
marks = [
    *["<tool_call>", "</tool_call>", "<function=", "</function>", "<parameter=", "</parameter>"],
    *["<tool_response>", "</tool_response>", "<system-reminder>", "</system-reminder>"],
]
pieces = (
    r"\n|\t+|[A-Za-z]+(?: (?!and |then |please\b))?|[0-9]{1,3}|[^\sA-Za-z0-9]+(?: (?!and ))?|\s+"
)
template = (Path(__file__).parent / "template.jinja").read_text("utf-8")


def train_tokenizer(texts: list[str]) -> Tokenizer:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(pieces), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=size - len(marks),
        special_tokens=special,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator([*paragraphs(), *texts], trainer)
    tokenizer.add_tokens([AddedToken(mark, special=False, normalized=False) for mark in marks])
    return tokenizer


def printable(tokenizer: Tokenizer) -> list[str]:
    """Entries that can stand in a file name or a command, for gluing together."""
    texts = (tokenizer.decode([token]) for token in range(tokenizer.get_vocab_size()))
    return sorted(
        {text for text in texts if text.isprintable() and text.strip() and "<" not in text}
    )


def render(messages: list[dict[str, Any]]) -> list[tuple[str, bool]]:
    """The template's text in pieces; True where the model has to speak."""
    parts: list[tuple[str, bool]] = []
    for message in messages:
        role, content = message["role"], message["content"]
        if role == "assistant":
            spoken = content + "\n".join(
                render_call(call) for call in message.get("tool_calls", [])
            )
            parts += [
                ("<|im_start|>assistant\n", False),
                (f"{spoken}<|im_end|>", True),
                ("\n", False),
            ]
        elif role == "tool":
            text = f"<tool_response>\n{content}\n</tool_response>"
            parts.append((f"<|im_start|>user\n{text}<|im_end|>\n", False))
        else:
            parts.append((f"<|im_start|>{role}\n{content}<|im_end|>\n", False))
    return parts


def render_call(call: dict[str, Any]) -> str:
    parameters = "".join(
        f"<parameter={name}>\n{value}\n</parameter>\n" for name, value in call["arguments"].items()
    )
    return f"<tool_call>\n<function={call['name']}>\n{parameters}</function>\n</tool_call>"


def write_tokenizer(tokenizer: Tokenizer, folder: Path) -> None:
    tokenizer.save(str(folder / "tokenizer.json"), pretty=False)
    config = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "eos_token": "<|im_end|>",
        "pad_token": "<|endoftext|>",
        "clean_up_tokenization_spaces": False,
        "model_max_length": 131072,
        "chat_template": template,
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(config, indent=1) + "\n", "utf-8")
