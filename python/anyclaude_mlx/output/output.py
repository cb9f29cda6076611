"""
From generated text to thinking, text and tool calls, wherever the text is cut. Pure: knows the
model's markers and mlx-lm's parser for what stands between them; of tokens only that some markers
are one, and then come as a `Mark`: text that merely spells one of those is no marker.

A marker never leaks: what may be the beginning of one is held back until it is decided. What
looked like a tool call and cannot be parsed is given out as the text it is.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

# Half of a pair: no text has one.
surrogate = re.compile("[\ud800-\udfff]")
State = Literal["text", "thinking", "call"]
ParseToolCall = Callable[[str, Any], Any]


@dataclass(frozen=True, slots=True)
class Thinking:
    text: str


@dataclass(frozen=True, slots=True)
class Text:
    text: str


@dataclass(frozen=True, slots=True)
class ToolCall:
    """`arguments` is JSON text; of a call in which the answer was cut off, text that is no JSON."""

    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class Stopped:
    """A stop sequence of the request was met; neither it nor what follows is given out."""

    sequence: str


Output = Thinking | Text | ToolCall | Stopped
ReadCut = Callable[[str, Sequence[Mapping[str, Any]]], list[ToolCall]]
"""The calls of a text; only the last may be incomplete. None where not even a name is complete."""


@dataclass(frozen=True, slots=True)
class Mark:
    """A marker that came as the one token it is."""

    text: str


Piece = str | Mark


class Parser(Protocol):
    """
    Feed what is said as it comes, then `finish`: `cut` where the model had not ended its answer.
    Nothing may be fed after `Stopped`.
    """

    def feed(self, piece: Piece) -> Iterator[Output]: ...
    def finish(self, *, cut: bool = False) -> Iterator[Output]: ...


@dataclass(frozen=True, slots=True)
class Markers:
    think_start: str | None = None
    think_end: str | None = None
    call_start: str | None = None
    call_end: str | None = None
    parse_call: ParseToolCall | None = None
    by_token: frozenset[str] = frozenset()
    """Those of them that are one token: they come as a `Mark`."""
    read_cut: ReadCut | None = None
    """Of an answer that was cut off in a call. Without it what was written of the call is text."""


@dataclass(slots=True)
class Speech:
    """
    The text of an answer. Blank lines between thinking, text and calls are the template's, not the
    answer's: they are held back until it is known what follows.
    """

    _blank: str = ""
    _spoke: bool = False
    _called: bool = False

    def say(self, text: str) -> Iterator[Text]:
        if not text.strip():
            self._blank += text
            return
        spoken = self._blank + text if self._spoke else (self._blank + text).lstrip("\n")
        words = spoken.rstrip()
        self._blank, self._spoke, self._called = spoken[len(words) :], True, False
        yield Text(words)

    def call(self) -> None:
        """A call follows: it stands on lines of its own."""
        self._blank, self._called = "", True

    def end(self) -> Iterator[Text]:
        if self._blank and self._spoke and not self._called:
            yield Text(self._blank)


@dataclass(slots=True)
class OutputParser:
    markers: Markers
    tools: Sequence[Mapping[str, Any]] = ()
    stops: Sequence[str] = ()
    thinking: bool = False
    _state: State = "text"
    _held: str = ""
    _speech: Speech = field(default_factory=Speech)
    _stopped: bool = False

    def __post_init__(self) -> None:
        if self.thinking:
            self._state = "thinking"

    def feed(self, piece: Piece) -> Iterator[Output]:
        if isinstance(piece, Mark):
            if piece.text in self._wanted(by_token=True):
                before, self._held = self._held, ""
                yield from self._meet(before, piece.text)
                return
            piece = piece.text
        self._held += piece
        while True:
            at, found = first_of(self._wanted(), self._held)
            if found is None:
                break
            before, self._held = self._held[:at], self._held[at + len(found) :]
            yield from self._meet(before, found)
            if self._stopped:
                return
        if self._state != "call":
            ready = len(self._held) - longest_partial(self._wanted(), self._held)
            before, self._held = self._held[:ready], self._held[ready:]
            yield from self._say(before)

    def _meet(self, before: str, found: str) -> Iterator[Output]:
        """What stands before a marker, and what the marker means."""
        if self._state == "call":
            self._state = "text"
            yield from self._call(before, closed=True)
            return
        yield from self._say(before)
        if self._state == "text" and found in self.stops:
            self._stopped = True
            yield from self._speech.end()
            yield Stopped(found)
            return
        self._state = self._after(found)

    def finish(self, *, cut: bool = False) -> Iterator[Output]:
        """
        A call without its end mark is parsed if it can be: some models never write one. Of one in
        which the answer was cut off, what there is of it.
        """
        rest, self._held = self._held, ""
        if self._state == "call":
            yield from self._call(rest, closed=False, cut=cut)
        else:
            yield from self._say(rest)
        yield from self._speech.end()

    def _wanted(self, *, by_token: bool = False) -> list[str]:
        """What matters now, of the markers that are one token or of those that are not."""
        markers = self.markers
        wanted: list[str | None] = [markers.think_start]
        if self._state == "call":
            wanted = [markers.call_end]
        elif self._state == "thinking":
            wanted = [markers.think_end]
        elif self.tools:
            wanted.append(markers.call_start)
        known = [one for one in wanted if one and (one in markers.by_token) == by_token]
        return known if by_token or self._state != "text" else [*known, *self.stops]

    def _after(self, marker: str) -> State:
        if marker == self.markers.think_end:
            return "text"
        return "thinking" if marker == self.markers.think_start else "call"

    def _say(self, text: str) -> Iterator[Output]:
        if self._state != "thinking":
            yield from self._speech.say(text)
        elif text:
            yield Thinking(text)

    def _call(self, body: str, *, closed: bool, cut: bool = False) -> Iterator[Output]:
        calls = self._calls_of(body, closed=closed, cut=cut)
        if calls:
            self._speech.call()
            yield from calls
        else:
            end = self.markers.call_end or ""
            yield from self._speech.say(f"{self.markers.call_start}{body}{end if closed else ''}")

    def _calls_of(self, body: str, *, closed: bool, cut: bool) -> list[ToolCall]:
        """None where it cannot be read."""
        end = self.markers.call_end or ""
        # A model that spells its end mark has closed the call all the same.
        spelled = not closed and end != "" and body.rstrip().endswith(end)
        words = body.rstrip().removesuffix(end) if spelled else body
        markers, tools = self.markers, list(self.tools)
        try:
            if cut and not spelled:
                return markers.read_cut(body.lstrip(), tools) if markers.read_cut else []
            assert markers.parse_call is not None
            parsed = markers.parse_call(words.strip(), tools)
            return [to_tool_call(one) for one in (parsed if isinstance(parsed, list) else [parsed])]
        except Exception:
            return []


def to_tool_call(call: Mapping[str, Any]) -> ToolCall:
    arguments = call.get("arguments")
    if not isinstance(arguments, str):
        arguments = written(arguments or {})
    elif not isinstance(json.loads(arguments), dict):
        raise ValueError("Arguments of a tool call are not an object")
    return ToolCall(str(call["name"]), arguments)


def written(arguments: object) -> str:
    """As JSON; half a surrogate pair, which JSON can say and UTF-8 cannot, as its escape."""
    text = json.dumps(arguments, ensure_ascii=False)
    return text if text.isascii() or not surrogate.search(text) else json.dumps(arguments)


def first_of(markers: Sequence[str], text: str) -> tuple[int, str | None]:
    """The marker that begins earliest; of several at one place the longest."""
    found = [(at, -len(marker), marker) for marker in markers if (at := text.find(marker)) >= 0]
    if not found:
        return -1, None
    at, _, marker = min(found)
    return at, marker


def longest_partial(markers: Sequence[str], text: str) -> int:
    """Length of the longest end of `text` that a marker begins with."""
    longest = max((len(marker) for marker in markers), default=1) - 1
    for length in range(min(longest, len(text)), 0, -1):
        if any(marker.startswith(text[-length:]) for marker in markers):
            return length
    return 0
