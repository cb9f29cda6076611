"""
From rendered text to ids, piece by piece. Knows the tokenizer and what was generated; knows nothing
of templates or of the model.

Text is cut at the template's turn markers, and the ids of a piece are kept, so that of a long
conversation only new text is tokenised. That the pieces give the same ids as the whole is checked
when the tokenizer is loaded; if they do not, everything is one piece.

An answer is rendered again by the next request, seldom with the ids that were generated. They are
remembered and put back in its place when the client returns what was sent, because then nothing
of it has to be prefilled again.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from ..events import Tokens
from ..prefix.answers import Answered, Answers, hash_of
from .segments import ends, turn_cutter

Message = Mapping[str, Any]
remembered_texts = 8192
remembered_heads = 64


@dataclass(frozen=True, slots=True)
class Piece:
    """
    `place` names everything before it. Up to `answered` its ids contain what was generated, as it
    was generated; 0 when they do not.
    """

    text: str
    ids: Tokens
    place: str
    answered: int = 0


class Pieces:
    def __init__(self, tokenizer: Any, answers: Answers) -> None:
        self._tokenizer = tokenizer
        self._answers = answers
        self._cut = turn_cutter(tokenizer)
        self._end_marks = ends(tokenizer)
        self.encode = lru_cache(remembered_texts)(self._encode)
        # Of the beginning of a piece: long, and asked for again with every request.
        self.encode_head = lru_cache(remembered_heads)(self._encode)

    def of(self, text: str, messages: Sequence[Message], place: str = "") -> Iterator[Piece]:
        """`place` names what stands before the text."""
        for part in self._cut(text):
            generated = self._answer_ids(part, place, messages)
            ids = self.encode(part) if generated is None else generated
            yield Piece(part, ids, place, 0 if generated is None else len(generated))
            place = behind(place, part)

    def remember(
        self, last: Piece, message_index: int, ids: Sequence[int], message: Message
    ) -> None:
        """`ids` were generated behind the last piece, end token included, and sent as `message`."""
        said = hash_of(same_message(message))
        self._answers.add(last.place, Answered(tuple(ids), said, message_index, last.text))

    def _encode(self, text: str) -> Tokens:
        return np.array(self._tokenizer.encode(text, add_special_tokens=False), np.int32)

    def _answer_ids(self, text: str, place: str, messages: Sequence[Message]) -> Tokens | None:
        answered = self._answers.get(place)
        if answered is None or not text.startswith(answered.opening):
            return None
        if text == answered.opening or len(messages) <= answered.message_index:
            return None
        if hash_of(same_message(messages[answered.message_index])) != answered.message:
            return None
        generated = np.array(answered.ids, np.int32)
        tail = self._tail(text, answered)
        return np.concatenate([self.encode(answered.opening), generated, tail])

    def _tail(self, text: str, answered: Answered) -> Tokens:
        """What the template writes behind an answer: line ends, and the end mark of a cut one."""
        at, mark = max((text.rfind(mark), mark) for mark in self._end_marks)
        if at < 0:
            return np.array([], np.int32)
        complete = bool(answered.ids) and answered.ids[-1] in self._tokenizer.eos_token_ids
        return self.encode(text[at + len(mark) :] if complete else text[at:])


def joined(pieces: Sequence[Piece]) -> Piece:
    """Several that stand side by side as one."""
    places = np.cumsum([len(piece.ids) for piece in pieces])
    answered = [
        int(end) - len(piece.ids) + piece.answered
        for piece, end in zip(pieces, places, strict=True)
        if piece.answered
    ]
    return Piece(
        text="".join(piece.text for piece in pieces),
        ids=np.concatenate([piece.ids for piece in pieces]),
        place=pieces[0].place,
        answered=answered[-1] if answered else 0,
    )


def behind(place: str, text: str) -> str:
    """The name of a place and the text behind it together."""
    return hashlib.sha256(f"{place}\0{text}".encode("utf-8", "surrogatepass")).hexdigest()


def same_message(message: Message) -> str:
    """Equal for messages that say the same; ids of calls and the form of text do not count."""
    calls = [
        [call["function"]["name"], object_of(call["function"].get("arguments"))]
        for call in message.get("tool_calls") or []
    ]
    said = [message.get("reasoning_content") or "", text_of(message.get("content")), calls]
    return json.dumps(said, sort_keys=True)


def text_of(content: object) -> str:
    """Text, or a list of text parts, or nothing, as text."""
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        return "\n".join(part.get("text", "") for part in content if isinstance(part, dict))
    return ""


def object_of(arguments: object) -> dict[str, Any]:
    """Templates want an object: what is none, as of a call that was cut off, is put into one."""
    parsed = arguments_of(arguments)
    return parsed if isinstance(parsed, dict) else {"arguments": parsed}


def arguments_of(arguments: object) -> object:
    """What is not JSON stays as it is."""
    if not isinstance(arguments, str):
        return arguments or {}
    try:
        parsed: object = json.loads(arguments or "{}")
        if "\\ud" in arguments.lower():
            json.dumps(parsed, ensure_ascii=False).encode()
        return parsed
    except (ValueError, RecursionError):
        return arguments
