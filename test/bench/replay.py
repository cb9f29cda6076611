"""
A session of Claude Code's shape (test/python/replaying.py says which and how waste is counted)
against our server and against `mlx_lm.server` of the pinned version: both real processes over HTTP,
on small float32 models of three cache classes. In the middle the server is killed with -9 after a
second of idleness, and a client leaves in mid-prefill. Prints a row for every request, then totals.

Ends with 1 when ours wastes more than it may: nothing on full attention; nothing on the others but
the first time that a sub-agent leaves a text which it shares with the main agent.

    node_modules/.bin/bun test/bench/replay.bench.ts [turns [full|window|hybrid …]]
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

root = Path(__file__).parents[2]
sys.path[:0] = [str(root / "test" / "python"), str(root / "python")]

from models import make_model  # noqa: E402
from replaying import Referee, Row, Session, faults, kinds, total  # noqa: E402
from serving import MlxLm, Ours  # noqa: E402

from anyclaude_mlx.mlx_engine.loading import load_by_name  # noqa: E402

labels = ["ours", "mlx_lm.server"]


def show(row: Row) -> None:
    cells = (row.prompt, row.ideal, row.prefilled, row.wasted, row.calls)
    print(f"{row.turn:>4}  {row.kind:<16}" + "".join(f"{cell:>11,}" for cell in cells), flush=True)


def replay(name: str, turns: int, folder: Path) -> tuple[list[list[Row]], list[str]]:
    model = make_model(name, folder / name)
    loaded = load_by_name(str(model))
    sessions = []
    for label in labels:
        prefixes = folder / f"{name} prefixes" if label == "ours" else None
        titles = ("prompt", "ideal", "prefilled", "wasted", "calls")
        print(f"\n{name}, {label}\nturn  {'kind':<16}" + "".join(f"{t:>11}" for t in titles))
        session = Session(
            (lambda: Ours(model, prefixes)) if prefixes else (lambda: MlxLm(model)),  # noqa: B023
            Referee(loaded.tokenizer, prefixes),
            turns,
            tell=show,
        )
        begun = time.monotonic()
        session.run()
        sessions.append(session)
        print(f"{time.monotonic() - begun:.0f} s, {session.calls_said()}", flush=True)
        if prefixes:
            size = sum(file.stat().st_size for file in prefixes.rglob("*.kv"))
            print(
                f"system and tools: {session.instructions:,} tokens; {size / 1e6:.0f} MB on disk; "
                f"kept of the prefill that was left, beyond what was reported: "
                f"{session.unreported} tokens"
            )
    ours = sessions[0]
    broken = faults(ours.rows, loaded.model.any_position)
    if ours.instructions < 20_000:
        broken.append(f"system and tools have only {ours.instructions} tokens")
    return [session.rows for session in sessions], [f"{name}: {each}" for each in broken]


def compare(rows: dict[str, list[list[Row]]]) -> None:
    print(f"\n{'':<22}{'requests':>9}{'prompt':>12}{'ideal':>10}{'prefilled':>10}{'wasted':>9}")
    for name, both in rows.items():
        for label, each in zip(labels, both, strict=True):
            every = total(each)
            cells = f"{len(each):>9,}{every.prompt:>12,}{every.ideal:>10,}"
            print(f"{name + ', ' + label:<22}{cells}{every.prefilled:>10,}{every.wasted:>9,}")
    print(f"\n{'wasted in':<16}" + "".join(f"{n:>11}{'mlx_lm':>9}" for n in rows))
    for kind in kinds:
        cells = "".join(
            f"{total(ours, kind).wasted:>11,}{total(theirs, kind).wasted:>9,}"
            for ours, theirs in rows.values()
        )
        print(f"{kind:<16}{cells}")


def main() -> int:
    turns = int(sys.argv[1]) if len(sys.argv) > 1 else 30
    rows: dict[str, list[list[Row]]] = {}
    broken: list[str] = []
    with tempfile.TemporaryDirectory() as folder:
        for name in sys.argv[2:] or ["full", "window", "hybrid"]:
            rows[name], found = replay(name, turns, Path(folder))
            broken += found
    compare(rows)
    for each in broken:
        print(f"BROKEN: {each}")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
