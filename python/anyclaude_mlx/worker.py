"""
One thread owns the model. Arrays, streams and caches never leave it.

    HTTP task --Submit/Cancel--> inbox --> worker thread --> engine
        ^                                       |
        +------------- GenerationEvent ---------+

The model is loaded by the thread too, so that the port answers before anything is imported.
"""

from __future__ import annotations

import asyncio
import logging
import queue
import threading
import time
from collections.abc import AsyncGenerator, Callable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from .engine import Emit, Sequence, decode
from .errors import ModelFailed, NotReady, ServerError
from .events import Finished, GenerationEvent, GenerationRequest, Priority
from .scheduler import Pace, next_to_prefill

log = logging.getLogger(__name__)
# How long the end may be put off for work that could wait. Whoever ends us waits longer.
last_work_seconds = 3.0


class Loaded(Protocol):
    """What loading gives: sequences to run, and something for other threads to read."""

    def start(self, request: GenerationRequest, emit: Emit) -> Sequence[Any, Any, Any]: ...
    def idle(self) -> float | None:
        """A piece of work that can wait; seconds until the next one, None when nothing is left."""
        ...


L = TypeVar("L", bound=Loaded)
R = TypeVar("R")


@dataclass(eq=False, slots=True)
class Job:
    request: GenerationRequest
    tell: Callable[[GenerationEvent | Exception], None]
    sequence: Sequence[Any, Any, Any] | None = None
    chunks_waited: int = 0

    @property
    def priority(self) -> Priority:
        return self.request.priority

    @property
    def remaining(self) -> int:
        return self.sequence.remaining if self.sequence else len(self.request.tokens)


@dataclass(frozen=True, slots=True)
class Cancel:
    job: Job


@dataclass(frozen=True, slots=True)
class Call:
    """Something that only this thread may do."""

    work: Callable[[Any], Any]
    done: Future[Any]


@dataclass(frozen=True, slots=True)
class Stop:
    pass


class Worker(Generic[L]):
    def __init__(self, load: Callable[[], L]) -> None:
        self._load = load
        self._inbox: queue.SimpleQueue[Job | Cancel | Call | Stop] = queue.SimpleQueue()
        self._prefilling: list[Job] = []
        self._decoding: list[Job] = []
        self._pace = Pace()
        self._loaded: L | None = None
        self._failure: ServerError | None = None
        self._thread = threading.Thread(target=self._run, name="mlx", daemon=True)

    def begin(self) -> None:
        self._thread.start()

    def end(self, seconds: float = last_work_seconds + 0.5) -> None:
        self._inbox.put(Stop())
        self._thread.join(seconds)

    @property
    def failure(self) -> ServerError | None:
        return self._failure

    @property
    def active(self) -> int:
        """Requests being worked on; may be read from any thread."""
        return len(self._prefilling) + len(self._decoding)

    @property
    def is_ready(self) -> bool:
        return self._loaded is not None and self._failure is None

    def loaded(self) -> L:
        """Raises what a request should be told while there is no model."""
        if self._failure:
            raise self._failure
        if self._loaded is None:
            raise NotReady("The model is still being loaded")
        return self._loaded

    async def ask(self, work: Callable[[L], R]) -> R:
        """What this gives, done by the thread that owns the model, between two steps."""
        self.loaded()
        done: Future[R] = Future()
        self._inbox.put(Call(work, done))
        return await asyncio.wrap_future(done)

    async def generate(self, request: GenerationRequest) -> AsyncGenerator[GenerationEvent]:
        """Closing this generator, at any point, cancels the request within one step."""
        self.loaded()
        loop = asyncio.get_running_loop()
        events: asyncio.Queue[GenerationEvent | Exception] = asyncio.Queue()

        def tell(event: GenerationEvent | Exception) -> None:
            # The loop is closed when the process is ending: nobody listens any more.
            if not loop.is_closed():
                loop.call_soon_threadsafe(events.put_nowait, event)

        job = Job(request, tell)
        self._inbox.put(job)
        if self._failure:  # since we looked
            tell(self._failure)
        try:
            while True:
                event = await events.get()
                if isinstance(event, Exception):
                    raise event
                yield event
                if isinstance(event, Finished):
                    return
        finally:
            self._inbox.put(Cancel(job))

    def _run(self) -> None:
        try:
            self._loaded = self._load()
        except ServerError as error:
            self._failure = error
            return
        except Exception as error:
            log.exception("loading failed")
            self._failure = ModelFailed(f"Cannot load the model: {error}")
            return
        try:
            while self._obey():
                self._step()
        except Exception as error:
            log.exception("the engine failed")
            self._give_up(ModelFailed(f"The engine has failed: {error}; restart the server"))
            return
        deadline = time.monotonic() + last_work_seconds
        while time.monotonic() < deadline and (wait := self._loaded.idle()) is not None:
            time.sleep(wait)

    def _give_up(self, failure: ServerError) -> None:
        """Nobody is left waiting; whoever comes later is told at once."""
        self._failure = failure
        for job in [*self._prefilling, *self._decoding]:
            job.tell(failure)
        while not self._inbox.empty():
            command = self._inbox.get()
            if isinstance(command, Job):
                command.tell(failure)
            elif isinstance(command, Call):
                command.done.set_exception(failure)

    def _obey(self) -> bool:
        """Takes all commands; waits for one only when there is nothing to compute."""
        while True:
            wait = 0 if self.active else self.loaded().idle()
            try:
                command = self._inbox.get(block=wait != 0, timeout=wait or None)
            except queue.Empty:
                if self.active == 0:
                    continue
                return True
            match command:
                case Job():
                    self._prefilling.append(command)
                case Cancel(job):
                    self._leave(job)
                case Call():
                    self._answer(command)
                case Stop():
                    return False

    def _answer(self, call: Call) -> None:
        if not call.done.set_running_or_notify_cancel():
            return
        try:
            call.done.set_result(call.work(self.loaded()))
        except Exception as error:
            call.done.set_exception(error)

    def _step(self) -> None:
        """One prefill chunk for one request, then one token for each that decodes."""
        job = self._next_to_prefill()
        if job:
            self._guarded([job], lambda: self._prefill(job))
            for other in self._prefilling:
                other.chunks_waited += other is not job
        if self._decoding:
            self._guarded(list(self._decoding), self._decode)

    def _next_to_prefill(self) -> Job | None:
        """What several prompts have in common is computed once: the later ones wait for it."""
        job = next_to_prefill(self._prefilling)
        if job is None or job.sequence:
            return job
        for other in self._prefilling:
            if other.sequence and other.sequence.is_ahead_of(job.request.tokens):
                return other
        return job

    def _prefill(self, job: Job) -> None:
        """Finding and restoring what is known is a step of its own: others decode in between."""
        if job.sequence is None:
            job.sequence = self.loaded().start(job.request, job.tell)
            return
        before, started = job.sequence.remaining, time.perf_counter()
        done = job.sequence.prefill(self._pace.chunk if self._decoding else None)
        computed = before - job.sequence.remaining
        self._pace.observe(computed, time.perf_counter() - started)
        if done and job.request.max_tokens == 0:
            self._leave(job)
        elif done:
            self._prefilling.remove(job)
            self._decoding.append(job)

    def _decode(self) -> None:
        jobs = {job.sequence: job for job in self._decoding if job.sequence}
        for sequence in decode(list(jobs)):
            self._leave(jobs[sequence])

    def _guarded(self, jobs: list[Job], step: Callable[[], None]) -> None:
        """What fails, fails for those who took part in it."""
        try:
            step()
        except Exception as error:
            if not isinstance(error, ServerError):
                log.exception("generation failed")
            for job in jobs:
                job.tell(error)
                sequence, job.sequence = job.sequence, None
                self._leave(job)
                if sequence:
                    sequence.abandon()

    def _leave(self, job: Job) -> None:
        for jobs in (self._prefilling, self._decoding):
            if job in jobs:
                jobs.remove(job)
                if job.sequence:
                    self._close(job.sequence)

    def _close(self, sequence: Sequence[Any, Any, Any]) -> None:
        try:
            sequence.close()
        except Exception:
            log.exception("keeping what was computed failed")
            sequence.abandon()
