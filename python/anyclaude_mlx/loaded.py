"""A loaded model with everything that serves it: what the worker runs and what the API reads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np

from .engine import Emit, Model, Sequence
from .events import GenerationRequest, Priority, Sampling
from .prefix.cache import PrefixCache
from .prefix.heads import Heads
from .prefix.saving import Saver
from .prompt.prompt import Prompter

if TYPE_CHECKING:
    from .dialect.dialect import Dialect
    from .grammar.grammar import Grammars


class Device(NamedTuple):
    """`blas` is what a CPU computes products with, as far as it is known."""

    kind: Literal["cpu", "gpu"]
    blas: str | None


@dataclass(frozen=True)
class Loaded:
    id: str
    fingerprint: str
    device: Device
    cache_classes: tuple[str, ...]
    decodes_together: bool
    model: Model[Any, Any, Any]
    cache: PrefixCache[Any, Any]
    saver: Saver[Any, Any] | None
    """None when nothing is kept on disk."""
    tokenizer: Any
    prompter: Prompter
    heads: Heads
    dialect: Dialect
    grammars: Grammars
    default_sampling: Sampling

    @property
    def window(self) -> int:
        return self.model.window

    def start(self, request: GenerationRequest, emit: Emit) -> Sequence[Any, Any, Any]:
        if self.saver is None or request.priority is Priority.BACKGROUND:
            return Sequence(request, self.model, self.cache, emit)
        saver = self.saver
        ends = request.boundaries
        return Sequence(
            request, self.model, self.cache, emit, lambda tokens: saver.want(tokens, ends)
        )

    def idle(self) -> float | None:
        """A piece of work that can wait; seconds until the next one, None when nothing is left."""
        return self.saver.step() if self.saver else None

    def warm(self, project: str) -> GenerationRequest | None:
        """Computes what this project's conversations begin with; None when nothing is known."""
        head = self.heads.get(project)
        if head is None or len(head) >= self.window:
            return None
        # The last token is never computed: whatever it is, the head stands before it.
        tokens = np.append(head, head[-1]).astype(np.int32)
        end = len(head)
        return GenerationRequest(
            tokens,
            (end,),
            0,
            priority=Priority.IDLE,
            lasting=frozenset([end]),
            instruction_tokens=end,
        )

    def clear(self) -> None:
        """Forgets all prefixes, in memory and on disk."""
        self.cache.clear()
        if self.saver:
            self.saver.clear()

    def about_prefixes(self) -> dict[str, int]:
        return {**self.cache.about(), **(self.saver.about() if self.saver else {})}

    def about(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "context_length": self.window,
            "fingerprint": self.fingerprint,
            "caches": list(self.cache_classes),
            "decodes_together": self.decodes_together,
            "tool_parser": self.dialect.name,
            "tools": self.prompter.template.has_tools,
            "grammar": self.grammars.kind,
            "thinking": self.dialect.thinks,
        }
