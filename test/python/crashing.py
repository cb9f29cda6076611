"""
A server that is killed while it writes, again and again, each time started on what it left. What
the next one must know is read from the records on disk, without a tree; every answer is compared
with one that was computed from nothing.
"""

from __future__ import annotations

import os
import random
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from generating import tools
from replaying import Referee, as_sent_back, prose
from serving import Message, Ours
from witness import Asked

from anyclaude_mlx.loaded import Loaded
from anyclaude_mlx.prefix.store import Store
from anyclaude_mlx.prefix.tree import common_prefix
from anyclaude_mlx.prompt.pieces import same_message


@dataclass(frozen=True)
class Outcome:
    """`known` tokens could be read from disk, `cached` ones were used."""

    unfinished: bool
    records: int
    known: int
    cached: int
    prompt: int
    is_right: bool


class Crashes:
    """`cold` is the same model, watched, which restores nothing."""

    def __init__(self, model: Path, prefixes: Path, cold: Loaded, seed: int) -> None:
        self._start = lambda: Ours(model, prefixes)
        self._prefixes = prefixes
        self._cold = cold
        self._referee = Referee(cold.tokenizer, prefixes)
        self._chance = random.Random(seed)
        self._server = self._start()
        self._talk: list[Message] = []
        self.writing_seconds = self._measured()

    def kill_at_a_random_moment(self) -> Outcome:
        self._talk_to(self._server)
        time.sleep(self._chance.random() * self.writing_seconds)
        self._server.kill()
        files = [path for path in self._prefixes.glob("*/*") if path.suffix != ".jsonl"]
        body = self._body(self._talk)
        plan = self._referee.plan(body)
        known = self._known(plan.tokens)
        self._server = self._start()

        reply = self._server.ask(body)

        cold = Asked(self._cold, body, plan.tokens).prefilled().ended()
        self._cold.model.forget()  # type: ignore[attr-defined]
        return Outcome(
            unfinished=any(path.suffix != ".kv" for path in files),
            records=sum(path.suffix == ".kv" for path in files),
            known=known,
            cached=reply.cached,
            prompt=reply.prompt,
            is_right=same_message(reply.message) == same_message(cold.message),
        )

    def end(self) -> None:
        self._server.kill()

    def _talk_to(self, server: Ours) -> None:
        """A new conversation: all of it has to be written."""
        system = {"role": "system", "content": prose(self._chance, 300)}
        asked = {"role": "user", "content": prose(self._chance, 900)}
        reply = server.ask(self._body([system, asked]))
        more = {"role": "user", "content": prose(self._chance, 20)}
        results = [
            {"role": "tool", "tool_call_id": call["id"], "content": "done"}
            for call in reply.message.get("tool_calls") or []
        ]
        self._talk = [system, asked, as_sent_back(reply.message), *results, more]

    def _measured(self) -> float:
        """How long writing goes on behind an answer."""
        self._talk_to(self._server)
        begun = last = time.monotonic()
        count = 0
        while time.monotonic() - last < 0.3:
            now = len(list(self._prefixes.glob("*/*")))
            if now != count:
                count, last = now, time.monotonic()
            time.sleep(0.001)
        assert count > 3, "nothing is written"
        return last - begun

    def _known(self, tokens: np.ndarray) -> int:
        """The longest start of these tokens that whole records, one behind the other, hold."""
        folders = [path for path in self._prefixes.iterdir() if path.is_dir()]
        with tempfile.TemporaryDirectory(dir=self._prefixes.parent) as linked:
            for path in folders[0].glob("*.kv"):
                os.link(path, Path(linked) / path.name)
            store = Store(Path(linked), 1 << 40)
            found = store.scan()
            assert store.damaged == 0
        whole: dict[str, np.ndarray] = {"": tokens[:0]}
        known = 0
        for record, own in found:
            whole[record.name] = np.concatenate([whole[record.before][: record.start], own])
            common = min(common_prefix(whole[record.name], tokens), len(tokens) - 1)
            if self._cold.model.any_position or (record.has_state and common == record.end):
                known = max(known, common)
        return known

    @staticmethod
    def _body(messages: list[Message]) -> Message:
        return {"messages": messages, "tools": tools, "max_tokens": 40, "temperature": 0}
