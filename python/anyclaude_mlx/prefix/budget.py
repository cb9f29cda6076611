"""How much the prefix cache may hold. Decides from numbers; asks nobody."""

from __future__ import annotations

# Of what is free once the weights are loaded; the rest is for prompts in work and for the system.
prefix_share = 0.4


def prefix_budget_bytes(free_bytes: int) -> int:
    return max(0, int(free_bytes * prefix_share))
