"""
Tool calls of other families than the model's own, found in its text. Pure.

A call is one only at the start of a line, outside fenced code, with the name of a tool that the
request has, and if it can be read to its end. Everything else stays the text it is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import regex

from .foreign_calls import Form, forms, missing_brackets
from .output import Output, Parser, Piece, Stopped, Text, Thinking, ToolCall, written


@dataclass(slots=True)
class TolerantParser:
    """Looks at the texts that another parser gives out."""

    inner: Parser
    tools: Sequence[Mapping[str, Any]]
    _held: str = ""
    _line_starts: bool = True
    _fence: str = ""
    _said: bool = False
    _called: bool = False
    """The last thing said was a call."""
    _schemas: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    _openings: list[tuple[Any, Form]] = field(default_factory=list)

    def __post_init__(self) -> None:
        for tool in self.tools:
            function = tool["function"]
            self._schemas[function["name"]] = function.get("parameters") or {}
        names = "|".join(regex.escape(name) for name in self._schemas)
        self._openings = [
            (regex.compile(form.opening.replace("NAMES", names)), form) for form in forms
        ]

    def feed(self, piece: Piece) -> Iterator[Output]:
        for output in self.inner.feed(piece):
            yield from self._hear(output)

    def finish(self, *, cut: bool = False) -> Iterator[Output]:
        for output in self.inner.finish(cut=cut):
            yield from self._hear(output)
        yield from self._settle(cut=cut)

    def _hear(self, output: Output) -> Iterator[Output]:
        if isinstance(output, Text):
            self._held += output.text
            yield from self._advance(ended=False)
            return
        yield from self._settle(cut=isinstance(output, Stopped))
        self._said = self._said or not isinstance(output, Thinking)
        self._line_starts, self._called = True, isinstance(output, ToolCall)
        yield output

    def _settle(self, *, cut: bool) -> Iterator[Output]:
        """Nothing that is held back goes on."""
        yield from self._advance(ended=True, cut=cut)
        if self._called and not self._held.strip():
            self._held = ""  # blank lines behind a call are the template's
        yield from self._say(len(self._held))

    def _advance(self, *, ended: bool, cut: bool = False) -> Iterator[Output]:
        while self._held:
            words = self._held.lstrip() if self._line_starts else self._held
            if self._line_starts:
                if not words:
                    return
                found = None if self._fence else self._form(words, ended)
                if found == "wait" or (not ended and words in ("`", "``", "~", "~~")):
                    return
                if isinstance(found, Form):
                    read = self._read(found, words, ended, cut)
                    if read is None:
                        return
                    if read:
                        yield from read
                        continue
                self._see_fence(words)
            end = self._held.find("\n", len(self._held) - len(words))
            self._line_starts = end >= 0
            yield from self._say(end if end >= 0 else len(self._held))

    def _form(self, words: str, ended: bool) -> Form | str | None:
        """The form that begins here; `wait` when more must be heard to know."""
        wait = False
        for opening, form in self._openings:
            if form.whole and self._said:
                continue
            match = opening.match(words, partial=not ended)
            if match and not match.partial:
                return form
            wait = wait or match is not None
        return "wait" if wait else None

    def _read(self, form: Form, words: str, ended: bool, cut: bool) -> list[Output] | None:
        """The calls of a form; none when it is text after all, None when its end is to come."""
        end = words.find(form.end) if form.end else -1
        if end < 0 and not ended:
            return None
        if end < 0 and (cut or missing_brackets(words)):
            return []  # cut off: who knows what was to follow
        until = end + len(form.end or "") if end >= 0 else len(words)
        try:
            calls = form.read(words[:until], self._schemas)
        except (ValueError, KeyError, TypeError, IndexError, RecursionError):
            return []
        if not calls or any(name not in self._schemas for name, _ in calls):
            return []
        self._held = words[until:]
        self._said = self._called = True
        return [ToolCall(name, written(arguments)) for name, arguments in calls]

    def _see_fence(self, words: str) -> None:
        fence = next((mark for mark in ("```", "~~~") if words.startswith(mark)), "")
        if fence and self._fence in ("", fence):
            self._fence = "" if self._fence else fence

    def _say(self, length: int) -> Iterator[Output]:
        said, self._held = self._held[:length], self._held[length:]
        if said:
            self._said = self._said or bool(said.strip())
            self._called = False
            yield Text(said)
