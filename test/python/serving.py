"""
Servers as processes of their own, and a client that sees no more of them than HTTP shows: what was
cached, what was prefilled, when a server is idle again. Ends them as they end in life: kill -9.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

Message = dict[str, Any]
root = Path(__file__).parents[2]


@dataclass
class Reply:
    """`progress` has the time, the tokens prefilled and those to prefill, as each was heard of."""

    message: Message = field(default_factory=dict)
    prompt: int = 0
    cached: int = 0
    instructions: int | None = None
    progress: list[tuple[float, int, int]] = field(default_factory=list)
    generated: list[int] | None = None

    @property
    def known_as_computed(self) -> int:
        """Tokens at the start of the prompt that the server has said it has."""
        return self.cached + (self.progress[-1][1] if self.progress else 0)


class Process:
    """Any server that answers `/health` or `/v1/models` when it is ready."""

    def __init__(self, arguments: list[str], probe: str, port: int | None = None) -> None:
        environment = {**os.environ, "PYTHONPATH": str(root / "python")}
        environment.pop("ANYCLAUDE_SERVER_TOKEN", None)
        self._process = subprocess.Popen(
            [sys.executable, "-m", *arguments],
            stdout=subprocess.DEVNULL if port else subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment,
        )
        if self._process.stdout:
            with self._process.stdout as said:
                port = urlsplit(json.loads(said.readline())["url"]).port
        assert port is not None
        self.port = port
        self._probe = probe
        try:
            self._wait_until_ready()
        except BaseException:
            self.kill()
            raise

    @property
    def is_running(self) -> bool:
        return self._process.poll() is None

    def get(self, path: str) -> Any:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        with contextlib.closing(connection):
            connection.request("GET", path)
            return json.load(connection.getresponse())

    def kill(self) -> None:
        """As with kill -9: it is told nothing."""
        self._process.kill()
        self._process.wait()

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline and self.is_running:
            # Any answer but "loading" will do: without a hub cache mlx_lm.server has none to give.
            with contextlib.suppress(OSError, http.client.HTTPException):
                try:
                    if self.get(self._probe).get("status", "ready") == "ready":
                        return
                except ValueError:
                    return
            time.sleep(0.02)
        raise RuntimeError("The server did not become ready")


class Ours(Process):
    """`python -m anyclaude_mlx`."""

    def __init__(self, model: Path, prefixes: Path | None, *more: str) -> None:
        kept = ["--prefix-folder", str(prefixes)] if prefixes else ["--no-prefix-cache"]
        super().__init__(["anyclaude_mlx", "--model", str(model), *kept, *more], "/health")

    def ask(self, body: Message) -> Reply:
        reply = Reply()
        with self._streamed(body) as (_, chunks):
            for chunk in chunks:
                hear(reply, chunk)
        return reply

    def leave(self, body: Message, share: float = 0.0, chunks_heard: int = 1) -> Reply:
        """Closes the connection in mid-prefill, when so much of it has been heard of."""
        reply = Reply()
        with self._streamed(body) as (connected, chunks):
            for chunk in chunks:
                hear(reply, chunk)
                done = reply.progress[-1][1:] if reply.progress else (0, 1)
                if len(reply.progress) >= chunks_heard and done[0] >= share * done[1]:
                    connected.shutdown(socket.SHUT_RDWR)
                    return reply
        raise RuntimeError("The prompt was done before the client could leave")

    def seconds_until_idle(self) -> float:
        begun = time.monotonic()
        while self.get("/health")["active"]:
            time.sleep(0.001)
        return time.monotonic() - begun

    @contextlib.contextmanager
    def _streamed(self, body: Message) -> Iterator[tuple[socket.socket, Iterator[Message]]]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=3600)
        with contextlib.closing(connection):
            connection.connect()
            connected = connection.sock
            wanted = {**body, "stream": True, "stream_options": {"include_usage": True}}
            headers = {"content-type": "application/json", "x-anyclaude": "1"}
            connection.request("POST", "/v1/chat/completions", json.dumps(wanted), headers)
            response = connection.getresponse()
            if response.status != 200:
                raise RuntimeError(f"{response.status}: {response.read()[:500]!r}")
            yield connected, chunks_of(response)


class MlxLm(Process):
    """`mlx_lm.server` of the pinned version."""

    def __init__(self, model: Path) -> None:
        with socket.create_server(("127.0.0.1", 0)) as probe:
            port = probe.getsockname()[1]
        arguments = ["mlx_lm", "server", "--model", str(model), "--port", str(port)]
        super().__init__(arguments, "/v1/models", port)

    def ask(self, body: Message) -> Reply:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=3600)
        with contextlib.closing(connection):
            # With log-probabilities come the ids that were generated.
            connection.request(
                "POST", "/v1/chat/completions", json.dumps({**body, "logprobs": True})
            )
            answer = json.load(connection.getresponse())
        choice, usage = answer["choices"][0], answer["usage"]
        said = (choice.get("logprobs") or {}).get("content") or []
        return Reply(
            message=choice["message"],
            prompt=usage["prompt_tokens"],
            cached=usage.get("prompt_tokens_details", {}).get("cached_tokens", 0),
            generated=[each["id"] for each in said],
        )

    def leave(self, body: Message, share: float = 0.0) -> Reply:
        """It tells of its progress in comments, before the headers: so the bytes are read raw."""
        content = json.dumps({**body, "stream": True}).encode()
        reply = Reply()
        heard = b""
        with socket.create_connection(("127.0.0.1", self.port), timeout=3600) as connected:
            connected.sendall(
                b"POST /v1/chat/completions HTTP/1.1\r\nhost: 127.0.0.1\r\n"
                b"content-type: application/json\r\n"
                b"content-length: %d\r\n\r\n" % len(content) + content
            )
            while piece := connected.recv(65536):
                heard += piece
                counts = re.findall(rb"keepalive (\d+)/(\d+)\n", heard)
                reply.progress = [(time.monotonic(), int(k), int(n)) for k, n in counts]
                if counts and int(counts[-1][0]) >= max(1, share * int(counts[-1][1])):
                    connected.shutdown(socket.SHUT_RDWR)
                    return reply
        raise RuntimeError("The prompt was done before the client could leave")


def chunks_of(response: http.client.HTTPResponse) -> Iterator[Message]:
    for line in response:
        if line.startswith(b"data: {"):
            chunk: Message = json.loads(line[6:])
            if "error" in chunk:
                raise RuntimeError(str(chunk["error"]))
            yield chunk


def hear(reply: Reply, chunk: Message) -> None:
    event = chunk.get("anyclaude", {})
    if event.get("event") == "accepted":
        reply.prompt, reply.cached = event["prompt_tokens"], event["cached_tokens"]
        reply.instructions = event["instruction_tokens"]
    elif event.get("event") == "progress":
        reply.progress.append((time.monotonic(), event["prefilled"], event["total"]))
    if "usage" in chunk:
        counted = chunk["usage"]["prompt_tokens_details"]["cached_tokens"]
        assert (chunk["usage"]["prompt_tokens"], counted) == (reply.prompt, reply.cached)
    for choice in chunk.get("choices", []):
        put_together(reply.message, choice["delta"])


def put_together(message: Message, delta: Message) -> None:
    for name in ("content", "reasoning_content"):
        if delta.get(name):
            message[name] = message.get(name, "") + delta[name]
    for piece in delta.get("tool_calls", []):
        calls = message.setdefault("tool_calls", [])
        if piece["index"] == len(calls):
            function = {"name": piece["function"]["name"], "arguments": ""}
            calls.append({"id": piece["id"], "type": "function", "function": function})
        calls[piece["index"]]["function"]["arguments"] += piece["function"].get("arguments", "")
