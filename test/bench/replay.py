"""
A session of Claude Code's shape against our engine and against `mlx_lm.server` of the pinned
version, on small float32 models of three classes. Prints the prompt tokens that had to be prefilled
and those that were; the difference is waste.

    node_modules/.bin/bun test/bench/replay.bench.ts [turns [full|window|hybrid …]]

What had to be prefilled is what no earlier prompt or answer of this session begins with, to the
token, also across the restart. Ours is counted on the ids that it planned and generated, the other
server on those of the prompts as the template renders them; a prefill that was cancelled counts as
computed for ours as far as it went, and as nothing for the other one.
"""

from __future__ import annotations

import asyncio
import json
import random
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections import defaultdict
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np

sys.path[:0] = [
    str(Path(__file__).parents[1] / "python"),
    str(Path(__file__).parents[2] / "python"),
]

from models import make_model  # noqa: E402

from anyclaude_mlx.__main__ import load  # noqa: E402
from anyclaude_mlx.chat import Ended, converse  # noqa: E402
from anyclaude_mlx.events import Accepted, Progress  # noqa: E402
from anyclaude_mlx.loaded import Loaded  # noqa: E402
from anyclaude_mlx.settings import Settings  # noqa: E402
from anyclaude_mlx.tree import common_prefix  # noqa: E402
from anyclaude_mlx.wire import parse_chat  # noqa: E402
from anyclaude_mlx.worker import Worker  # noqa: E402

Message = dict[str, Any]
words = "ba dego fi kula me nipo ra sutu ve".split()


class Server(Protocol):
    async def ask(self, body: Message, *, leave: bool = False) -> tuple[Message, Count]: ...
    async def restart(self) -> None: ...
    async def end(self) -> None: ...


@dataclass(frozen=True)
class Count:
    """Tokens of one prompt: all, those that had to be prefilled, and those that were."""

    prompt: int
    ideal: int
    prefilled: int


@dataclass
class Ledger:
    """Everything that was computed in this session, by its ids."""

    computed: list[np.ndarray] = field(default_factory=list)

    def ideal(self, ids: np.ndarray) -> int:
        known = max((common_prefix(each, ids) for each in self.computed), default=0)
        return len(ids) - min(known, len(ids) - 1)


class Ours:
    """The engine, its worker and its store, without HTTP."""

    def __init__(self, folder: Path, prefixes: Path) -> None:
        self._settings = Settings(str(folder), "127.0.0.1", 0, 0, True, prefixes, 4 << 30, None)
        self._ledger = Ledger()
        self._start()

    def _start(self) -> None:
        self._worker: Worker[Loaded] = Worker(lambda: load(self._settings))
        self._worker.begin()
        while not self._worker.is_ready:
            time.sleep(0.01)

    async def ask(self, body: Message, *, leave: bool = False) -> tuple[Message, Count]:
        chat = parse_chat(body, self._worker.loaded().default_sampling)
        if leave:
            chat = replace(chat, max_tokens=1)
        prompter = self._worker.loaded().prompter
        plan = prompter.plan(chat.prompt)
        tokens = plan.tokens
        ideal = self._ledger.ideal(tokens)
        self._ledger.computed.append(tokens[:0] if leave else tokens)
        cached = done = 0
        events = converse(chat, self._worker.loaded(), self._worker)
        async for event in events:
            if isinstance(event, Accepted):
                cached = event.cached_tokens
            elif isinstance(event, Progress):
                done = event.prefilled
                if leave and done > event.total // 3:
                    await events.aclose()
                    while self._worker.active:
                        await asyncio.sleep(0.01)
                    # The chunk that was in work when the client left is kept too.
                    known = self._worker.loaded().cache.common(tokens)
                    self._ledger.computed.append(tokens[:known])
                    return {}, Count(len(tokens), known - cached, known - cached)
            elif isinstance(event, Ended):
                generated = np.array(prompter._answers.get(plan.place).ids, np.int32)
                self._ledger.computed.append(np.concatenate([tokens, generated]))
                return event.answer.message(), Count(len(tokens), ideal, len(tokens) - cached)
        raise RuntimeError("no end")

    async def restart(self) -> None:
        """As after kill -9, a second after the last answer: nothing is told to end."""
        await asyncio.sleep(1)
        self._start()

    async def end(self) -> None:
        self._worker.end()


class MlxLm:
    """`mlx_lm.server` in a process of its own, over HTTP."""

    def __init__(self, folder: Path, loaded: Loaded) -> None:
        self._folder = folder
        self._ours = loaded
        self._ledger = Ledger()
        self._start()

    def _start(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as probe:
            port = probe.getsockname()[1]
        self._url = f"http://127.0.0.1:{port}/v1/chat/completions"
        self._process = subprocess.Popen(
            [sys.executable, "-m", "mlx_lm", "server", "--model", str(self._folder)]
            + ["--port", str(port)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            try:
                urllib.request.urlopen(self._url.replace("chat/completions", "models")).read()
                return
            except OSError:
                time.sleep(0.1)
        raise RuntimeError("mlx_lm.server does not answer")

    async def ask(self, body: Message, *, leave: bool = False) -> tuple[Message, Count]:
        chat = parse_chat(body, self._ours.default_sampling)
        text = self._ours.prompter.render(chat.prompt, opening=True)
        encoded = self._ours.tokenizer.encode(text, add_special_tokens=False)
        tokens = np.array(encoded, np.int32)
        ideal = self._ledger.ideal(tokens)
        if leave:
            await asyncio.to_thread(self._leave, body)
            return {}, Count(len(tokens), 0, 0)
        self._ledger.computed.append(tokens)
        answer = await asyncio.to_thread(self._post, body)
        usage = answer["usage"]
        cached = usage["prompt_tokens_details"]["cached_tokens"]
        message = answer["choices"][0]["message"]
        return message, Count(len(tokens), ideal, usage["prompt_tokens"] - cached)

    def _request(self, body: Message) -> urllib.request.Request:
        headers = {"content-type": "application/json"}
        return urllib.request.Request(self._url, json.dumps(body).encode(), headers)

    def _post(self, body: Message) -> Message:
        with urllib.request.urlopen(self._request(body)) as response:
            answer: Message = json.load(response)
            return answer

    def _leave(self, body: Message) -> None:
        try:
            urllib.request.urlopen(self._request({**body, "stream": True}), timeout=0.5)
        except OSError:
            return

    async def restart(self) -> None:
        self._process.kill()
        self._process.wait()
        self._start()

    async def end(self) -> None:
        self._process.kill()


def prose(chance: random.Random, count: int) -> str:
    return " ".join(chance.choices(words, k=count))


def tool(name: str, chance: random.Random) -> Message:
    properties = {
        f"field{i}": {"type": "string", "description": prose(chance, 12)} for i in range(4)
    }
    parameters = {"type": "object", "properties": properties}
    about = {"name": name, "description": prose(chance, 90), "parameters": parameters}
    return {"type": "function", "function": about}


@dataclass
class Session:
    server: Server
    turns: int
    counts: dict[str, list[Count]] = field(default_factory=lambda: defaultdict(list))
    chance: random.Random = field(default_factory=lambda: random.Random(11))

    def __post_init__(self) -> None:
        self.tools = [tool(f"Tool{index:02}", self.chance) for index in range(20)]
        self.system = {"role": "system", "content": prose(self.chance, 3000)}
        self.messages: list[Message] = [self.system]
        self.asked: list[int] = []

    async def run(self) -> None:
        self.say(prose(self.chance, 900) + "\n\nbegin")
        for turn in range(1, self.turns + 1):
            kind = "plain"
            if turn == self.turns // 3:
                await asyncio.gather(*(self.agent(number) for number in range(3)))
            if turn == self.turns // 2:
                self.say(prose(self.chance, 3000))
                await self.ask("cancelled", leave=True)
                kind = "cancel, again"
            if turn == self.turns * 6 // 10:
                await self.server.restart()
                kind = "restart"
            if turn == self.turns * 7 // 10:
                self.tools = [*self.tools, tool("Tool90", self.chance)]
                kind = "late tool"
            if turn == self.turns * 8 // 10:
                self.messages.append(
                    {"role": "user", "content": f"<system-reminder>\n{prose(self.chance, 60)}"}
                )
                kind = "system message"
            if turn == self.turns * 9 // 10:
                self.messages = self.messages[: self.asked[-min(3, len(self.asked))]]
                self.say(prose(self.chance, 30))
                kind = "rewind"
            answer = await self.ask(kind)
            if turn == self.turns:
                await self.ask("repeat")
            self.answer(answer)

    def say(self, text: str) -> None:
        self.asked.append(len(self.messages))
        self.messages.append({"role": "user", "content": text})

    def answer(self, message: Message) -> None:
        """The client sends back what it was sent, runs what was called, or asks something else."""
        self.messages.append(as_sent_back(message))
        calls = message.get("tool_calls") or []
        for call in calls:
            result = prose(self.chance, self.chance.randint(20, 200))
            self.messages.append({"role": "tool", "tool_call_id": call["id"], "content": result})
        if not calls:
            self.say(prose(self.chance, self.chance.randint(10, 60)))

    async def agent(self, number: int) -> None:
        """Three that start together: the same instructions and tools, another task each."""
        chance = random.Random(number)
        shared = random.Random(99)
        messages = [{"role": "system", "content": prose(shared, 1500)}]
        messages.append({"role": "user", "content": prose(shared, 300) + f"\n\ntask {number}"})
        tools = [each for index, each in enumerate(self.tools) if index % 3 != 2]
        for step in range(3):
            answer = await self.ask("agents, first" if step == 0 else "agents", messages, tools)
            messages += [as_sent_back(answer), {"role": "user", "content": prose(chance, 40)}]

    async def ask(
        self,
        kind: str,
        messages: list[Message] | None = None,
        tools: list[Message] | None = None,
        *,
        leave: bool = False,
    ) -> Message:
        body = {
            "messages": list(messages or self.messages),
            "tools": tools or self.tools,
            "max_tokens": 60,
            "temperature": 0,
            # As the proxy says it: what the user wrote, behind what every session begins with.
            "anyclaude": {"own_chars": len(own_words(messages or self.messages))},
        }
        answer, count = await self.server.ask(body, leave=leave)
        self.counts[kind].append(count)
        return answer


def own_words(messages: list[Message]) -> str:
    before, separator, own = str(messages[-1]["content"]).rpartition("\n\n")
    return own if separator else ""


def as_sent_back(message: Message) -> Message:
    sent = {"role": "assistant", "content": message.get("content")}
    if message.get("reasoning_content"):
        sent["reasoning_content"] = message["reasoning_content"]
    if message.get("tool_calls"):
        sent["tool_calls"] = message["tool_calls"]
    return sent


kinds = ["plain", "agents, first", "agents", "cancelled", "cancel, again", "restart"]
kinds += ["late tool", "system message", "rewind", "repeat"]


def show(name: str, counts: dict[str, list[Count]], seconds: float) -> None:
    every = [count for kind in kinds for count in counts[kind]]
    wasted = {kind: sum(c.prefilled - c.ideal for c in counts[kind]) for kind in kinds}
    cells = [sum(c.prompt for c in every), sum(c.ideal for c in every)]
    cells += [sum(c.prefilled for c in every), sum(wasted.values()), *wasted.values()]
    print(
        f"{name:<22}" + "".join(f"{cell:>15,}" for cell in cells) + f"{seconds:>8.0f} s",
        flush=True,
    )


async def replay(name: str, turns: int, folder: Path) -> None:
    model = make_model(name, folder / name)
    ours = Ours(model, folder / f"{name} prefixes")
    theirs = MlxLm(model, ours._worker.loaded())
    for label, server in (("ours", ours), ("mlx_lm.server", theirs)):
        started = time.monotonic()
        session = Session(server, turns)
        await session.run()
        await server.end()
        show(f"{name}, {label}", session.counts, time.monotonic() - started)


def main() -> None:
    turns = int(sys.argv[1]) if len(sys.argv) > 1 else 30
    names = sys.argv[2:] or ["full", "window", "hybrid"]
    titles = ["prompt", "ideal", "prefilled", "wasted", *kinds]
    print(f"{'':<22}" + "".join(f"{title:>15}" for title in titles), flush=True)
    with tempfile.TemporaryDirectory() as folder:
        for name in names:
            asyncio.run(replay(name, turns, Path(folder)))


if __name__ == "__main__":
    main()
