"""
Says that this process uses a folder that anyclaude made: an environment, or the sources out of a
binary. Newer versions of anyclaude remove what nobody uses. Knows the lock and not who asks for it.
"""

from __future__ import annotations

import sqlite3
import sys
from collections.abc import Iterable
from pathlib import Path

# The same name as in src/provision/in-use.ts.
LOCK = "in-use"


def hold_own_folders() -> list[sqlite3.Connection]:
    """Until what is returned is closed or this process ends, however it ends."""
    return hold([Path(sys.prefix), Path(__file__).parent.parent])


def hold(folders: Iterable[Path]) -> list[sqlite3.Connection]:
    """A folder without the file is nobody's to remove: a checkout, an environment of the user's."""
    files = [folder / LOCK for folder in folders]
    locks = [share(file) for file in files if file.exists()]
    return [lock for lock in locks if lock is not None]


def share(path: Path) -> sqlite3.Connection | None:
    """
    A reader of a database keeps writers out for as long as its transaction lasts. None where that
    cannot be said, on a disk without locks: no reason not to serve.
    """
    try:
        lock = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        lock.execute("BEGIN")
        lock.execute("SELECT * FROM sqlite_schema").fetchall()
    except sqlite3.Error:
        return None
    return lock
