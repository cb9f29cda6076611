"""
A session of Claude Code's shape, and a referee who says what of it had to be prefilled: what no
prompt or answer that was computed earlier in this session begins with, to the token, also across
the restart. Everything beyond that is waste.

The referee has the ids of every prompt and of every answer. Ours are those of the template with the
generated ids put back, which the server keeps in a file; that their number is the server's own is
checked with every request, and an answer that was not put back is counted as waste whole. The other
server renders every answer again; the ids that it generated come with its log-probabilities.

A prompt counts as computed when it is sent, so of requests that are sent together only the first
may compute what they share. Of a prefill that a client left, the tokens count that the server had
reported before the connection was closed; the chunk that was in work then may be kept too.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from serving import Message, MlxLm, Ours, Reply

from anyclaude_mlx.api.wire import parse_prompt
from anyclaude_mlx.prefix.answers import Answers
from anyclaude_mlx.prefix.tree import common_prefix
from anyclaude_mlx.prompt.prompt import Plan, Prompter

words = "ba dego fi kula me nipo ra sutu ve".split()
kinds = ["plain", "agents, first", "agents", "agent, other", "left", "left, again", "restart"]
kinds += ["late tool", "system message", "rewind", "repeat"]
first_fork = "agents, first"
idle_seconds_before_kill = 1.0


@dataclass(frozen=True)
class Row:
    """Tokens of one request; `reread` are those of answers that were read again as prompt."""

    turn: int
    kind: str
    prompt: int
    ideal: int
    prefilled: int
    calls: int
    reread: int = 0

    @property
    def wasted(self) -> int:
        return self.prefilled - self.ideal + self.reread


class Server(Protocol):
    def ask(self, body: Message) -> Reply: ...
    def leave(self, body: Message, share: float) -> Reply: ...
    def kill(self) -> None: ...


class Referee:
    def __init__(self, tokenizer: Any, prefixes: Path | None) -> None:
        """`prefixes`: where ours keeps the ids that it generated."""
        self._prefixes = prefixes
        self._prompter = Prompter(tokenizer)
        self._computed: list[np.ndarray] = []
        self._lock = threading.Lock()

    def plan(self, body: Message) -> Plan:
        with self._lock:
            self._prompter.pieces._answers = self._answers()
            return self._prompter.plan(parse_prompt(body))

    def known(self) -> list[np.ndarray]:
        with self._lock:
            return list(self._computed)

    def computed(self, tokens: np.ndarray) -> None:
        with self._lock:
            self._computed.append(tokens)

    def generated(self, plan: Plan, reply: Reply) -> np.ndarray:
        if reply.generated is not None:
            # The last one is sampled and not fed.
            return np.array(reply.generated[:-1], np.int32)
        answered = self._answers().get(plan.rendered.pieces[-1].place)
        assert answered is not None, "The server did not keep what it generated"
        return np.array(answered.ids, np.int32)

    def _answers(self) -> Answers:
        files = list(self._prefixes.glob("*/answers.jsonl")) if self._prefixes else []
        return Answers(files[0] if files else None)


@dataclass
class Session:
    """`scale` 1 has 20,000 tokens of system and tools."""

    start: Callable[[], Server]
    referee: Referee
    turns: int
    scale: float = 1.0
    tell: Callable[[Row], None] = lambda _: None
    rows: list[Row] = field(default_factory=list)
    instructions: int = 0
    unreported: int = 0
    chance: random.Random = field(default_factory=lambda: random.Random(11))

    def __post_init__(self) -> None:
        self.tools = [self.tool(name) for name in ("Read", "Write")]
        self.tools += [self.tool(f"Tool{number:02}") for number in range(max(2, self.much(22)))]
        # What all system prompts begin with. What follows differs at once: how far two texts agree
        # by chance is nothing that a server could foresee.
        self.head = self.prose(self.much(300))
        self.system = {"role": "system", "content": f"{self.head} 1 {self.prose(self.much(3300))}"}
        self.messages: list[Message] = [self.system]
        self.asked: list[int] = []
        # Of the main conversation: all that was computed for it, up to the last answer.
        self.before: np.ndarray = np.array([], np.int32)
        self.lock = threading.Lock()
        self.server = self.start()

    def run(self) -> list[Row]:
        try:
            self.say(self.prose(self.much(900)) + "\n\nbegin")
            for turn in range(1, self.turns + 1):
                self.turn(turn)
        finally:
            self.server.kill()
        return self.rows

    def turn(self, turn: int) -> None:
        kind = "plain"
        if turn == self.turns // 3:
            self.agents(turn)
        if turn == self.turns * 6 // 10 + 1:
            self.other_agent(turn)
        if turn == self.turns // 2:
            self.say(self.prose(max(900, self.much(6000))))  # several chunks
            self.leave(turn)
            kind = "left, again"
        if turn == self.turns * 6 // 10:
            # What is not written yet may be lost, so it is given a second; nothing is told to end.
            time.sleep(idle_seconds_before_kill)
            self.server.kill()
            self.server = self.start()
            kind = "restart"
        if turn == self.turns * 7 // 10:
            self.tools = [*self.tools, self.tool("Tool90")]
            kind = "late tool"
        if turn == self.turns * 8 // 10:
            # As the proxy passes on a system message that comes late.
            reminder = f"<system-reminder>\n{self.prose(60)}\n</system-reminder>"
            self.messages.append({"role": "user", "content": reminder})
            kind = "system message"
        if turn == self.turns * 9 // 10:
            back = min(3, len(self.asked))
            self.messages = self.messages[: self.asked[-back]]
            self.asked = self.asked[:-back]
            self.say(f"(Another question) {self.prose(30)}")
            kind = "rewind"
        answer = self.ask(turn, kind)
        if turn == self.turns:
            self.ask(turn, "repeat")
        self.go_on_from(answer)

    def say(self, text: str) -> None:
        self.asked.append(len(self.messages))
        self.messages.append({"role": "user", "content": text})

    def go_on_from(self, message: Message) -> None:
        """The client sends back what it was sent, runs what was called, or asks something else."""
        self.messages.append(as_sent_back(message))
        calls = message.get("tool_calls") or []
        for call in calls:
            result = self.prose(self.chance.randint(20, 200))
            self.messages.append({"role": "tool", "tool_call_id": call["id"], "content": result})
        if not calls:
            self.say(self.prose(self.chance.randint(10, 60)))

    def ask(self, turn: int, kind: str) -> Message:
        body = self.body(self.messages, self.tools)
        plan, ideal = self.admitted(body)
        goes_on = kind in {"plain", "restart", "system message", "left, again"}
        reread = self.reread(self.before, plan) if goes_on else 0
        reply = self.asked_for(body, plan)
        if kind == "left, again" and reply.prompt - reply.cached < ideal:
            # The chunk that was in work when the connection was closed: it is kept too.
            self.unreported = ideal - (reply.prompt - reply.cached)
            ideal -= self.unreported
        self.tell_row(row_of(turn, kind, reply, ideal, reread))
        if kind != "repeat":
            self.before = np.concatenate([plan.tokens, self.referee.generated(plan, reply)])
        return reply.message

    def leave(self, turn: int) -> None:
        body = self.body(self.messages, self.tools)
        plan = self.referee.plan(body)
        ideal = ideal_of(plan.tokens, self.referee.known())
        reply = self.server.leave(body, 1 / 3)
        while isinstance(self.server, Ours) and self.server.get("/health")["active"]:
            time.sleep(0.01)
        known = self.known_after_leaving(reply, len(plan.tokens) - ideal)
        self.referee.computed(plan.tokens[:known])
        done = known - (len(plan.tokens) - ideal)
        self.tell_row(Row(turn, "left", len(plan.tokens), done, done, 0))

    def known_after_leaving(self, reply: Reply, known_before: int) -> int:
        if isinstance(self.server, MlxLm):
            # It does not say what it had cached, only how far it is with the rest.
            return known_before + (reply.progress[-1][1] if reply.progress else 0)
        return reply.known_as_computed

    def agents(self, turn: int) -> None:
        """Three that start together: the same instructions and tools, another task each."""
        tools = [each for index, each in enumerate(self.tools) if index % 3 != 2]
        about = f"{self.head} 2 {prose(random.Random(98), self.much(1200))}"
        system = {"role": "system", "content": about}
        reminder = prose(random.Random(97), self.much(300))
        known = self.referee.known()
        begun = []
        for number in range(3):
            task = f"{reminder}\n\n{prose(random.Random(number), 9)}"
            body = self.body([system, {"role": "user", "content": task}], tools)
            begun.append((body, self.admitted(body)[0]))
        with ThreadPoolExecutor(3) as pool:
            running = [
                pool.submit(self.agent, turn, number, *each) for number, each in enumerate(begun)
            ]
        firsts = [each.result() for each in running]
        # Who computed most was the first; it may have been any of them.
        for plan, reply in sorted(firsts, key=lambda each: each[1].cached - each[1].prompt):
            ideal = ideal_of(plan.tokens, known)
            known.append(plan.tokens)
            self.tell_row(row_of(turn, first_fork, reply, ideal))

    def other_agent(self, turn: int) -> None:
        """Of another kind, after the restart: where it leaves the others is known by now."""
        system = {"role": "system", "content": f"{self.head} 3 {self.prose(self.much(900))}"}
        body = self.body([system, {"role": "user", "content": self.prose(30)}], self.tools[:6])
        plan, ideal = self.admitted(body)
        self.tell_row(row_of(turn, "agent, other", self.asked_for(body, plan), ideal))

    def agent(self, turn: int, number: int, body: Message, plan: Plan) -> tuple[Plan, Reply]:
        """Returns its first request, whose share is told when those of all are known."""
        chance = random.Random(number)
        reply = first = self.asked_for(body, plan)
        first_plan = plan
        for _ in range(2):
            before = np.concatenate([plan.tokens, self.referee.generated(plan, reply)])
            messages = [*body["messages"], as_sent_back(reply.message)]
            messages += [
                {"role": "tool", "tool_call_id": call["id"], "content": prose(chance, 40)}
                for call in reply.message.get("tool_calls") or []
            ]
            messages.append({"role": "user", "content": prose(chance, 40)})
            body = self.body(messages, body["tools"])
            plan, ideal = self.admitted(body)
            reply = self.asked_for(body, plan)
            self.tell_row(row_of(turn, "agents", reply, ideal, self.reread(before, plan)))
        return first_plan, first

    def reread(self, before: np.ndarray, plan: Plan) -> int:
        """Of what was computed for a conversation that only goes on: all of it must be there."""
        if isinstance(self.server, MlxLm):
            return 0  # it renders answers again, and need not find them
        return len(before) - common_prefix(before, plan.tokens)

    def admitted(self, body: Message) -> tuple[Plan, int]:
        plan = self.referee.plan(body)
        ideal = ideal_of(plan.tokens, self.referee.known())
        self.referee.computed(plan.tokens)
        return plan, ideal

    def asked_for(self, body: Message, plan: Plan) -> Reply:
        reply = self.server.ask(body)
        assert reply.prompt == len(plan.tokens), (reply.prompt, len(plan.tokens))
        self.instructions = self.instructions or reply.instructions or 0
        generated = self.referee.generated(plan, reply)
        self.referee.computed(np.concatenate([plan.tokens, generated]))
        return reply

    def calls_said(self) -> str:
        calls = [row.calls for row in self.rows]
        several = sum(count > 1 for count in calls)
        return f"{sum(calls)} tool calls, {several} answers with several at once"

    def tell_row(self, row: Row) -> None:
        with self.lock:
            self.rows.append(row)
            self.tell(row)

    def body(self, messages: list[Message], tools: list[Message]) -> Message:
        return {
            "messages": list(messages),
            "tools": tools,
            "max_tokens": 60,
            "temperature": 0,
            # As the proxy says it: what the user wrote, behind what every session begins with.
            "anyclaude": {"own_chars": len(own_words(messages))},
        }

    def much(self, count: int) -> int:
        return int(count * self.scale)

    def prose(self, count: int) -> str:
        return prose(self.chance, count)

    def tool(self, name: str) -> Message:
        properties = {
            f"field{number}": {"type": "string", "description": self.prose(12)}
            for number in range(4)
        }
        parameters = {"type": "object", "properties": properties}
        about = {"name": name, "description": self.prose(100), "parameters": parameters}
        return {"type": "function", "function": about}


def ideal_of(tokens: np.ndarray, computed: list[np.ndarray]) -> int:
    """The last token is always fed again, for its logits."""
    known = max((common_prefix(each, tokens) for each in computed), default=0)
    return len(tokens) - min(known, len(tokens) - 1)


def row_of(turn: int, kind: str, reply: Reply, ideal: int, reread: int = 0) -> Row:
    calls = len(reply.message.get("tool_calls") or [])
    return Row(turn, kind, reply.prompt, ideal, reply.prompt - reply.cached, calls, reread)


def prose(chance: random.Random, count: int) -> str:
    return " ".join(chance.choices(words, k=count))


def own_words(messages: list[Message]) -> str:
    before, separator, own = str(messages[-1]["content"]).rpartition("\n\n")
    return own if separator else ""


def as_sent_back(message: Message) -> Message:
    names = ("content", "reasoning_content", "tool_calls")
    return {"role": "assistant", "content": None} | {
        name: message[name] for name in names if message.get(name)
    }


def total(rows: list[Row], kind: str | None = None) -> Row:
    """One row of all; `kind` None for every kind."""
    counted = [row for row in rows if kind in (None, row.kind)]
    start = Row(0, kind or "all", 0, 0, 0, 0)
    for row in counted:
        start = replace(
            start,
            prompt=start.prompt + row.prompt,
            ideal=start.ideal + row.ideal,
            prefilled=start.prefilled + row.prefilled,
            calls=start.calls + row.calls,
            reread=start.reread + row.reread,
        )
    return start


def faults(rows: list[Row], any_position: bool) -> list[str]:
    """
    What breaks the promise: no waste, except, where not every position can be restored, the first
    time that a sub-agent leaves a text which it shares with the main agent.
    """
    wasteful = [row for row in rows if row.wasted != 0]
    forks = [row for row in wasteful if row.kind == first_fork and not any_position]
    found = [
        f"turn {row.turn}, {row.kind}: {row.wasted} wasted" for row in wasteful if row not in forks
    ]
    if len(forks) > 1:
        found.append(f"{len(forks)} forks wasted {[row.wasted for row in forks]}: none was learned")
    if not any(row.calls > 1 for row in rows):
        found.append("no answer had parallel calls: the session lacks its shape")
    return found
