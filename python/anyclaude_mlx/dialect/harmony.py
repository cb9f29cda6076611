"""
The answers of gpt-oss. Pure: as output/output.py, for a format in which everything said has a
header:

    <|channel|>analysis<|message|>…<|end|><|start|>assistant<|channel|>commentary
    to=functions.NAME <|constrain|>json<|message|>{…}<|call|>
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from ..output.output import (
    Mark,
    Output,
    Piece,
    Speech,
    Stopped,
    Thinking,
    ToolCall,
    first_of,
    longest_partial,
)
from ..text_calls.json_calls import arguments_in
from .cut_calls import json_call

marks = tuple(
    f"<|{name}|>" for name in ("start", "channel", "constrain", "message", "end", "call", "return")
)
closing = {"<|end|>", "<|call|>", "<|return|>"}
recipient = re.compile(r"\bto=(?:functions\.)?([^\s<]+)")


@dataclass(slots=True)
class HarmonyParser:
    """`opening` is what the template wrote behind the last `<|start|>`."""

    by_token: bool
    tools: Sequence[Mapping[str, Any]] = ()
    stops: Sequence[str] = ()
    opening: str = ""
    _place: Literal["header", "message", "between"] = "header"
    _header: str = ""
    _body: str = ""
    _held: str = ""
    _speech: Speech = field(default_factory=Speech)

    def __post_init__(self) -> None:
        header, opened, _ = self.opening.partition("<|message|>")
        self._header = header
        if opened:
            self._place = "message"

    def feed(self, piece: Piece) -> Iterator[Output]:
        if isinstance(piece, Mark) and self.by_token:
            before, self._held = self._held, ""
            yield from self._say(before)
            yield from self._meet(piece.text)
            return
        self._held += piece.text if isinstance(piece, Mark) else piece
        while True:
            at, found = first_of(self._wanted(), self._held)
            if found is None:
                break
            before, self._held = self._held[:at], self._held[at + len(found) :]
            yield from self._say(before)
            if found in self.stops:
                yield from self._speech.end()
                yield Stopped(found)
                return
            yield from self._meet(found)
        ready = len(self._held) - longest_partial(self._wanted(), self._held)
        before, self._held = self._held[:ready], self._held[ready:]
        yield from self._say(before)

    def finish(self, *, cut: bool = False) -> Iterator[Output]:
        rest, self._held = self._held, ""
        yield from self._say(rest)
        if self._place == "message":
            yield from self._close(cut=cut)
        elif self._place == "header" and "<|channel|>" not in self._header:
            # No header after all: a model that was led astray speaks plainly.
            yield from self._speech.say(self._header.removeprefix("assistant"))
        yield from self._speech.end()

    def _wanted(self) -> list[str]:
        speaks = self._place == "message" and self._channel != "analysis" and not self._callee
        return [*(() if self.by_token else marks), *(self.stops if speaks else ())]

    @property
    def _channel(self) -> str:
        words = self._header.rpartition("<|channel|>")[2].split()
        return words[0] if words else "final"

    @property
    def _callee(self) -> str | None:
        found = recipient.search(self._header)
        return found.group(1) if found and self.tools else None

    def _meet(self, mark: str) -> Iterator[Output]:
        if mark == "<|start|>" or (mark == "<|channel|>" and self._place != "header"):
            yield from self._close()
            self._place, self._header = "header", mark.removeprefix("<|start|>")
        elif mark == "<|message|>":
            self._place = "message"
        elif mark in closing:
            yield from self._close()
        elif self._place == "header":
            self._header += mark

    def _say(self, text: str) -> Iterator[Output]:
        if not text:
            return
        if self._place == "header":
            self._header += text
        elif self._place == "message" and self._callee:
            self._body += text
        elif self._place == "message" and self._channel == "analysis":
            yield Thinking(text)
        else:
            yield from self._speech.say(text)

    def _close(self, *, cut: bool = False) -> Iterator[Output]:
        """The end of a message: what was said to a tool is a call, if it can be read."""
        body, self._body = self._body, ""
        callee = self._callee if self._place == "message" else None
        if self._place == "message":
            self._place, self._header = "between", ""
        if callee is None:
            return
        try:
            if cut:
                call, _ = json_call(callee, body.lstrip(), 0)
            else:
                call = ToolCall(callee, arguments_in(body))
        except ValueError:
            yield from self._speech.say(body)
            return
        self._speech.call()
        yield call
