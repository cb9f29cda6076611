"""
A model that is watched. Whatever a sequence computes is written down, byte for byte: the rows of
every position, every state that is kept, the logits of every step and the cuts between which they
were computed. Whatever is restored must be among it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import mlx.core as mx
import numpy as np

from anyclaude_mlx.__main__ import load as load
from anyclaude_mlx.api.chat import Conversation
from anyclaude_mlx.api.wire import parse_chat
from anyclaude_mlx.engine import Sequence, decode
from anyclaude_mlx.events import Accepted, Finished, GenerationRequest, Token
from anyclaude_mlx.loaded import Loaded
from anyclaude_mlx.mlx_engine.engine import MlxModel
from anyclaude_mlx.prefix.cache import Match

# In float32, where cuts or company differ.
tolerance = 1e-4
step = 0


class Wrong(AssertionError):
    """What was restored is not what was computed."""


@dataclass(eq=False)
class Record:
    """Of one sequence. A cut is a number of tokens fed at once, or `step`: one, for its logits."""

    tokens: list[int] = field(default_factory=list)
    cuts: list[int] = field(default_factory=list)
    rows: list[bytes] = field(default_factory=list)
    states: dict[int, bytes] = field(default_factory=dict)
    logits: list[np.ndarray] = field(default_factory=list)
    cuts_are_known: bool = True

    def cuts_until(self, position: int) -> list[int] | None:
        """None when that is in the middle of what was fed at once."""
        at, found = 0, []
        for cut in self.cuts:
            if at == position:
                break
            at += cut or 1
            found.append(cut)
        return found if at == position else None


class Witness:
    """Stands in for the model. `records` outlive it, as what is on disk does."""

    def __init__(self, model: MlxModel, records: list[Record]) -> None:
        self._model = model
        self._records = records
        self._of: dict[int, Record] = {}
        self._heard: list[mx.array] = []
        self.asked: np.ndarray = np.array([], np.int32)
        decoder = model._decoder
        logits_of = decoder._logits

        def overheard(caches: list[Any], tokens: mx.array) -> mx.array:
            logits = logits_of(caches, tokens)
            self._heard.append(logits[:, -1])
            return logits

        decoder._logits = overheard  # type: ignore[method-assign]

    def __getattr__(self, name: str) -> Any:
        return getattr(self._model, name)

    def record_of(self, live: Any) -> Record:
        return self._of[id(live)]

    def forget(self) -> None:
        self._heard.clear()
        self._records.clear()
        self._of.clear()

    def open(self, match: Match[Any, Any], capacity: int) -> Any:
        live = self._model.open(match, capacity)
        record = Record(tokens=self.asked[: match.length].tolist())
        self._of[id(live)] = record
        self._write_down(live, record)
        if match.length:
            if not self._model.any_position:
                record.states[match.length] = digest(states_of(self._model, live))
            self._compare(record, match.length)
        self._records.append(record)
        return live

    def prefill(self, live: Any, tokens: np.ndarray) -> None:
        self._model.prefill(live, tokens)
        self._fed(live, tokens.tolist(), len(tokens))

    def state(self, live: Any) -> Any:
        state = self._model.state(live)
        record = self.record_of(live)
        record.states[len(record.tokens)] = digest(state.layers)
        return state

    def begin(self, live: Any, request: GenerationRequest) -> None:
        self._model.begin(live, request)
        live.speculation = None  # one token for each step
        token = int(request.tokens[-1])
        self.record_of(live).logits.append(np.array(self._heard.pop())[0])
        self._fed(live, [token], step)

    def next(self, lives: list[Any]) -> list[list[int]]:
        tokens = self._model.next(lives)
        heard = [row for logits in self._heard for row in np.array(logits)]
        self._heard.clear()
        for live, (token,), logits in zip(lives, tokens, heard, strict=True):
            self.record_of(live).logits.append(logits)
            self._fed(live, [token], step)
            if len(lives) > 1:
                self.record_of(live).cuts_are_known = False
        return tokens

    def _fed(self, live: Any, tokens: list[int], cut: int) -> None:
        record = self.record_of(live)
        record.tokens += tokens
        record.cuts.append(cut)
        self._write_down(live, record)

    def _write_down(self, live: Any, record: Record) -> None:
        """The bytes of each new position, of all layers that have one row for each."""
        start, end = len(record.rows), len(record.tokens)
        columns = [
            np.array(rows[0, :, start:end]).swapaxes(0, 1).reshape(end - start, -1).view(np.uint8)
            for layer in self._model._plain
            for rows in (live.caches[layer].keys, live.caches[layer].values)
            if rows is not None
        ]
        whole = np.concatenate(columns, axis=1) if columns else np.zeros((end - start, 0), np.uint8)
        record.rows += [hashlib.blake2b(row.tobytes(), digest_size=12).digest() for row in whole]

    def _compare(self, restored: Record, length: int) -> None:
        """Every byte was once computed for exactly these tokens. Finds the cuts, if of one run."""
        tokens = restored.tokens
        alike = [(record, agreeing(record.tokens, tokens)) for record in self._records]
        for position, row in enumerate(restored.rows):
            if not any(n > position and each.rows[position] == row for each, n in alike):
                raise Wrong(f"row {position} of {length} is not what was computed")
        if not self._model.any_position:
            state = restored.states[length]
            if not any(n >= length and each.states.get(length) == state for each, n in alike):
                raise Wrong(f"the state at {length} is not what was computed")
        for record, agreed in alike:
            if agreed < length or record.rows[:length] != restored.rows:
                continue
            if record.states.get(length) != restored.states.get(length) and restored.states:
                continue
            cuts = record.cuts_until(length)
            if record.cuts_are_known and cuts is not None:
                restored.cuts = cuts
                return
        restored.cuts_are_known = False


class Asking:
    """The cache, as far as the witness must know for which tokens a model is opened."""

    def __init__(self, cache: Any, witness: Witness) -> None:
        self._cache = cache
        self._witness = witness

    def __getattr__(self, name: str) -> Any:
        return getattr(self._cache, name)

    def lookup(self, tokens: np.ndarray) -> Any:
        self._witness.asked = tokens
        return self._cache.lookup(tokens)


def watched(loaded: Loaded, records: list[Record] | None = None) -> Loaded:
    witness = Witness(loaded.model, [] if records is None else records)  # type: ignore[arg-type]
    return replace(loaded, model=witness, cache=Asking(loaded.cache, witness))  # type: ignore[arg-type]


@dataclass
class Heard:
    """One request: how it was computed, and the answer as the client gets it."""

    record: Record
    prompt: np.ndarray
    accepted: Accepted
    generated: list[int]
    message: dict[str, Any]

    @property
    def logits(self) -> list[np.ndarray]:
        return self.record.logits[: len(self.generated)]


class Asked:
    """A request that is worked on step by step."""

    def __init__(
        self, loaded: Loaded, body: dict[str, Any], tokens: np.ndarray | None = None
    ) -> None:
        """`tokens` instead of those of the body, for what no text would give."""
        self._chat = parse_chat(body, loaded.default_sampling)
        self.plan = loaded.prompter.plan(self._chat.prompt)
        self._conversation = Conversation(self._chat, loaded, self.plan)
        self._events: list[Any] = []
        self._loaded = loaded
        self.prompt = self.plan.tokens if tokens is None else tokens
        request = GenerationRequest(
            self.prompt, self.plan.boundaries, self._chat.max_tokens, lasting=self.plan.lasting
        )
        self.sequence: Sequence[Any, Any, Any] = loaded.start(request, self._hear)
        self.message: dict[str, Any] = {}

    def prefilled(self, most: int | None = None) -> Asked:
        while not self.sequence.prefill(most):
            pass
        return self

    def ended(self) -> Heard:
        while not decode([self.sequence]):
            pass
        self.sequence.close()
        return self.heard()

    @property
    def accepted(self) -> Accepted:
        return next(event for event in self._events if isinstance(event, Accepted))

    def heard(self) -> Heard:
        model: Any = self._loaded.model
        return Heard(
            model.record_of(self.sequence.live),
            self.prompt,
            self.accepted,
            list(self.sequence._generated),
            self.message,
        )

    def _hear(self, event: Any) -> None:
        self._events.append(event)
        if isinstance(event, Token):
            self._conversation.hear(event.id)
        elif isinstance(event, Finished):
            self.message = self._conversation.end(event)[1].answer.message()


def ask(loaded: Loaded, body: dict[str, Any], most: int | None = None) -> Heard:
    return Asked(loaded, body).prefilled(most).ended()


def computed_again(reference: Witness, heard: Heard) -> list[np.ndarray]:
    """The logits of the answer, from nothing, between the same cuts."""
    record = heard.record
    assert record.cuts_are_known
    live = reference.open(Match(0, 0, None, (), None, None), len(record.tokens))
    again = reference.record_of(live)
    at = 0
    for cut in record.cuts:
        tokens = np.array(record.tokens[at : at + (cut or 1)], np.int32)
        if cut:
            reference.prefill(live, tokens)
        else:
            logits = reference._model._decoder._logits(live.caches, mx.array(tokens)[None])
            again.logits.append(np.array(logits)[0, -1])
        at += cut or 1
    reference.forget()
    return again.logits[-len(record.logits) :][: len(heard.generated)]


def check_same_cuts(reference: Loaded, heard: Heard) -> None:
    """Not one bit differs."""
    witness: Any = reference.model
    again = computed_again(witness, heard)
    for number, (one, other) in enumerate(zip(heard.logits, again, strict=True)):
        if not np.array_equal(one, other):
            apart = np.abs(one - other).max()
            raise Wrong(f"logits of token {number} differ by {apart:.1e} under the same cuts")
        assert int(one.argmax()) == heard.generated[number]


def check_other_cuts(actual: Heard, cold: Heard) -> None:
    """Logits within the tolerance, and the same tokens up to the first that hangs by a hair."""
    for number, (one, other) in enumerate(zip(actual.logits, cold.logits, strict=False)):
        apart = float(np.abs(one - other).max())
        if apart > tolerance:
            raise Wrong(f"logits of token {number} differ by {apart:.1e}")
        if actual.generated[number] != cold.generated[number]:
            second, first = np.partition(other, -2)[-2:]
            if first - second >= 10 * apart:
                raise Wrong(f"token {number} differs, with {first - second:.1e} between the two")
            return
    assert len(actual.generated) == len(cold.generated)


def states_of(model: MlxModel, live: Any) -> dict[int, Any]:
    return {layer: live.caches[layer].state for layer in model._other}


def digest(states: dict[int, Any]) -> bytes:
    """Of every array and number, layer by layer."""
    digested = hashlib.blake2b(digest_size=16)
    for part in parts_of(states):
        digested.update(part)
    return digested.digest()


def parts_of(state: Any) -> Iterator[bytes]:
    if isinstance(state, mx.array):
        yield f"{state.shape} {state.dtype}".encode()
        yield np.array(state).tobytes()
    elif isinstance(state, dict):
        for layer in sorted(state):
            yield f"layer {layer}".encode()
            yield from parts_of(state[layer])
    elif isinstance(state, (list, tuple)):
        yield f"{len(state)}".encode()
        for item in state:
            yield from parts_of(item)
    else:
        yield repr(state).encode()


def agreeing(one: list[int], other: list[int]) -> int:
    length = min(len(one), len(other))
    differing = np.flatnonzero(np.array(one[:length]) != np.array(other[:length]))
    return int(differing[0]) if len(differing) else length
