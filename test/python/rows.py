"""Buffers whose rows are the tokens themselves, so that a test can see what was restored."""

from __future__ import annotations

from dataclasses import dataclass, field

from anyclaude_mlx.prefix.cache import Match


@dataclass(eq=False)
class ListRows:
    rows: list[int] = field(default_factory=list)

    @property
    def nbytes(self) -> int:
        return 4 * len(self.rows)

    def cut(self, start: int, end: int) -> ListRows:
        return ListRows(self.rows[start:end])


@dataclass(frozen=True)
class NoState:
    nbytes: int = 0


@dataclass(frozen=True)
class TokenState:
    """Of a model that can be restored only where this was taken."""

    tokens: tuple[int, ...]
    nbytes: int = 40


def opened(match: Match[ListRows, NoState] | Match[ListRows, TokenState]) -> ListRows:
    """As a model does it: the buffer that is taken over, cut to the match, or a copy."""
    if match.taken:
        del match.taken.memory.rows[match.length :]
        return match.taken.memory
    return ListRows(
        [row for piece in match.pieces for row in piece.memory.rows[piece.start : piece.end]]
    )
