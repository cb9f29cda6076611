"""How a text that is a call begins. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Literal

Part = Literal["blanks", "name"] | tuple[str, ...]
"""Blanks, the name of a tool, or one of these texts."""
Opening = tuple[Part, ...]

# More of them stand in no call: what begins one must not be held back without end.
few_blanks = re.compile(r"\s{0,100}")


def begins(
    text: str, opening: Opening, names: Collection[str], at: int = 0
) -> Literal["yes", "no", "perhaps"]:
    """Whether the text from `at` on does; `perhaps` when it ends before that is known."""
    if not opening:
        return "yes"
    part, rest = opening[0], opening[1:]
    if part == "blanks":
        found = few_blanks.match(text, at)
        return begins(text, rest, names, found.end() if found else at)
    result: Literal["no", "perhaps"] = "no"
    for choice in names if part == "name" else part:
        if text.startswith(choice, at):
            further = begins(text, rest, names, at + len(choice))
            if further == "yes":
                return "yes"
            result = "perhaps" if further == "perhaps" else result
        elif choice.startswith(text[at:]):
            result = "perhaps"
    return result
