"""
From generated text to thinking, text and tool calls, wherever the text is cut. Pure: knows the
model's markers and mlx-lm's parser for what stands between them, and nothing of tokens.

A marker never leaks: what may be the beginning of one is held back until it is decided. What
looked like a tool call and cannot be parsed is given out as the text it is.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

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
    """`arguments` is JSON text."""

    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class Stopped:
    """A stop sequence of the request was met; neither it nor what follows is given out."""

    sequence: str


Output = Thinking | Text | ToolCall | Stopped


@dataclass(frozen=True, slots=True)
class Markers:
    think_start: str | None = None
    think_end: str | None = None
    call_start: str | None = None
    call_end: str | None = None
    parse_call: ParseToolCall | None = None


@dataclass(slots=True)
class OutputParser:
    """Feed text as it comes, then `finish`. Nothing may be fed after `Stopped`."""

    markers: Markers
    tools: Sequence[Mapping[str, Any]] = ()
    stops: Sequence[str] = ()
    thinking: bool = False
    _state: State = "text"
    _held: str = ""
    _blank: str = ""
    _spoke: bool = False

    def __post_init__(self) -> None:
        if self.thinking:
            self._state = "thinking"

    def feed(self, text: str) -> Iterator[Output]:
        self._held += text
        while True:
            at, found = first_of(self._wanted(), self._held)
            if found is None:
                break
            before, self._held = self._held[:at], self._held[at + len(found) :]
            if self._state == "call":
                self._state = "text"
                yield from self._call(before, closed=True)
                continue
            yield from self._say(before)
            if self._state == "text" and found in self.stops:
                if self._blank and self._spoke:
                    yield Text(self._blank)
                yield Stopped(found)
                return
            self._state = self._after(found)
        if self._state != "call":
            ready = len(self._held) - longest_partial(self._wanted(), self._held)
            before, self._held = self._held[:ready], self._held[ready:]
            yield from self._say(before)

    def finish(self) -> Iterator[Output]:
        """An unfinished call is parsed if it can be: some models never write the end mark."""
        rest, self._held = self._held, ""
        if self._state == "call":
            yield from self._call(rest, closed=False)
        else:
            yield from self._say(rest)
        if self._blank and self._spoke:
            yield Text(self._blank)

    def _wanted(self) -> list[str]:
        markers = self.markers
        if self._state == "call":
            return [markers.call_end] if markers.call_end else []
        if self._state == "thinking":
            return [markers.think_end] if markers.think_end else []
        wanted = [marker for marker in (markers.think_start,) if marker]
        if markers.call_start and self.tools:
            wanted.append(markers.call_start)
        return [*wanted, *self.stops]

    def _after(self, marker: str) -> State:
        if marker == self.markers.think_end:
            return "text"
        return "thinking" if marker == self.markers.think_start else "call"

    def _say(self, text: str) -> Iterator[Output]:
        if self._state == "thinking":
            if text:
                yield Thinking(text)
        elif not text.strip():
            self._blank += text
        else:
            # Blank lines between thinking, text and calls are the template's, not the answer's:
            # they are held back until it is known what follows.
            spoken = self._blank + text if self._spoke else (self._blank + text).lstrip("\n")
            said = spoken.rstrip()
            self._blank, self._spoke = spoken[len(said) :], True
            yield Text(said)

    def _call(self, body: str, *, closed: bool) -> Iterator[Output]:
        self._blank = ""
        try:
            assert self.markers.parse_call is not None
            parsed = self.markers.parse_call(body.strip(), list(self.tools))
            calls = parsed if isinstance(parsed, list) else [parsed]
            yield from [to_tool_call(call) for call in calls]
        except Exception:
            end = self.markers.call_end if closed else None
            self._spoke = True
            yield Text(f"{self.markers.call_start}{body}{end or ''}")


def to_tool_call(call: Mapping[str, Any]) -> ToolCall:
    arguments = call.get("arguments")
    if not isinstance(arguments, str):
        arguments = json.dumps(arguments or {}, ensure_ascii=False)
    elif not isinstance(json.loads(arguments), dict):
        raise ValueError("Arguments of a tool call are not an object")
    return ToolCall(str(call["name"]), arguments)


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
