"""
Where a rendered prompt may be cut so that the pieces give the ids of the whole: before the marker
that begins a turn, if the tokenizer agrees. Checked on probes when a tokenizer is loaded.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

Cut = Callable[[str], list[str]]


def turn_cutter(tokenizer: Any) -> Cut:
    """Cuts text before each turn marker, if cutting there never changes the ids."""
    markers = [marker for marker in turn_markers(tokenizer) if cuts_cleanly(tokenizer, marker)]
    if not markers:
        return lambda text: [text]
    pattern = re.compile("(?=" + "|".join(re.escape(marker) for marker in markers) + ")")
    return lambda text: [segment for segment in pattern.split(text) if segment]


def turn_markers(tokenizer: Any) -> Iterator[str]:
    """Special tokens that begin a turn: those the template puts before every role."""
    try:
        text = tokenizer.apply_chat_template(
            [{"role": "user", "content": "\u2400"}, {"role": "assistant", "content": "\u2400"}],
            tokenize=False,
        )
    except Exception:
        return
    added = sorted(tokenizer.get_added_vocab(), key=len, reverse=True)
    found = [(at, token) for token in added for at in [text.find(token)] if at >= 0]
    counts = {token: text.count(token) for _, token in found}
    for _, token in sorted(found):
        if counts[token] >= 2 and token not in ends(tokenizer):
            yield token
            return


def ends(tokenizer: Any) -> set[str]:
    return {tokenizer.decode([end]) for end in tokenizer.eos_token_ids}


def cuts_cleanly(tokenizer: Any, marker: str) -> bool:
    probes = ["a", "a ", "a\n", " a", "\n", "é!", "{}", ""]

    def ids(text: str) -> list[int]:
        return list(tokenizer.encode(text, add_special_tokens=False))

    return all(
        ids(before + marker + after) == ids(before) + ids(marker + after)
        for before in probes
        for after in probes
    )
