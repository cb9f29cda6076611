"""The HTTP contract of docs/mlx-server.md, against the application itself: no port."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Iterator
from typing import Any

import httpx
import pytest
from generating import tools
from walking import allowed

from anyclaude_mlx.api.api import Api
from anyclaude_mlx.api.chat import converse
from anyclaude_mlx.api.leases import Leases
from anyclaude_mlx.api.wire import parse_chat
from anyclaude_mlx.dialect.formats import Wanted
from anyclaude_mlx.errors import ModelFailed
from anyclaude_mlx.events import Finished, GenerationRequest, Sampling
from anyclaude_mlx.loaded import Loaded
from anyclaude_mlx.worker import Worker

token = {"authorization": "Bearer secret"}
question: dict[str, Any] = {
    "messages": [{"role": "user", "content": "Read a.txt"}],
    "max_tokens": 40,
}
# What is asked of an answer and cannot be had.
refused: list[tuple[dict[str, Any], str]] = [
    ({"tool_choice": "required"}, "there are no tools"),
    ({"tools": tools, "tool_choice": "any"}, "'any' is not auto, none, required"),
    ({"tools": tools, "tool_choice": {"type": "function"}}, "tool_choice.function"),
    ({"tools": tools, "tool_choice": {"function": {"name": "Go"}}}, "'Go' is not among the tools"),
    ({"response_format": "json"}, "response_format"),
    ({"response_format": {"type": "xml"}}, "response_format.type: 'xml'"),
    ({"response_format": {"type": "json_schema"}}, "response_format.json_schema"),
    (
        {"response_format": {"type": "json_schema", "json_schema": {"schema": {"type": "foo"}}}},
        "Cannot enforce this schema: Invalid type: foo",
    ),
    ({"chat_template_kwargs": {"tools": []}}, "'tools' is not for a request to say"),
]


@pytest.fixture
def api(full: Loaded) -> Iterator[Api]:
    worker = Worker(lambda: full)
    worker.begin()
    while not worker.is_ready:
        pass
    yield Api(worker, Leases(), "secret", {"mlx": "0"})
    worker.end()


def ask(api: Api, method: str, path: str, **options: Any) -> httpx.Response:
    async def once() -> httpx.Response:
        transport = httpx.ASGITransport(api.app(), raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            return await client.request(method, path, **{"headers": token, **options})

    return asyncio.run(once())


def chunks(response: httpx.Response) -> list[dict[str, Any]]:
    lines = [line[6:] for line in response.text.split("\n\n") if line]
    assert lines[-1] == "[DONE]"
    return [json.loads(line) for line in lines[:-1]]


def test_health_says_what_is_loaded_without_a_token(api: Api) -> None:
    answer = ask(api, "GET", "/health", headers={}).json()

    assert answer["status"] == "ready"
    assert answer["model"]["caches"] == ["KVCache", "KVCache"]
    assert answer["model"]["tool_parser"] == "json_tools"
    assert (answer["model"]["tools"], answer["model"]["grammar"]) == (True, "json")


def test_a_stream_and_a_whole_answer_say_the_same(api: Api) -> None:
    body = {**question, "tools": tools}
    whole = ask(api, "POST", "/v1/chat/completions", json=body).json()
    streamed = chunks(
        ask(
            api,
            "POST",
            "/v1/chat/completions",
            json={**body, "stream": True, "stream_options": {"include_usage": True}},
        )
    )

    deltas = [choice["delta"] for chunk in streamed for choice in chunk["choices"]]
    message = whole["choices"][0]["message"]
    assert "".join(delta.get("content") or "" for delta in deltas) == (message["content"] or "")
    calls = [call["function"] for delta in deltas for call in delta.get("tool_calls", [])]
    assert calls == [call["function"] for call in message.get("tool_calls", [])]
    assert streamed[-1]["usage"]["completion_tokens"] == whole["usage"]["completion_tokens"]
    assert streamed[-1]["usage"]["prompt_tokens_details"]["cached_tokens"] > 0


def test_the_extension_tells_of_cache_progress_and_time(api: Api) -> None:
    headers = {**token, "x-anyclaude": "1"}
    body = {**question, "stream": True}
    streamed = chunks(ask(api, "POST", "/v1/chat/completions", json=body, headers=headers))

    events = [chunk["anyclaude"] for chunk in streamed if "anyclaude" in chunk]
    assert [events[0]["event"], events[-1]["event"]] == ["accepted", "timing"]
    beginning = {"reason": "cold", "position": 0, "message": 0, "part": "user"}
    assert events[0]["miss"] == beginning
    assert events[0]["instruction_tokens"] == 0
    assert {event["event"] for event in events[1:-1]} == {"progress"}


def test_tokenize_counts_what_a_request_would_have(api: Api) -> None:
    body = {**question, "tools": tools}
    count = ask(api, "POST", "/tokenize", json=body).json()["count"]
    usage = ask(api, "POST", "/v1/chat/completions", json=body).json()["usage"]

    assert count == usage["prompt_tokens"]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "Cannot read this body"),
        (b"[]", "not a JSON object"),
        (b'{"messages": NaN}', "NaN is not JSON"),
        (b'{"messages": [{"role": "user", "content": "\\ud800"}]}', "surrogate"),
        (b"[" * 100_000, "Cannot read this body"),
        (b'{"messages": "hi"}', "messages: expected list"),
        (b'{"messages": []}', "at least one"),
        (b'{"messages": [1]}', "messages.0: expected dict"),
        (b'{"messages": [{"role": "boss", "content": ""}]}', "messages.0.role"),
        (b'{"messages": [{"role": "user", "content": 7}]}', "messages.0.content"),
        (b'{"messages": [{"role": "user", "content": [7]}]}', "messages.0.content"),
        (b'{"messages": [{"role": "assistant", "tool_calls": [{}]}]}', "function"),
        (b'{"messages": [{"role": "user", "content": ""}], "tools": [{}]}', "tools.0.function"),
        (b'{"messages": [{"role": "user", "content": ""}], "temperature": "hot"}', "temperature"),
        (b'{"messages": [{"role": "user", "content": ""}], "max_tokens": -1}', "max_tokens"),
        (b'{"messages": [{"role": "user", "content": ""}], "max_tokens": 1.5}', "max_tokens"),
        (b'{"messages": [{"role": "user", "content": ""}], "max_tokens": 1e999}', "max_tokens"),
        (b'{"messages": [{"role": "user", "content": ""}], "min_p": 2}', "min_p"),
        (b'{"messages": [{"role": "user", "content": ""}], "seed": -1}', "seed"),
        (b'{"messages": [{"role": ["user"], "content": ""}]}', "messages.0.role"),
        (b'{"messages": [{"role": "user", "content": ""}], "stop": [1]}', "stop"),
        (b'{"messages": [{"role": "user", "content": ""}], "stream_options": 1}', "stream_options"),
        *((json.dumps({**question, **more}).encode(), words) for more, words in refused),
    ],
)
def test_a_malformed_request_is_refused_with_what_is_wrong(
    api: Api, body: bytes, words: str
) -> None:
    response = ask(api, "POST", "/v1/chat/completions", content=body)

    assert response.status_code == 400
    assert response.json()["error"]["code"] == "invalid_request"
    assert words in response.json()["error"]["message"]


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("role", ["user", "tool"])
@pytest.mark.parametrize(
    ("part", "words"),
    [
        ({"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}}, "images"),
        ({"type": "file", "file": {"file_data": "data:application/pdf;base64,AA=="}}, "files"),
        ({"type": "odd"}, "parts of type 'odd'"),
    ],
)
def test_what_the_model_cannot_read_is_refused(
    api: Api, part: dict[str, Any], words: str, role: str, stream: bool
) -> None:
    content = [{"type": "text", "text": "What is this?"}, part]
    said = {"role": role, "content": content, "tool_call_id": "a"}
    body = {"messages": [*question["messages"], said], "stream": stream}

    response = ask(api, "POST", "/v1/chat/completions", json=body)

    assert response.status_code == 400
    message = response.json()["error"]["message"]
    assert message == f"messages.1.content: this model does not support {words}, only text"


def test_a_prompt_that_is_too_long_is_refused_with_exact_numbers(api: Api) -> None:
    body = {"messages": [{"role": "user", "content": "x y " * 70_000}]}
    counted = ask(api, "POST", "/tokenize", json=body).json()

    error = ask(api, "POST", "/v1/chat/completions", json=body).json()["error"]

    assert error["code"] == "context_length_exceeded"
    assert (error["prompt_tokens"], error["max_tokens"]) == (counted["count"], 131072)


def test_only_those_who_know_the_token_and_come_by_loopback_are_served(api: Api) -> None:
    assert ask(api, "GET", "/v1/models", headers={}).status_code == 401
    wrong = {"authorization": "Bearer Secret"}
    assert ask(api, "GET", "/v1/models", headers=wrong).status_code == 401
    foreign = {**token, "host": "evil.example"}
    assert ask(api, "GET", "/v1/models", headers=foreign).status_code == 401
    assert ask(api, "GET", "/v1/models").json()["data"][0]["context_length"] == 131072


def test_an_unknown_route_is_a_404_in_the_error_shape(api: Api) -> None:
    response = ask(api, "GET", "/v2/nothing")

    assert response.status_code == 404
    assert response.json()["error"]["code"] == "not_found"


def test_a_stop_sequence_ends_the_answer_and_is_named(api: Api) -> None:
    free = ask(api, "POST", "/v1/chat/completions", json=question).json()["choices"][0]
    words = free["message"]["content"].split()

    body = {**question, "stop": [words[2]]}
    stopped = ask(api, "POST", "/v1/chat/completions", json=body).json()["choices"][0]

    assert stopped["stop_reason"] == words[2]
    assert stopped["message"]["content"].split() == words[:2]


def test_what_is_asked_of_an_answer_is_read() -> None:
    schema = {"type": "object", "properties": {}}
    asked = {
        "tools": tools,
        "tool_choice": {"type": "function", "function": {"name": "Read"}},
        "parallel_tool_calls": False,
        "response_format": {"type": "json_schema", "json_schema": {"schema": schema}},
    }

    assert parse_chat({**question, **asked}, Sampling()).wanted == Wanted(
        calls="required", named="Read", parallel=False, schema=schema
    )
    none = {"tools": tools, "tool_choice": "none"}
    assert parse_chat({**question, **none}, Sampling()).wanted == Wanted(calls=None)
    assert parse_chat({**question, "tools": tools}, Sampling()).wanted == Wanted(calls="auto")


@pytest.mark.parametrize(
    ("more", "first"),
    [
        ({}, None),
        ({"tools": tools, "tool_choice": "none"}, None),
        ({"tools": tools}, None),
        ({"tools": tools, "tool_choice": "required"}, "<"),
        ({"tools": tools, "tool_choice": {"function": {"name": "Read"}}}, "<"),
        ({"response_format": {"type": "text"}}, None),
        ({"response_format": {"type": "json_object"}}, "{"),
        ({"response_format": {"type": "json_schema", "json_schema": {"schema": {}}}}, "["),
        ({"tools": tools, "response_format": {"type": "json_object"}}, "<"),
        ({"tools": tools, "response_format": {"type": "json_object"}}, "{"),
    ],
)
def test_what_is_asked_of_an_answer_reaches_the_engine(
    full: Loaded, more: dict[str, Any], first: str | None
) -> None:
    class Listening:
        """Of the worker, what a conversation sees."""

        request: GenerationRequest

        async def generate(self, request: GenerationRequest) -> AsyncGenerator[Finished]:
            self.request = request
            yield Finished("stop", None, 0, 0)

    async def run(listening: Any) -> None:
        async for _ in converse(parse_chat({**question, **more}, Sampling()), full, listening):
            pass

    listening = Listening()
    asyncio.run(run(listening))

    guide = listening.request.guide
    mask = guide.mask() if guide else None
    if first is None:
        assert mask is None
    else:
        [token] = full.tokenizer.encode(first, add_special_tokens=False)
        assert mask is not None and token in allowed(mask)
        [other] = full.tokenizer.encode("q", add_special_tokens=False)
        assert other not in allowed(mask)


def test_what_a_sampler_raises_for_does_not_reach_anybody(api: Api) -> None:
    hot = {**question, "temperature": 1.0, "max_tokens": 5}

    odd = ask(api, "POST", "/v1/chat/completions", json={**hot, "top_k": 10**9})
    after = ask(api, "POST", "/v1/chat/completions", json=hot)

    assert [odd.status_code, after.status_code] == [200, 200]


@pytest.mark.parametrize("arguments", ["[" * 6000 + "]" * 6000, '{"a": "\\ud800"}'])
def test_arguments_that_are_no_json_are_rendered_as_they_are(api: Api, arguments: str) -> None:
    call = {"id": "c", "type": "function", "function": {"name": "Read", "arguments": arguments}}
    said = [*question["messages"], {"role": "assistant", "content": "", "tool_calls": [call]}]
    said += [{"role": "tool", "tool_call_id": "c", "content": "x"}]

    answer = ask(api, "POST", "/v1/chat/completions", json={**question, "messages": said})

    assert answer.status_code == 200


def test_a_stream_that_waits_its_turn_ends_with_its_client(full: Loaded) -> None:
    async def leave() -> int:
        app = Api(worker, Leases(), None, {}).app()
        body = json.dumps({**question, "stream": True}).encode()
        asked = [{"type": "http.request", "body": body, "more_body": False}]
        gone = asyncio.Event()

        async def receive() -> dict[str, Any]:
            if asked:
                return asked.pop()
            await gone.wait()
            return {"type": "http.disconnect"}

        async def send(_message: Any) -> None:
            pass

        scope = {
            **{"type": "http", "method": "POST", "path": "/v1/chat/completions"},
            **{"query_string": b"", "headers": [(b"host", b"127.0.0.1")], "root_path": ""},
        }
        asking = asyncio.create_task(app(scope, receive, send))  # type: ignore[arg-type]
        while not worker._inbox.qsize():
            await asyncio.sleep(0)
        gone.set()
        await asyncio.wait({asking}, timeout=20)
        assert asking.done()
        return worker._inbox.qsize()

    # Loaded, and not yet at work: whatever is asked waits.
    worker: Worker[Loaded] = Worker(lambda: full)
    worker._loaded = full

    assert asyncio.run(leave()) == 2  # the request and its cancelling


def test_health_says_when_the_engine_of_a_loaded_model_has_failed(api: Api) -> None:
    api._worker._failure = ModelFailed("beyond help; restart the server")

    answer = ask(api, "GET", "/health", headers={})

    assert answer.status_code == 200
    assert answer.json()["status"] == "failed"
    assert answer.json()["error"]["message"] == "beyond help; restart the server"


def test_nobody_can_attach_to_a_server_that_is_ending(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Leases, "is_over", True)

    answer = ask(api, "GET", "/lease")

    assert answer.status_code == 503
    assert "ending" in answer.json()["error"]["message"]
