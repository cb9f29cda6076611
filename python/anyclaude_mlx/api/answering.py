"""One answer over HTTP: whole, or as server-sent events. Broken off when the client leaves."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable
from contextlib import aclosing
from typing import Any, TypeVar

from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from ..errors import ServerError
from ..events import Accepted, Finished, Progress
from .chat import ChatEvent, Ended, Said
from .wire import ChatRequest, delta, error_body, extension, usage

T = TypeVar("T")
log = logging.getLogger(__name__)


async def whole(
    request: Request, events: AsyncGenerator[ChatEvent], about: dict[str, Any]
) -> Response:
    """The complete answer; ends early when the client leaves."""
    return JSONResponse(await heard(request, collect(events, about)))


async def heard(request: Request, answer: Awaitable[T]) -> T:
    """What somebody waits for, broken off when they leave. Raises ClientDisconnect."""
    answering = asyncio.ensure_future(answer)
    leaving = asyncio.create_task(left(request))
    await asyncio.wait({answering, leaving}, return_when=asyncio.FIRST_COMPLETED)
    leaving.cancel()
    if not answering.done():
        answering.cancel()
        await asyncio.wait({answering})
        raise ClientDisconnect()
    return answering.result()


async def left(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


async def collect(events: AsyncGenerator[ChatEvent], about: dict[str, Any]) -> dict[str, Any]:
    accepted = Accepted(0, 0, None)
    async with aclosing(events):
        async for event in events:
            if isinstance(event, Accepted):
                accepted = event
            elif isinstance(event, Ended):
                choice = {
                    **{"index": 0, "message": event.answer.message()},
                    **{"finish_reason": event.reason, "stop_reason": event.stop_sequence},
                }
                counts = usage(accepted, event.completion_tokens)
                return {**about, "object": "chat.completion", "choices": [choice], "usage": counts}
    raise RuntimeError("A generation ended without an end")


async def to_chunks(
    first: ChatEvent,
    events: AsyncGenerator[ChatEvent],
    chat: ChatRequest,
    extended: bool,
    about: dict[str, Any],
) -> AsyncIterator[bytes]:
    """Server-sent events; a failure after the start is a `data:` line of its own."""
    accepted = first if isinstance(first, Accepted) else Accepted(0, 0, None)

    def chunk(**fields: Any) -> bytes:
        return sse({**about, "object": "chat.completion.chunk", "choices": [], **fields})

    def choice(said: dict[str, Any], reason: str | None = None, **more: Any) -> bytes:
        return chunk(choices=[{"index": 0, "delta": said, "finish_reason": reason, **more}])

    try:
        if extended:
            yield chunk(anyclaude=extension(accepted))
        else:
            yield choice({"role": "assistant", "content": ""})
        async with aclosing(events):
            async for event in events:
                match event:
                    case Progress() if extended:
                        yield chunk(anyclaude=extension(event))
                    case Said(output, call_id, index):
                        yield choice(delta(output, index, call_id))
                    case Ended(reason, stop_sequence, completion_tokens, finished, _):
                        yield choice({}, reason, stop_reason=stop_sequence)
                        if chat.include_usage:
                            yield chunk(usage=usage(accepted, completion_tokens))
                        if extended and isinstance(finished, Finished):
                            yield chunk(anyclaude=extension(finished))
        yield b"data: [DONE]\n\n"
    except Exception as error:
        if not isinstance(error, ServerError):
            log.exception("an answer broke off")
        yield sse(error_body(error))
    finally:
        await events.aclose()


def sse(value: dict[str, Any]) -> bytes:
    return f"data: {json.dumps(value, ensure_ascii=False, separators=(',', ':'))}\n\n".encode()
