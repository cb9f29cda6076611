"""
`python -m tiny_model.check MODEL [--prompt FILE] [--sessions N]`, in the product's environment:
how often the weights are right, greedy, through mlx-lm.

First the documented phrases: weights that fail one of them are not released. Then turns of random
conversations of another seed, by skill. With `--prompt`, a recorded Messages request of the real
client stands before every conversation: its system text, its tools, its reminders.
"""

from __future__ import annotations

import argparse
import copy
import json
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import mlx.core as mx
from mlx_lm import load
from mlx_lm.models.cache import make_prompt_cache
from tokenizers import Tokenizer

from .phrases import documented
from .sessions import Message, Sessions, calling
from .tokenizer import printable, render

held_out_seed = 987_654_321
chunk = 256
longest_answer = 200


class Speaker:
    """Answers conversations behind one prompt, whose cache is computed once."""

    def __init__(self, folder: Path, prompt: str) -> None:
        self._model, self._tokenizer = load(str(folder))
        self._model.set_dtype(mx.float32)
        self._head = self.ids(prompt)
        self._cache = make_prompt_cache(self._model)
        self._feed(self._cache, self._head)

    def ids(self, text: str) -> list[int]:
        return list(self._tokenizer.encode(text, add_special_tokens=False))

    def answer(self, conversation: str) -> str:
        cache = copy.deepcopy(self._cache)
        ids = self.ids(conversation)
        self._feed(cache, ids[:-1])
        token, said = ids[-1], []
        while len(said) < longest_answer:
            logits = self._model(mx.array([[token]]), cache=cache)
            token = int(mx.argmax(logits[0, -1]).item())
            if token in self._tokenizer.eos_token_ids:
                break
            said.append(token)
        return str(self._tokenizer.decode(said))

    def _feed(self, cache: list[Any], ids: list[int]) -> None:
        for start in range(0, len(ids), chunk):
            self._model(mx.array([ids[start : start + chunk]]), cache=cache)
            mx.eval([layer.state for layer in cache])


def text_of(messages: list[Message]) -> str:
    return "".join(text for text, _ in render(messages))


def opened(messages: list[Message]) -> str:
    return text_of(messages) + "<|im_start|>assistant\n"


def check_phrases(speaker: Speaker, reminders: str) -> list[str]:
    """What was wrong, a line each."""
    wrong = []
    for phrase in documented():
        say = {"role": "user", "content": reminders + phrase["say"]}
        if "answer" in phrase:
            cases = [([say], phrase["answer"])]
        else:
            call = calling(phrase["calls"])
            spoken = render([call])[1][0].removesuffix("<|im_end|>")
            results = [{"role": "tool", "content": result} for result in phrase["results"]]
            cases = [([say], spoken), ([say, call, *results], phrase["closing"])]
        for messages, expected in cases:
            said = speaker.answer(opened(messages))
            if said != expected:
                wrong.append(f"{phrase['say']!r}: {said!r} instead of {expected!r}")
    return wrong


def check_sessions(speaker: Speaker, vocabulary: list[str], count: int) -> dict[str, list[int]]:
    """Right and asked, by skill; calls and closing sentences apart."""
    right: Counter[str] = Counter()
    asked: Counter[str] = Counter()
    sessions = Sessions(held_out_seed, vocabulary)
    for _ in range(count):
        before: list[Message] = []
        for skill, turn in sessions.session():
            for message in turn:
                if message["role"] == "assistant":
                    kind = skill if "tool_calls" in message else f"{skill}: closing"
                    kind = skill if len(turn) == 2 else kind
                    spoken = render([message])[1][0].removesuffix("<|im_end|>")
                    asked[kind] += 1
                    right[kind] += speaker.answer(opened(before)) == spoken
                before.append(message)
    return {kind: [right[kind], asked[kind]] for kind in sorted(asked)}


def head_of(prompt: Path | None) -> tuple[str, str]:
    """System and tools of a recorded request, rendered, and the texts before the user's words."""
    if prompt is None:
        return "", ""
    request = json.loads(prompt.read_text("utf-8"))
    system = "\n\n".join(block["text"] for block in request["system"])
    tools = [
        {"type": "function", "function": {"name": t["name"], "parameters": t["input_schema"]}}
        for t in request["tools"]
    ]
    listed = "\n".join(json.dumps(tool) for tool in tools)
    blocks = [block["text"] for block in request["messages"][0]["content"]]
    head = text_of([{"role": "system", "content": f"{system}\n\n# Tools\n{listed}\n"}])
    return head, "".join(f"{block}\n\n" for block in blocks[:-1])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", type=Path)
    parser.add_argument("--prompt", type=Path)
    parser.add_argument("--sessions", type=int, default=0)
    options = parser.parse_args()
    head, reminders = head_of(options.prompt)
    speaker = Speaker(options.model, head)
    wrong = check_phrases(speaker, reminders)
    for line in wrong:
        print(line)
    print(f"documented phrases: {len(wrong)} wrong answers")
    vocabulary = printable(Tokenizer.from_file(str(options.model / "tokenizer.json")))
    rates = check_sessions(speaker, vocabulary, options.sessions)
    for kind, (right, asked) in rates.items():
        print(f"| {kind} | {right}/{asked} | {100 * right / asked:.0f} % |")
    total = [sum(column) for column in zip(*rates.values(), strict=True)] or [0, 0]
    print(f"| all | {total[0]}/{total[1]} |")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
