"""What a text that may be a call of another family is, for those who read it. Plain data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Schemas = Mapping[str, Mapping[str, Any]]
"""Of the tools' arguments, by name."""


@dataclass(frozen=True, slots=True)
class Written:
    """From the opening to the end mark; not `closed` when the answer ended without one."""

    text: str
    schemas: Schemas
    closed: bool
