"""The worker with a scripted model: who is served when, and what cancelling leaves behind."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
import pytest
from rows import ListRows, NoState, opened

from anyclaude_mlx.engine import Emit, Sequence
from anyclaude_mlx.errors import ModelFailed, NotReady, OutOfMemory, PromptTooLong
from anyclaude_mlx.events import Accepted, Finished, GenerationRequest, Miss, Priority, Token
from anyclaude_mlx.prefix.cache import Match, PrefixCache
from anyclaude_mlx.scheduler import Pace, next_to_prefill, smallest_chunk
from anyclaude_mlx.worker import Job, Worker

Tokens = np.ndarray
end = 0


class CountingModel:
    """Counts down from the last prompt token; the end token is 0. Its rows are its tokens."""

    window = 1000
    end_tokens = frozenset([end])
    prefill_step = 4
    any_position = True

    def __init__(self) -> None:
        self.cache: PrefixCache[ListRows, NoState] = PrefixCache(1 << 20, True)
        self.prefilled: list[tuple[int, ...]] = []
        self.needed = 0
        self.fails_at = ""
        self.abandoned = 0
        self.gate = threading.Event()
        self.gate.set()

    def start(
        self, request: GenerationRequest, emit: Emit
    ) -> Sequence[ListRows, ListRows, NoState]:
        return Sequence(request, self, self.cache, emit)

    def idle(self) -> None:
        return None

    def bytes_needed(self, tokens: int, step: int) -> int:
        return self.needed

    def bytes_free(self) -> int:
        return 100

    def open(self, match: Match[ListRows, NoState], capacity: int) -> ListRows:
        return opened(match)

    def memory(self, live: ListRows) -> ListRows:
        return live

    def prefill(self, live: ListRows, tokens: Tokens) -> None:
        self.gate.wait(5)
        if self.fails_at == "prefill" and self.prefilled:
            raise ValueError("no memory to prefill with")
        self.prefilled.append(tuple(int(token) for token in tokens))
        live.rows.extend(int(token) for token in tokens)

    def state(self, live: ListRows) -> NoState:
        return NoState()

    def begin(self, live: ListRows, request: GenerationRequest) -> None:
        live.rows.append(int(request.tokens[-1]))

    def next(self, lives: list[ListRows]) -> list[list[int]]:
        if self.fails_at == "next":
            raise ValueError("no memory to decode with")
        for live in lives:
            live.rows.append(live.rows[-1] - 1)
        return [[live.rows[-1]] for live in lives]

    def close(self, live: ListRows) -> None:
        if self.fails_at == "close":
            raise ValueError("no memory to close with")

    def abandon(self, live: ListRows) -> None:
        self.abandoned += 1


def request(*tokens: int, priority: Priority = Priority.MAIN, most: int = 100) -> GenerationRequest:
    return GenerationRequest(np.array(tokens, np.int32), (), most, priority=priority)


@contextmanager
def running(model: CountingModel) -> Iterator[Worker[CountingModel]]:
    worker = Worker(lambda: model)
    worker.begin()
    while not worker.is_ready:
        pass
    yield worker
    worker.end()


async def collect(worker: Worker[CountingModel], wanted: GenerationRequest) -> list[object]:
    return [event async for event in worker.generate(wanted)]


def tokens_of(events: list[object]) -> list[int]:
    return [event.id for event in events if isinstance(event, Token)]


def test_two_requests_together_stay_apart() -> None:
    async def both(worker: Worker[CountingModel]) -> list[list[object]]:
        wanted = [request(7, 7, 5), request(7, 7, 7, 7, 7, 7, 9)]
        return list(await asyncio.gather(*(collect(worker, each) for each in wanted)))

    with running(CountingModel()) as worker:
        one, other = asyncio.run(both(worker))

    assert tokens_of(one) == [4, 3, 2, 1]
    assert tokens_of(other) == [8, 7, 6, 5, 4, 3, 2, 1]
    assert all(isinstance(events[-1], Finished) for events in (one, other))


def test_the_limit_ends_an_answer_without_an_end_token() -> None:
    with running(CountingModel()) as worker:
        events = asyncio.run(collect(worker, request(7, 9, most=2)))

    assert tokens_of(events) == [8, 7]
    assert events[-1].reason == "length"  # type: ignore[attr-defined]


def test_the_next_turn_prefills_only_what_is_new() -> None:
    model = CountingModel()
    with running(model) as worker:
        asyncio.run(collect(worker, request(7, 7, 7, 3)))
        model.prefilled.clear()
        events = asyncio.run(collect(worker, request(7, 7, 7, 3, 2, 1, 0, 8, 8, 2)))

    # Three prompt tokens, the last of it, and the answer 2 1 0 are known.
    assert events[0] == Accepted(10, 7, None)
    assert model.prefilled == [(8, 8)]


def test_leaving_in_mid_prefill_stops_within_one_chunk_and_keeps_the_work() -> None:
    model = CountingModel()
    long = request(*[7] * 41)

    async def leave(worker: Worker[CountingModel]) -> None:
        model.gate.clear()
        events = worker.generate(long)
        waiting = asyncio.ensure_future(anext(events))
        await asyncio.sleep(0)
        await waiting
        model.gate.set()
        await events.aclose()
        while worker.active:
            await asyncio.sleep(0)

    with running(model) as worker:
        asyncio.run(leave(worker))
        done = sum(len(chunk) for chunk in model.prefilled)
        model.prefilled.clear()
        events = asyncio.run(collect(worker, long))

    assert events[0].cached_tokens == done  # type: ignore[union-attr]
    assert sum(len(chunk) for chunk in model.prefilled) == 40 - done


def test_what_prompts_that_come_together_share_is_prefilled_once() -> None:
    model = CountingModel()
    shared = [7] * 30
    wanted = [request(*shared, *[own] * 9, 3) for own in (11, 12, 13)]
    wanted.append(request(*shared, 14, 3))  # so short that it would overtake

    async def all_at_once(worker: Worker[CountingModel]) -> list[list[object]]:
        model.gate.clear()
        tasks = [asyncio.ensure_future(collect(worker, wanted[0]))]
        while not worker.active:
            await asyncio.sleep(0)
        tasks += [asyncio.ensure_future(collect(worker, each)) for each in wanted[1:]]
        await asyncio.sleep(0)
        model.gate.set()
        return list(await asyncio.gather(*tasks))

    with running(model) as worker:
        answers = asyncio.run(all_at_once(worker))

    assert [tokens_of(events) for events in answers] == [[2, 1]] * 4
    assert sum(len(chunk) for chunk in model.prefilled) == 30 + 3 * 9 + 1


def test_a_request_that_fails_fails_alone() -> None:
    model = CountingModel()
    with running(model) as worker:
        with pytest.raises(PromptTooLong, match="1000"):
            asyncio.run(collect(worker, request(*[7] * 1000)))
        model.needed = 200
        with pytest.raises(OutOfMemory):
            asyncio.run(collect(worker, request(7, 3)))
        model.needed = 0

        assert tokens_of(asyncio.run(collect(worker, request(7, 3)))) == [2, 1]
        model.needed = 200
        with pytest.raises(OutOfMemory):
            asyncio.run(collect(worker, request(7, 3, 2, 1, 0, 5)))
        model.needed = 0
        events = asyncio.run(collect(worker, request(7, 3, 2, 1, 0, 5)))

    # What was taken over and not used is there again.
    assert events[0] == Accepted(6, 5, None)
    assert all(not node.buffer.in_use for node in model.cache._root.below())  # type: ignore[union-attr]


def test_while_there_is_no_model_a_request_is_told_why() -> None:
    def broken() -> CountingModel:
        raise RuntimeError("weights are damaged")

    worker = Worker(broken)
    with pytest.raises(NotReady):
        worker.loaded()
    worker.begin()
    worker.end(5)

    with pytest.raises(ModelFailed, match="weights are damaged"):
        worker.loaded()


def test_the_main_agent_goes_first_and_nobody_waits_for_ever() -> None:
    def job(length: int, priority: Priority, waited: int = 0) -> Job:
        return Job(request(*[7] * length, priority=priority), lambda _: None, None, waited)

    main, short = job(90, Priority.MAIN), job(10, Priority.MAIN)
    agent = job(5, Priority.SUBAGENT)
    old = job(900, Priority.BACKGROUND, waited=99)

    assert next_to_prefill([agent, main, short]) is short
    assert next_to_prefill([agent, main]) is main
    assert next_to_prefill([agent, main, old]) is old
    assert next_to_prefill([]) is None


def test_a_chunk_takes_as_long_as_others_may_wait() -> None:
    def after(seconds_of: Callable[[int], float], chunks: int = 12) -> int:
        pace = Pace(budget_seconds=0.25)
        for _ in range(chunks):
            pace.observe(pace.chunk, seconds_of(pace.chunk))
        return pace.chunk

    def laptop(tokens: int) -> float:
        return 0.03 + tokens / 500

    assert 0.15 < laptop(after(laptop)) <= 0.25
    assert after(lambda tokens: tokens / 20_000) > 3000
    assert after(lambda tokens: 0.1 * tokens) == smallest_chunk
    # It slows down as attention reaches further back, without leaving the budget behind.
    pace = Pace(budget_seconds=0.25)
    for position in range(0, 30_000, 100):
        seconds = pace.chunk * (1 + position / 10_000) / 600
        assert position < 1000 or seconds <= 0.25
        pace.observe(pace.chunk, seconds)


def test_a_short_chunk_does_not_make_the_next_ones_long_or_tiny() -> None:
    pace = Pace(budget_seconds=0.25)
    for _ in range(8):
        pace.observe(pace.chunk, pace.chunk / 1000)
    usual = pace.chunk
    pace.observe(3, 0.02)  # up to a boundary
    assert pace.chunk == usual
    pace.observe(3, 1.0)
    assert pace.chunk < usual


def test_a_short_prompt_is_answered_while_a_long_one_is_read() -> None:
    model = CountingModel()

    async def talk(worker: Worker[CountingModel]) -> tuple[int, int]:
        model.gate.clear()
        long = asyncio.ensure_future(collect(worker, request(*[7] * 900, 3)))
        while not worker.active:
            await asyncio.sleep(0)
        short = asyncio.ensure_future(collect(worker, request(8, 8, 8, 2)))
        await asyncio.sleep(0.05)
        model.gate.set()
        await short
        chunks = next(i for i, chunk in enumerate(model.prefilled) if chunk[0] == 8)
        await long
        return chunks, len(model.prefilled)

    with running(model) as worker:
        before, all_chunks = asyncio.run(talk(worker))
    assert before <= 2
    assert all_chunks > 200


@pytest.mark.parametrize("place", ["prefill", "next", "close"])
def test_what_fails_leaves_nothing_in_use_and_the_next_is_answered(place: str) -> None:
    model = CountingModel()

    async def talk(worker: Worker[CountingModel]) -> tuple[list[object], object]:
        model.fails_at = place
        broken = await asyncio.gather(collect(worker, request(*[7] * 9, 3)), return_exceptions=True)
        while worker.active:
            await asyncio.sleep(0)
        model.fails_at = ""
        return await collect(worker, request(*[7] * 9, 3)), broken[0]

    with running(model) as worker:
        events, broken = asyncio.run(talk(worker))

    assert isinstance(broken, ValueError) == (place != "close")
    assert model.abandoned == 1
    assert tokens_of(events) == [2, 1]
    assert events[0] == Accepted(10, 0, Miss("cold", 0))
    assert not any(node.is_in_use for node in model.cache._root.below())


def test_an_engine_that_is_beyond_help_says_so_and_keeps_nobody_waiting() -> None:
    model = CountingModel()

    def broken() -> None:
        raise ValueError("beyond help")

    async def talk(worker: Worker[CountingModel]) -> object:
        model.gate.clear()
        waiting = asyncio.ensure_future(collect(worker, request(*[7] * 90, 3)))
        while not worker.active:
            await asyncio.sleep(0)
        worker._step = broken  # type: ignore[method-assign]
        model.gate.set()
        return (await asyncio.gather(waiting, return_exceptions=True))[0]

    with running(model) as worker:
        told = asyncio.run(talk(worker))

        assert isinstance(told, ModelFailed)
        assert worker.failure is told
        assert not worker.is_ready
        with pytest.raises(ModelFailed, match="restart"):
            worker.loaded()
