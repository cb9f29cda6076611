"""HTTP on loopback: routes, access, streams. The contract is docs/mlx-server.md."""

from __future__ import annotations

import asyncio
import hmac
import json
import logging
import os
import re
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from ..errors import InvalidRequest, NotReady, ServerError
from ..events import GenerationRequest
from ..loaded import Loaded
from ..worker import Worker
from .answering import heard, to_chunks, whole
from .chat import converse
from .leases import Leases
from .metrics import Metrics, measured
from .wire import error_body, expect, parse_chat, parse_prompt

log = logging.getLogger(__name__)
max_body_bytes = 64 << 20
lease_comment_seconds = 5.0
# Half of a surrogate pair: JSON can say it, UTF-8 cannot.
surrogate = re.compile(rb"\\u[dD][89a-fA-F]")


class TooLarge(ServerError):
    status = 413
    code = "too_large"


class Unauthorized(ServerError):
    status = 401
    code = "unauthorized"


class NotFound(ServerError):
    status = 404
    code = "not_found"


class Api:
    def __init__(
        self, worker: Worker[Loaded], leases: Leases, token: str | None, build: dict[str, str]
    ) -> None:
        self._worker = worker
        self._leases = leases
        self._token = token
        self._build = build
        self._metrics = Metrics()
        self._warming: set[asyncio.Task[None]] = set()

    def app(self) -> Starlette:
        routes = [
            Route("/health", self.health),
            Route("/lease", self._checked(self.lease)),
            Route("/v1/models", self._checked(self.models)),
            Route("/v1/chat/completions", self._checked(self.chat), methods=["POST"]),
            Route("/metrics", self._checked(self.metrics)),
            Route("/prefix", self._checked(self.prefix)),
            Route("/prefix", self._checked(self.clear), methods=["DELETE"]),
            Route("/prefix/warm", self._checked(self.warm), methods=["POST"]),
            Route("/tokenize", self._checked(self.tokenize), methods=["POST"]),
        ]
        handlers: dict[Any, Any] = {
            ServerError: error_response,
            HTTPException: no_route,
            Exception: error_response,
        }
        return Starlette(routes=routes, exception_handlers=handlers)

    async def health(self, _request: Request) -> Response:
        failure = self._worker.failure
        loaded = self._worker.loaded() if self._worker.is_ready else None
        status = "failed" if failure else "ready" if loaded else "loading"
        return JSONResponse(
            {
                "status": status,
                "error": {"code": failure.code, "message": str(failure)} if failure else None,
                "model": loaded.about() if loaded else None,
                "build": self._build,
                "device": loaded.device.kind if loaded else None,
                "blas": loaded.device.blas if loaded else None,
                "active": self._worker.active,
                "leases": self._leases.held,
                "pid": os.getpid(),
            }
        )

    async def lease(self, _request: Request) -> Response:
        if self._leases.is_over:
            raise NotReady("This server is ending: start another one")

        async def held() -> AsyncIterator[bytes]:
            with self._leases.hold() as number:
                yield f'data: {{"lease": {number}}}\n\n'.encode()
                while True:
                    await asyncio.sleep(lease_comment_seconds)
                    yield b": held\n\n"

        return StreamingResponse(held(), media_type="text/event-stream")

    async def models(self, _request: Request) -> Response:
        about = self._worker.loaded().about()
        length = about["context_length"]
        entry = {
            **{"id": about["id"], "object": "model", "created": 0, "owned_by": "anyclaude"},
            **{"context_length": length, "max_model_len": length},
            **{"fingerprint": about["fingerprint"]},
        }
        return JSONResponse({"object": "list", "data": [entry]})

    async def tokenize(self, request: Request) -> Response:
        loaded = self._worker.loaded()
        prompt = parse_prompt(await body_of(request))
        count = loaded.prompter.count(prompt)
        return JSONResponse({"count": count, "max_model_len": loaded.window})

    async def metrics(self, _request: Request) -> Response:
        now: dict[str, float] = {"active_requests": self._worker.active}
        if self._worker.is_ready:
            about = self._worker.loaded().about_prefixes()
            now |= {name: about[of] for name, of in measured.items() if of in about}
        return PlainTextResponse(self._metrics.text(now), media_type="text/plain; version=0.0.4")

    async def prefix(self, _request: Request) -> Response:
        return JSONResponse(self._worker.loaded().about_prefixes())

    async def clear(self, _request: Request) -> Response:
        await self._worker.ask(Loaded.clear)
        return JSONResponse(self._worker.loaded().about_prefixes())

    async def warm(self, request: Request) -> Response:
        """Answers at once; the work is done while nothing else is to be done."""
        project = expect((await body_of(request)).get("project"), str, "project")
        wanted = self._worker.loaded().warm(project)
        if wanted:
            task = asyncio.create_task(self._compute(wanted))
            self._warming.add(task)
            task.add_done_callback(self._warming.discard)
        tokens = wanted.instruction_tokens if wanted else None
        return JSONResponse({"tokens": tokens}, status_code=202)

    async def _compute(self, wanted: GenerationRequest) -> None:
        try:
            async for _ in self._worker.generate(wanted):
                pass
        except ServerError as error:
            log.info("not warmed: %s", error)

    async def chat(self, request: Request) -> Response:
        loaded = self._worker.loaded()
        chat = parse_chat(await body_of(request), loaded.default_sampling)
        events = self._metrics.counted(converse(chat, loaded, self._worker))
        about = {
            "id": f"chatcmpl-{os.urandom(12).hex()}",
            "created": int(time.time()),
            "model": chat.model or loaded.id,
        }
        if not chat.stream:
            return await whole(request, events, about)
        try:
            # Until it is accepted a request can still be refused with a status.
            first = await heard(request, anext(events))
        except BaseException:
            await events.aclose()
            raise
        chunks = to_chunks(first, events, chat, request.headers.get("x-anyclaude") == "1", about)
        return StreamingResponse(chunks, media_type="text/event-stream")

    def _checked(self, handle: Callable[[Request], Any]) -> Callable[[Request], Any]:
        async def checked(request: Request) -> Response:
            host = request.headers.get("host", "").rsplit(":", 1)[0]
            if host not in {"127.0.0.1", "localhost", "[::1]"}:
                raise Unauthorized("Cannot serve this host name: this server is for loopback only")
            given = request.headers.get("authorization", "").removeprefix("Bearer ").encode()
            if self._token and not hmac.compare_digest(given, self._token.encode()):
                raise Unauthorized("Cannot serve this request: its token is missing or wrong")
            response: Response = await handle(request)
            return response

        return checked


async def body_of(request: Request) -> dict[str, Any]:
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > max_body_bytes:
            raise TooLarge(f"Cannot read this body: it is over {max_body_bytes >> 20} MiB")
    try:
        parsed = json.loads(body, parse_constant=refuse_constant)
        if surrogate.search(body):
            json.dumps(parsed, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:
        raise InvalidRequest(f"Cannot read this body: {error}") from error
    if not isinstance(parsed, dict):
        raise InvalidRequest("Cannot read this body: it is not a JSON object")
    return parsed


def refuse_constant(name: str) -> float:
    raise ValueError(f"{name} is not JSON")


async def no_route(request: Request, _error: Exception) -> Response:
    words = f"Cannot {request.method} {request.url.path}: no such route"
    return await error_response(request, NotFound(words))


async def error_response(_request: Request, error: Exception) -> Response:
    status = error.status if isinstance(error, ServerError) else 500
    retry = error.retry_after_seconds if isinstance(error, ServerError) else None
    headers = {} if retry is None else {"retry-after": str(retry)}
    return JSONResponse(error_body(error), status_code=status, headers=headers)
