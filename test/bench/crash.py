"""
Kills a real server with -9 at random moments while it writes what it computed, starts it again on
what is left, and lets the conversation go on: no wrong answer, no crash, at most what was not
written is lost. Ends with 1 when that does not hold.

    node_modules/.bin/bun test/bench/crash.bench.ts [kills [full|window|hybrid …]]
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

root = Path(__file__).parents[2]
sys.path[:0] = [str(root / "test" / "python"), str(root / "python")]

from conftest import settings  # noqa: E402
from crashing import Crashes  # noqa: E402
from models import make_model  # noqa: E402
from witness import watched  # noqa: E402

from anyclaude_mlx.__main__ import load  # noqa: E402


def crash(name: str, kills: int, folder: Path) -> bool:
    model = make_model(name, folder / name)
    cold = watched(load(settings(model, prefix_cache=False)))
    crashes = Crashes(model, folder / f"{name} prefixes", cold, seed=1)
    outcomes = [crashes.kill_at_a_random_moment() for _ in range(kills)]
    crashes.end()
    written = [outcome.known for outcome in outcomes]
    whole = sum(
        known > 0.9 * outcome.prompt for known, outcome in zip(written, outcomes, strict=True)
    )
    wrong = sum(not outcome.is_right for outcome in outcomes)
    lost = sum(outcome.cached < outcome.known for outcome in outcomes)
    beyond = sum(outcome.cached > outcome.known for outcome in outcomes)
    print(
        f"{name}: {kills} kills within {1000 * crashes.writing_seconds:.0f} ms of an answer; "
        f"{sum(outcome.unfinished for outcome in outcomes)} left an unfinished file, "
        f"{sum(known < 40 for known in written)} nothing of the conversation, {whole} all of it; "
        f"{wrong} wrong answers, {lost} lost what was written, {beyond} used what was not",
        flush=True,
    )
    return not (wrong or lost or beyond)


def main() -> int:
    kills = int(sys.argv[1]) if len(sys.argv) > 1 else 50
    with tempfile.TemporaryDirectory() as folder:
        names = sys.argv[2:] or ["full", "window", "hybrid"]
        held = [crash(name, kills, Path(folder)) for name in names]
    return 0 if all(held) else 1


if __name__ == "__main__":
    sys.exit(main())
