"""
What was generated, by its place in a conversation: the ids that a rendering seldom gives again.
Kept in a file beside the saved prefixes, because without them a restart would part from its own
past at the first answer. Of the answers themselves it holds the ids and a hash.
"""

from __future__ import annotations

import hashlib
import json
from collections import OrderedDict
from dataclasses import asdict, dataclass
from pathlib import Path

from .record_file import private, replacing

remembered = 2048


@dataclass(frozen=True, slots=True)
class Answered:
    """`message` names what was sent; `opening` is the text behind which the ids stand."""

    ids: tuple[int, ...]
    message: str
    message_index: int
    opening: str


class Answers:
    """The newest ones; `path` None keeps them in memory alone."""

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self._known: OrderedDict[str, Answered] = OrderedDict()
        self._lines = 0
        self._is_cut = False
        self._load()

    def get(self, place: str) -> Answered | None:
        if place in self._known:
            self._known.move_to_end(place)
        return self._known.get(place)

    def add(self, place: str, answered: Answered) -> None:
        self._remember(place, answered)
        if self._path is None:
            return
        try:
            if self._lines >= 2 * remembered:
                self._write("wb", self._known)
            else:
                self._write("ab", {place: answered})
        except OSError:
            return  # a disk that takes nothing: the answer is remembered until the end

    def _remember(self, place: str, answered: Answered) -> None:
        self._known[place] = answered
        self._known.move_to_end(place)
        while len(self._known) > remembered:
            self._known.popitem(last=False)

    def _load(self) -> None:
        try:
            content = self._path.read_bytes() if self._path else b""
        except OSError:
            return
        self._is_cut = bool(content) and not content.endswith(b"\n")
        lines = content.splitlines()
        self._lines = len(lines)
        for line in lines:
            try:
                place, fields = json.loads(line)
                ids = tuple(int(token) for token in fields.pop("ids"))
                self._remember(place, Answered(ids, **fields))
            except (ValueError, TypeError, KeyError, AttributeError):
                continue  # cut off when a process was killed

    def _write(self, mode: str, answers: dict[str, Answered]) -> None:
        assert self._path is not None
        self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        text = "".join(json.dumps([place, asdict(each)]) + "\n" for place, each in answers.items())
        if mode == "wb":
            with replacing(self._path) as file:
                file.write(text.encode())
            self._lines = 0
        else:
            with open(self._path, "ab", opener=private) as file:
                # Behind a line that was cut off, one would be lost with it.
                file.write(b"\n" * self._is_cut + text.encode())
        self._is_cut = False
        self._lines += len(answers)


def hash_of(text: str) -> str:
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
