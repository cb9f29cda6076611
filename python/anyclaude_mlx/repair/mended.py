"""
JSON as models write it. Pure; says the same as src/translate/repair/mended-json.ts, which has to
take the same texts for calls.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Literal

deepest = 200
blanks = re.compile(r"[ \t\r\n]*")
number = re.compile(
    r"-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?(?![\w.+-])",
    re.ASCII,
)
word = re.compile(r"[A-Za-z_$][\w$-]*", re.ASCII)
plain = {quote: re.compile(rf"[^{quote}\\\x00-\x1f]*") for quote in "\"'"}
escape = re.compile(r'\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})')
begin_of_escape = re.compile(r"\\(?:u[0-9a-fA-F]{0,3})?\Z")
words = {"true": "true", "false": "false", "null": "null"}
words |= {"True": "true", "False": "false", "None": "null"}


class Broken(ValueError):
    """Nothing that might follow makes it right."""


class Unfinished(ValueError):
    """More text could make it right."""


@dataclass(frozen=True, slots=True)
class Mended:
    """JSON, letter for letter what was given where that was right, and where it ended."""

    json: str
    end: int


def mended(text: str, at: int = 0, *, may_close: bool = False) -> Mended:
    """
    The value that begins at `at`, with what can be meant in one way only: Python's words and
    quotes, keys without quotes, line ends inside of texts, a comma too many, and with `may_close`
    brackets that are missing at the end. Raises Broken or Unfinished.
    """
    mender = Mender(text, at, may_close)
    return Mended(mender.value(0), mender.at)


@dataclass(slots=True)
class Mender:
    text: str
    at: int
    may_close: bool

    def value(self, depth: int) -> str:
        letter = self._peek()
        if not letter or depth > deepest:
            raise self._unreadable()
        if letter == "{":
            return self._object(depth + 1)
        if letter == "[":
            return self._array(depth + 1)
        if letter in plain:
            return self._string(letter)
        if found := self._take(number):
            return found
        known = words.get(self._take(word))
        if known is None:
            raise self._unreadable()
        return known

    def _object(self, depth: int) -> str:
        self.at += 1
        said = "{" + self._take(blanks)
        if self._skip("}"):
            return said + "}"
        while True:
            said += self._key() + self._take(blanks)
            if not self._skip(":"):
                raise self._unreadable()
            said += ":" + self._take(blanks) + self.value(depth)
            following, is_end = self._next("}")
            said += following
            if is_end:
                return said

    def _array(self, depth: int) -> str:
        self.at += 1
        said = "[" + self._take(blanks)
        if self._skip("]"):
            return said + "]"
        while True:
            said += self.value(depth)
            following, is_end = self._next("]")
            said += following
            if is_end:
                return said

    def _next(self, close: Literal["}", "]"]) -> tuple[str, bool]:
        """Behind a member: a comma, the end, or a comma before the end, which is dropped."""
        before = self._take(blanks)
        if self._skip(close) or (self.at == len(self.text) and self.may_close):
            return before + close, True
        if not self._skip(","):
            raise self._unreadable()
        behind = self._take(blanks)
        if self._skip(close):
            return before + behind + close, True
        return f"{before},{behind}", False

    def _key(self) -> str:
        letter = self._peek()
        if letter in plain:
            return self._string(letter)
        bare = self._take(word)
        if not bare:
            raise self._unreadable()
        return json.dumps(bare)

    def _string(self, quote: str) -> str:
        self.at += 1
        said = '"'
        while True:
            said += self._take(plain[quote])
            letter = self._peek()
            if not letter:
                raise self._unreadable()
            if letter == "\\":
                said += self._escape()
                continue
            self.at += 1
            if letter == quote:
                return said + '"'
            said += json.dumps(letter)[1:-1]

    def _escape(self) -> str:
        if self.text.startswith("\\'", self.at):
            self.at += 2
            return "'"
        if found := self._take(escape):
            return found
        raise Unfinished() if begin_of_escape.match(self.text, self.at) else Broken()

    def _skip(self, letter: str) -> bool:
        if self._peek() != letter:
            return False
        self.at += 1
        return True

    def _peek(self) -> str:
        return self.text[self.at : self.at + 1]

    def _take(self, pattern: re.Pattern[str]) -> str:
        found = pattern.match(self.text, self.at)
        if found is None:
            return ""
        self.at = found.end()
        return found[0]

    def _unreadable(self) -> ValueError:
        return Unfinished() if self.at >= len(self.text) else Broken()
