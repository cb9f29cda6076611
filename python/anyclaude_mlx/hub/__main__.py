"""
Downloads a model from the Hugging Face hub into the Hugging Face cache.

    python -m anyclaude_mlx.hub NAME

Says what it would fetch, waits for `go` on standard input, and fetches it. What it says is JSON,
one object a line: `plan`, then `progress` and `trouble`, and at last `done` or `error`. It ends
with its standard input.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from pathlib import Path


def main(name: str) -> int:
    # Nothing has to be tidied up: what arrived is on disk.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    # Read when huggingface_hub is imported. What it tells about this machine is nobody's business.
    os.environ.update(HF_HUB_DISABLE_TELEMETRY="1")
    from huggingface_hub import HfApi, constants

    from ..errors import first_line
    from .errors import explained
    from .model import download, plan_of

    api = HfApi()
    try:
        plan = plan_of(name, api, Path(constants.HF_HUB_CACHE))
        say(
            "plan",
            {
                "bytes": plan.bytes,
                "missing_bytes": plan.missing_bytes,
                "free_bytes": plan.free_bytes,
                "folder": str(plan.repository),
            },
        )
        if sys.stdin.readline() != "go\n":
            return 0
        threading.Thread(target=end_with_input, daemon=True).start()
        download(
            plan,
            api,
            on_bytes=lambda count: say("progress", count),
            on_trouble=lambda error, seconds: say(
                "trouble", {"reason": first_line(error), "seconds": seconds}
            ),
        )
    except Exception as error:
        if (words := explained(error, name, api.endpoint)) is None:
            raise
        say("error", words)
        return 1
    say("done", str(plan.snapshot))
    return 0


def say(kind: str, what: object) -> None:
    print(json.dumps({kind: what}), flush=True)


def end_with_input() -> None:
    """Whoever started this is gone."""
    sys.stdin.read()
    os._exit(1)


if __name__ == "__main__":
    # At once: threads may still wait for the hub, and whoever started this is done with it.
    os._exit(main(sys.argv[1]))
