"""
How a model speaks: its markers, which parser reads its answers, and which grammar can hold them.
Found from its tokenizer when it is loaded.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..output.detokenizer import Vocabulary
from ..output.output import Markers, OutputParser, Parser
from ..text_calls.tolerant import TolerantParser
from .cut_calls import cut_readers, parse_whole
from .harmony import HarmonyParser
from .harmony import marks as harmony_marks


@dataclass(frozen=True)
class Dialect:
    name: str | None
    """Of mlx-lm's tool parser, or `harmony`; None when only the tolerant one reads its calls."""
    markers: Markers
    vocabulary: Vocabulary

    @property
    def thinks(self) -> bool:
        return self.name == "harmony" or self.markers.think_start is not None

    @property
    def answers_in_one_turn(self) -> bool:
        """Else its ids cannot stand for one turn of the next prompt."""
        return self.name != "harmony"

    def opens_thinking(self, opening: str) -> bool:
        """Some templates write the thinking mark themselves."""
        if self.name == "harmony":
            header = opening.rpartition("<|start|>")[2]
            return "<|channel|>analysis" in header and "<|message|>" in header
        start = self.markers.think_start
        return bool(start) and opening.rstrip().endswith(str(start))

    def parser(
        self,
        tools: Sequence[Mapping[str, Any]],
        stops: Sequence[str],
        opening: str,
        *,
        formatted: bool = False,
    ) -> Parser:
        """For an answer behind `opening`; `formatted`: it is to be JSON of a schema."""
        parser: Parser
        if self.name == "harmony":
            header = opening.rpartition("<|start|>")[2]
            by_token = "<|message|>" in self.markers.by_token
            parser = HarmonyParser(by_token, tools, stops, header)
        else:
            thinking = self.opens_thinking(opening)
            parser = OutputParser(self.markers, tools, stops, thinking)
        return TolerantParser(parser, tools, formatted) if tools else parser


def dialect_of(tokenizer: Any) -> Dialect:
    vocabulary = tokenizer.get_vocab()
    parser_module = getattr(tokenizer.tool_parser, "__module__", "")
    name = parser_module.rpartition(".")[2] or None
    speaks_harmony = name is None and all(mark in vocabulary for mark in harmony_marks)
    texts = [
        *(tokenizer.think_start, tokenizer.think_end),
        *(tokenizer.tool_call_start, tokenizer.tool_call_end),
        *(harmony_marks if speaks_harmony else ()),
    ]
    by_token = {
        token: text for text in texts if text and (token := token_of(tokenizer, text)) is not None
    }
    markers = Markers(
        think_start=tokenizer.think_start,
        think_end=tokenizer.think_end,
        call_start=tokenizer.tool_call_start,
        call_end=tokenizer.tool_call_end,
        parse_call=parse_whole(name, tokenizer.tool_parser),
        read_cut=cut_readers.get(name or ""),
        by_token=frozenset(by_token.values()),
    )
    return Dialect(
        name="harmony" if speaks_harmony else name,
        markers=markers,
        vocabulary=Vocabulary(tokenizer, by_token),
    )


def token_of(tokenizer: Any, text: str) -> int | None:
    """The token that is this text, if there is one."""
    ids = tokenizer.encode(text, add_special_tokens=False)
    return int(ids[0]) if len(ids) == 1 else None
