"""What the server did since it started, counted from what is said of requests: Prometheus text."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing

from ..events import Accepted
from .chat import ChatEvent, Ended

descriptions = {
    "requests_total": "Requests by how they ended",
    "misses_total": "Prompts that were not known as far as they could have been, by reason",
    "prompt_tokens_total": "Tokens of all prompts",
    "cached_tokens_total": "Prompt tokens that were not computed again",
    "generated_tokens_total": "Tokens of all answers",
    "prefill_seconds_total": "Time spent on computing prompts",
    "decode_seconds_total": "Time spent on generating answers",
    "active_requests": "Requests being worked on",
    "prefix_memory_bytes": "What the prefix cache holds in memory",
    "prefix_memory_budget_bytes": "What it may hold",
    "prefix_disk_bytes": "What it holds on disk",
    "prefix_evicted_total": "Prefixes that were dropped",
    "prefix_damaged_total": "Records on disk that were not what was written",
}
# What is measured at the moment of asking, by its name in `GET /prefix`.
measured = {
    "prefix_memory_bytes": "memory_bytes",
    "prefix_memory_budget_bytes": "memory_budget_bytes",
    "prefix_disk_bytes": "disk_bytes",
    "prefix_evicted_total": "evicted",
    "prefix_damaged_total": "damaged",
}


class Metrics:
    def __init__(self) -> None:
        self._counts: defaultdict[tuple[str, str], float] = defaultdict(float)

    async def counted(self, events: AsyncGenerator[ChatEvent]) -> AsyncGenerator[ChatEvent]:
        """The same events."""
        outcome = "cancelled"  # whoever closes us has left
        try:
            async with aclosing(events):
                async for event in events:
                    self._hear(event)
                    if isinstance(event, Ended):
                        outcome = "answered"
                    yield event
        except Exception:
            outcome = "failed"
            raise
        finally:
            self._counts["requests_total", f'outcome="{outcome}"'] += 1

    def text(self, now: Mapping[str, float]) -> str:
        """`now` holds what is not counted but measured at this moment."""
        rows = [(name, labels, value) for (name, labels), value in sorted(self._counts.items())]
        rows += [(name, "", value) for name, value in now.items()]
        said: set[str] = set()
        lines = []
        for name, labels, value in rows:
            full = f"anyclaude_mlx_{name}"
            if name not in said:
                kind = "counter" if name.endswith("_total") else "gauge"
                lines += [f"# HELP {full} {descriptions[name]}", f"# TYPE {full} {kind}"]
                said.add(name)
            lines.append(f"{full}{'{' + labels + '}' if labels else ''} {value:g}")
        return "\n".join(lines) + "\n"

    def _hear(self, event: ChatEvent) -> None:
        if isinstance(event, Accepted):
            self._add("prompt_tokens_total", event.prompt_tokens)
            self._add("cached_tokens_total", event.cached_tokens)
            if event.miss:
                self._counts["misses_total", f'reason="{event.miss.reason}"'] += 1
        elif isinstance(event, Ended):
            self._add("generated_tokens_total", event.completion_tokens)
            if event.finished:
                self._add("prefill_seconds_total", event.finished.prefill_seconds)
                self._add("decode_seconds_total", event.finished.decode_seconds)

    def _add(self, name: str, value: float) -> None:
        self._counts[name, ""] += value
