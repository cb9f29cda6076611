"""
What an answer has to be like, as phases for a guide. Knows the model's markers and llguidance;
nothing of mlx.

Grammars are compiled when they are first needed and kept: the next request has the same tools.
"""

from __future__ import annotations

import json
import logging
import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from llguidance import LLMatcher, LLTokenizer

from ..dialect.dialect import Dialect, token_of
from ..dialect.formats import Function, Rules, Schema, Wanted, formats, quoted
from ..errors import InvalidRequest
from ..events import Guide
from .guide import Free, Held, PhasedGuide, Phases, Sign
from .harmony import harmony_auto, harmony_held
from .tokens import read_tokenizer

log = logging.getLogger(__name__)
kept_grammars = 64
kept_schemas = 1024
any_object: Schema = {"type": "object"}
Tools = Sequence[Mapping[str, Any]]


class Grammars:
    """Of one model. Guides are made in any thread, and used in one."""

    def __init__(self, tokenizer: Any, vocabulary: int, dialect: Dialect) -> None:
        """`vocabulary` is how many logits the model gives: there may be more than tokens."""
        self._hf = tokenizer
        self._vocabulary = vocabulary
        self._dialect = dialect
        self._markers = dialect.markers
        self._harmony = dialect.name == "harmony"
        self._format = formats.get(dialect.name or "")
        self._start, self._end = dialect.markers.call_start or "", dialect.markers.call_end or ""
        self._lazily = self._harmony or self._format is not None
        if dialect.name is None:
            # Told in words how to call; in free text only the parser knows what is a call.
            self._format, self._start, self._end = (
                formats["json_tools"],
                "<tool_call>",
                "</tool_call>",
            )
        self._tokenizer: LLTokenizer | None = None
        self._compiled: OrderedDict[str, LLMatcher] = OrderedDict()
        self._lock = threading.RLock()

    @property
    def kind(self) -> str | None:
        """Of the model's calls; None when they cannot be enforced."""
        return "json" if self._harmony else self._format.kind if self._format else None

    def guide(self, wanted: Wanted, tools: Tools, *, thinking: bool) -> Guide | None:
        """`thinking`: the prompt has opened it. None when nothing is asked of the answer."""
        first = "thinking" if thinking else "answer"
        if wanted.calls == "required" and self.kind is None:
            raise InvalidRequest(
                'tool_choice: calls of this model cannot be enforced; ask for "auto" or "none"'
            )
        if wanted.schema is not None and (reason := refusal(wanted.schema)):
            raise InvalidRequest(f"response_format: Cannot enforce this schema: {reason}")
        if wanted.calls == "required" or wanted.schema is not None:
            phases = self._held(wanted, tools)
        elif wanted.calls == "auto" and self._lazily:
            phases = self._auto(wanted, tools)
            first = "thinking" if thinking and "thinking" in phases else "free"
        else:
            return None
        if self._tokenizer is None:
            threading.Thread(target=self._prepare, name="grammar", daemon=True).start()
        return PhasedGuide(self, phases, first)

    def _auto(self, wanted: Wanted, tools: Tools) -> Phases:
        """Free, but for what stands between the markers of a call."""
        if self._harmony:
            return harmony_auto(self, wanted, functions_of(tools))

        def grammar() -> str:
            rules = self.rules(wanted.parallel)
            return rules.grammar(f"{self._body(rules, functions_of(tools))} {self.mark(self._end)}")

        start, end = self._markers.think_start, self._markers.think_end
        return {
            "free": Free(
                [
                    self.sign(self._start, "call"),
                    *([self.sign(start, "thinking")] if start and end else []),
                ]
            ),
            "thinking": Free([self.sign(end, "free")] if end else []),
            "call": Held(grammar, {None: "free" if wanted.parallel else "end"}),
            "end": Held(lambda: 'start: ""'),
        }

    def _held(self, wanted: Wanted, tools: Tools) -> Phases:
        """From the start, but for the thinking: calls, or JSON, or either."""
        if self._harmony:
            return harmony_held(self, wanted, wanted.chosen(functions_of(tools)))

        def grammar() -> str:
            rules = self.rules(wanted.several)
            ways = []
            if wanted.calls and self._format:
                ways.append(self._calls(rules, wanted.chosen(functions_of(tools))))
            if wanted.schema is not None and wanted.calls != "required":
                ways.append(rules.json(wanted.schema))
            return rules.grammar(" | ".join(ways))

        start, end = self._markers.think_start, self._markers.think_end
        if not start or not end:
            return {"answer": Held(grammar)}
        opening = int(self._hf.encode(start, add_special_tokens=False)[0])
        return {
            "answer": Held(grammar, exits={opening: "thinking"}),
            "thinking": Free([self.sign(end, "after")]),
            "after": Held(grammar),
        }

    def _calls(self, rules: Rules, functions: Sequence[Function]) -> str:
        body = self._body(rules, functions)
        call = f"{self.mark(self._start)} {body} {self.mark(self._end)}"
        # Without an end mark the body goes on to the end of the answer.
        return f"WS? {rules.calls([call], 'WS?') if self._end else rules.add(call)}"

    def _body(self, rules: Rules, functions: Sequence[Function]) -> str:
        assert self._format
        return self._format.body(rules, functions)

    def ends_answer(self, text: str) -> bool:
        return token_of(self._hf, text) in self._hf.eos_token_ids

    def rules(self, several: bool = True) -> Rules:
        return Rules(self.fit, self.mark, several)

    def mark(self, text: str) -> str:
        """By token where it is one, so that nothing else can spell it."""
        if not text:
            return ""
        token = token_of(self._hf, text)
        return quoted(text) if token is None else f"<[{token}]>"

    def sign(self, text: str, leads_to: str) -> Sign:
        return Sign(token_of(self._hf, text), text, leads_to)

    def fit(self, schema: Schema) -> Schema:
        """The schema if it can be enforced, else without what cannot, else any object."""
        return fitted(json.dumps(schema))

    def _prepare(self) -> None:
        """Ahead of its use, beside the prefill: it takes a second with a large vocabulary."""
        with self._lock:
            if self._tokenizer is None:
                size = max(self._vocabulary, len(self._hf))
                marks = self._dialect.vocabulary.marks.keys()
                self._tokenizer = read_tokenizer(self._hf, size, marks)

    @property
    def _known_tokens(self) -> LLTokenizer:
        self._prepare()
        assert self._tokenizer
        return self._tokenizer

    @property
    def words(self) -> int:
        return (self._vocabulary + 31) // 32

    def matcher(self, grammar: str) -> LLMatcher:
        with self._lock:
            known = self._compiled.get(grammar)
            if known is None:
                known = LLMatcher(self._known_tokens, LLMatcher.grammar_from_lark(grammar))
                if known.is_error():
                    log.warning("a grammar cannot be used: %s", known.get_error())
                self._compiled[grammar] = known
                while len(self._compiled) > kept_grammars:
                    self._compiled.popitem(last=False)
            self._compiled.move_to_end(grammar)
            return known.deep_copy()

    def bytes_of(self, token: int) -> bytes:
        if self._dialect.vocabulary.is_bytes:
            return self._dialect.vocabulary.bytes_of(token)
        return self._known_tokens.decode_bytes([token])

    def tokens_of(self, text: bytes) -> list[int]:
        return self._known_tokens.tokenize_bytes(text)


@lru_cache(kept_schemas)
def fitted(schema: str) -> Schema:
    """`schema` as JSON."""
    whole = {**json.loads(schema), "type": "object"}
    lenient = {**whole, "x-guidance": {"lenient": True}}
    for one in (whole, lenient):
        if not refusal(one):
            return one
    log.warning("a tool's parameters cannot be enforced: %s", refusal(whole))
    return any_object


def refusal(schema: Schema) -> str:
    """Why a schema cannot be enforced; empty when it can."""
    grammar = LLMatcher.grammar_from_lark(f"start: json\njson: %json {json.dumps(schema)}")
    failed, words = LLMatcher.validate_grammar_with_warnings(grammar)
    return str(words[0]).partition("\n")[0].partition("schema: ")[2] if failed else ""


def functions_of(tools: Tools) -> list[Function]:
    found = []
    for tool in tools:
        function = tool["function"]
        schema = function.get("parameters")
        found.append(Function(function["name"], schema if isinstance(schema, dict) else any_object))
    return found
