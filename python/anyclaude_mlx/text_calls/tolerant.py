"""
Tool calls of other families than the model's own, found in its text. Pure; says the same as
src/translate/text-calls/text-calls.ts.

A call is one only at the start of a line, outside fenced code, with the name of a tool that the
request has, and if it can be read to its end. Everything else stays the text it is; held back is
only what may still become a call.
"""

from __future__ import annotations

import re
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from ..output.output import Output, Parser, Piece, Stopped, Text, Thinking, ToolCall
from ..repair.mended import Unfinished
from .call_openings import begins
from .foreign_calls import Form, forms
from .written_calls import Written

# How often what begins like a call may turn out not to be one, before no more is looked for.
most_mistakes = 32
# A model that says nothing but blanks is not about to call.
most_blanks = 4096
firsts = set("<[{`")
# Left over where a model forgot to open what it closes.
stray_end = "</tool_call>"
fence_line = re.compile(r"(`{3,}|~{3,})(.*)", re.DOTALL)


@dataclass(slots=True)
class TolerantParser:
    """
    Looks at the texts that another parser gives out. `formatted`: the answer is to be JSON, so that
    JSON alone says nothing.
    """

    inner: Parser
    tools: Sequence[Mapping[str, Any]]
    formatted: bool = False
    _held: str = ""
    _place: Literal["line start", "in line"] | Form = "line start"
    _words_at: int = 0
    """Where in what is held the words begin that may be a call."""
    _searched: int = 0
    """From where on their end mark is looked for."""
    _fence: str = ""
    """What opened the code that we are in."""
    _line: str | None = None
    """The line that we are in, where it may open or close fenced code."""
    _first: bool = True
    _behind_call: bool = False
    _mistakes: int = 0
    _schemas: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    _forms: list[Form] = field(default_factory=list)

    def __post_init__(self) -> None:
        for tool in self.tools:
            function = tool["function"]
            self._schemas[function["name"]] = function.get("parameters") or {}
        self._forms = [form for form in forms if not (form.whole and self.formatted)]

    def feed(self, piece: Piece) -> Iterator[Output]:
        for output in self.inner.feed(piece):
            yield from self._hear(output)

    def finish(self, *, cut: bool = False) -> Iterator[Output]:
        for output in self.inner.finish(cut=cut):
            yield from self._hear(output)
        yield from self._settle(cut=cut)

    def _hear(self, output: Output) -> Iterator[Output]:
        if isinstance(output, Text):
            place = self._place
            waits = isinstance(place, Form) and not self._meets_end(place, output.text)
            self._held += output.text
            # Not looked at before it can be decided: a long call would be read with every piece.
            if not waits:
                yield from self._advance()
            return
        yield from self._settle(cut=isinstance(output, Stopped))
        self._first = self._first and isinstance(output, Thinking)
        self._behind_call = isinstance(output, ToolCall)
        yield output

    def _settle(self, *, cut: bool) -> Iterator[Output]:
        """Nothing of this text follows."""
        yield from self._advance(over=True, cut=cut)
        # Blank lines behind a call are the template's.
        rest, self._held = self._held, ""
        if rest and not self._behind_call:
            yield Text(rest)
        self._place, self._fence = "line start", ""

    def _meets_end(self, form: Form, text: str) -> bool:
        if form.end is None:
            return False
        # Its beginning may stand at the end of what is held.
        return form.end in self._held[1 - len(form.end) :] + text

    def _advance(self, *, over: bool = False, cut: bool = False) -> Iterator[Output]:
        while self._held:
            place = self._place
            if place == "in line":
                yield from self._pass_line()
            elif place == "line start":
                if not (yield from self._begin_line(over)):
                    return
            else:
                assert isinstance(place, Form)
                if not (yield from self._end_call(place, over, cut)):
                    return

    def _pass_line(self) -> Iterator[Output]:
        end = self._held.find("\n")
        line = self._held if end < 0 else self._held[:end]
        if self._line is not None:
            self._line += line
        yield from self._pass(len(line))
        if end < 0:
            return
        self._place = "line start"
        if self._line is not None:
            self._see_fence(self._line)

    def _begin_line(self, over: bool) -> Generator[Output, None, bool]:
        """False when more has to be heard to know what begins here."""
        words = self._held.lstrip()
        if not words:
            if len(self._held) > most_blanks:
                yield from self._pass(len(self._held))
            return False
        self._words_at = len(self._held) - len(words)
        found = self._form_of(words)
        if found == "perhaps" and not over:
            return False
        if isinstance(found, Form):
            self._place, self._searched = found, self._words_at
        elif found == "noise":
            self._held = words[len(stray_end) :]
        else:
            yield from self._say_line()
        return True

    def _form_of(self, words: str) -> Form | Literal["noise", "perhaps", "none"]:
        if self._fence or self._mistakes >= most_mistakes or words[0] not in firsts:
            return "none"
        if self._behind_call and words.startswith(stray_end):
            return "noise"
        perhaps = self._behind_call and stray_end.startswith(words)
        for form in self._forms:
            if form.whole and not self._first:
                continue
            for opening in form.openings:
                result = begins(words, opening, self._schemas)
                if result == "yes":
                    return form
                perhaps = perhaps or result == "perhaps"
        return "perhaps" if perhaps else "none"

    def _say_line(self) -> Iterator[Output]:
        yield from self._pass(self._words_at)
        self._place = "in line"
        self._line = "" if self._held.startswith(("`", "~")) else None

    def _end_call(self, form: Form, over: bool, cut: bool) -> Generator[Output, None, bool]:
        """False when its end is to come."""
        at = self._held.find(form.end, self._searched) if form.end else -1
        closed = at >= 0
        if not closed and not over:
            return False
        until = at + len(form.end or "") if closed else len(self._held)
        calls: list[ToolCall] = []
        try:
            if closed or not cut:
                text = self._held[self._words_at : until]
                calls = form.read(Written(text, self._schemas, closed))
        except Unfinished:
            if closed and self._mistakes < most_mistakes:
                self._mistakes += 1
                self._searched = until
                return True
        except ValueError:
            pass  # what only looks like a call
        if not calls or any(call.name not in self._schemas for call in calls):
            self._mistakes += 1
            yield from self._say_line()
            return True
        yield from calls
        self._held = self._held[until:]
        self._place, self._first, self._behind_call = "line start", False, True
        return True

    def _pass(self, length: int) -> Iterator[Output]:
        """Gives out as text what comes first in what is held."""
        text, self._held = self._held[:length], self._held[length:]
        if text:
            self._first = self._behind_call = False
            yield Text(text)

    def _see_fence(self, line: str) -> None:
        """As Markdown has it: closed by as many marks as opened it, with nothing behind them."""
        found = fence_line.match(line)
        if found is None:
            return
        mark, behind = found.groups()
        if not self._fence:
            self._fence = "" if "`" in behind else mark
        elif mark.startswith(self._fence) and not behind.strip():
            self._fence = ""
