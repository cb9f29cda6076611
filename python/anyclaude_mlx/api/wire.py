"""OpenAI's dialect: bodies into requests, outputs into chunks. Pure; docs/mlx-server.md."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from ..dialect.formats import Wanted
from ..errors import InvalidRequest, ServerError
from ..events import Accepted, Finished, Priority, Progress, Sampling
from ..output.output import Output, Text, Thinking, ToolCall
from ..prompt.known import ChatPrompt
from ..prompt.pieces import object_of, text_of

roles = {"system", "user", "assistant", "tool"}
default_max_tokens = 4096
# Of `apply_chat_template`; not the template's.
own_options = {"add_generation_prompt", "chat_template", "conversation", "messages", "tokenize"}
own_options |= {"continue_final_message", "return_dict", "return_tensors", "tools"}
unread = {"image_url": "images", "file": "files", "input_audio": "audio"}


@dataclass(frozen=True, slots=True)
class ChatRequest:
    model: str
    prompt: ChatPrompt
    sampling: Sampling
    max_tokens: int
    stops: tuple[str, ...]
    stream: bool
    include_usage: bool
    priority: Priority
    session: str
    project: str
    wanted: Wanted = Wanted()


@dataclass(slots=True)
class Answer:
    """What has been said so far, as one message."""

    text: str = ""
    thinking: str = ""
    calls: list[dict[str, Any]] = field(default_factory=list)

    def add(self, output: Output, call_id: str) -> None:
        match output:
            case Thinking(text):
                self.thinking += text
            case Text(text):
                self.text += text
            case ToolCall(name, arguments):
                function = {"name": name, "arguments": arguments}
                self.calls.append({"id": call_id, "type": "function", "function": function})

    def message(self) -> dict[str, Any]:
        message: dict[str, Any] = {"role": "assistant", "content": self.text or None}
        if self.thinking:
            message["reasoning_content"] = self.thinking
        if self.calls:
            message["tool_calls"] = self.calls
        return message


def parse_chat(body: object, default: Sampling) -> ChatRequest:
    fields = expect(body, dict, "the body")
    stop = fields.get("stop") or []
    options = expect(fields.get("stream_options") or {}, dict, "stream_options")
    limit = fields.get("max_completion_tokens") or fields.get("max_tokens") or default_max_tokens
    return ChatRequest(
        model=str(fields.get("model", "")),
        prompt=parse_prompt(fields),
        sampling=parse_sampling(fields, default),
        max_tokens=number(limit, int, "max_tokens", 1),
        stops=tuple(strings([stop] if isinstance(stop, str) else stop, "stop")),
        stream=bool(fields.get("stream", False)),
        include_usage=bool(options.get("include_usage", False)),
        priority=parse_priority(hints(fields).get("class")),
        session=parse_name(hints(fields).get("session")),
        project=parse_name(hints(fields).get("project")),
        wanted=parse_wanted(fields),
    )


def parse_prompt(fields: Mapping[str, Any]) -> ChatPrompt:
    messages = expect(fields.get("messages"), list, "messages")
    if not messages:
        raise InvalidRequest("messages: at least one is needed")
    tools = expect(fields.get("tools") or [], list, "tools")
    for index, tool in enumerate(tools):
        function = expect(tool, dict, f"tools.{index}").get("function")
        expect(expect(function, dict, f"tools.{index}.function").get("name"), str, "its name")
    return ChatPrompt(
        messages=[parse_message(message, index) for index, message in enumerate(messages)],
        tools=tools if tools and fields.get("tool_choice") != "none" else None,
        options=parse_options(fields.get("chat_template_kwargs")),
        own_chars=parse_own_chars(hints(fields).get("own_chars")),
    )


def parse_options(value: object) -> dict[str, Any]:
    options: dict[str, Any] = expect(value or {}, dict, "chat_template_kwargs")
    if ours := sorted(options.keys() & own_options):
        raise InvalidRequest(f"chat_template_kwargs: {ours[0]!r} is not for a request to say")
    return options


def parse_wanted(fields: Mapping[str, Any]) -> Wanted:
    """What `tool_choice`, `parallel_tool_calls` and `response_format` ask for."""
    choice = fields.get("tool_choice") or "auto"
    names = [tool["function"]["name"] for tool in fields.get("tools") or []]
    named = None
    if isinstance(choice, dict):
        function = expect(choice.get("function"), dict, "tool_choice.function")
        named = expect(function.get("name"), str, "tool_choice.function.name")
        if named not in names:
            raise InvalidRequest(f"tool_choice: {named!r} is not among the tools")
    elif choice not in ("auto", "none", "required"):
        raise InvalidRequest(f"tool_choice: {choice!r} is not auto, none, required or a function")
    must = named is not None or choice == "required"
    if must and not names:
        raise InvalidRequest("tool_choice: a call is required, but there are no tools")
    may = bool(names) and choice != "none"
    return Wanted(
        calls="required" if must else "auto" if may else None,
        named=named,
        parallel=fields.get("parallel_tool_calls") is not False,
        schema=parse_response_format(fields.get("response_format")),
    )


def parse_response_format(value: object) -> dict[str, Any] | None:
    wanted = expect(value or {}, dict, "response_format")
    kind = wanted.get("type", "text")
    if kind == "text":
        return None
    if kind == "json_object":
        return {"type": "object"}
    if kind != "json_schema":
        raise InvalidRequest(
            f"response_format.type: {kind!r} is not text, json_object, json_schema"
        )
    about = expect(wanted.get("json_schema"), dict, "response_format.json_schema")
    schema: dict[str, Any] = expect(about.get("schema"), dict, "response_format.json_schema.schema")
    return schema


def parse_message(message: object, index: int) -> dict[str, Any]:
    """Content as text, arguments of calls as objects: what templates expect."""
    where = f"messages.{index}"
    fields = dict(expect(message, dict, where))
    if not isinstance(fields.get("role"), str) or fields["role"] not in roles:
        raise InvalidRequest(f"{where}.role: {fields.get('role')!r} is not one of {sorted(roles)}")
    content = fields.get("content")
    if isinstance(content, list):
        fields["content"] = text_of([part_as_text(part, where) for part in content])
    elif content is None:
        fields["content"] = ""
    else:
        expect(content, str, f"{where}.content")
    calls = expect(fields.get("tool_calls") or [], list, f"{where}.tool_calls")
    if calls:
        fields["tool_calls"] = [parse_call(call, where) for call in calls]
    else:
        fields.pop("tool_calls", None)
    return fields


def part_as_text(part: object, where: str) -> dict[str, str]:
    fields = expect(part, dict, f"{where}.content")
    if fields.get("type") == "text":
        return {"text": expect(fields.get("text"), str, f"{where}.content.text")}
    kind = unread.get(str(fields.get("type")), f"parts of type {fields.get('type')!r}")
    raise InvalidRequest(f"{where}.content: this model does not support {kind}, only text")


def parse_call(call: object, where: str) -> dict[str, Any]:
    fields = expect(call, dict, f"{where}.tool_calls")
    function = expect(fields.get("function"), dict, f"{where}.tool_calls.function")
    name = expect(function.get("name"), str, f"{where}.tool_calls.function.name")
    arguments = object_of(function.get("arguments"))
    return {**fields, "function": {"name": name, "arguments": arguments}}


def parse_sampling(fields: Mapping[str, Any], default: Sampling) -> Sampling:
    wanted: dict[str, tuple[type, float, float | None]] = {
        "temperature": (float, 0.0, None),
        "top_p": (float, 0.0, 1.0),
        "top_k": (int, -1, None),
        "min_p": (float, 0.0, 1.0),
        "seed": (int, 0, (1 << 63) - 1),
    }
    given = {
        name: number(fields[name], kind, name, low, high)
        for name, (kind, low, high) in wanted.items()
        if fields.get(name) is not None
    }
    return replace(default, **given)


def hints(fields: Mapping[str, Any]) -> Mapping[str, Any]:
    """Whatever they are, the request is served."""
    given = fields.get("anyclaude")
    return given if isinstance(given, dict) else {}


def parse_priority(kind: object) -> Priority:
    if kind in (None, "main", "compaction"):
        return Priority.MAIN
    return Priority.SUBAGENT if kind == "subagent" else Priority.BACKGROUND


def parse_name(name: object) -> str:
    return name if isinstance(name, str) else ""


def parse_own_chars(count: object) -> int:
    return count if isinstance(count, int) and not isinstance(count, bool) else 0


def expect(value: object, kind: type, where: str) -> Any:
    if not isinstance(value, kind):
        raise InvalidRequest(f"{where}: expected {kind.__name__}, got {type(value).__name__}")
    return value


def strings(values: object, where: str) -> Sequence[str]:
    found: Sequence[str] = expect(values, list, where)
    return [str(expect(value, str, where)) for value in found if value != ""]


def number(
    value: object, kind: type, where: str, low: float | None = None, high: float | None = None
) -> Any:
    right = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not right or not math.isfinite(value) or (kind is int and value != int(value)):  # type: ignore[arg-type, call-overload]
        raise InvalidRequest(f"{where}: expected a number, got {json.dumps(value, default=str)}")
    if low is not None and value < low:  # type: ignore[operator]
        raise InvalidRequest(f"{where}: {value} is below {low}")
    if high is not None and value > high:  # type: ignore[operator]
        raise InvalidRequest(f"{where}: {value} is above {high}")
    return kind(value)


def delta(output: Output, index: int, call_id: str) -> dict[str, Any]:
    match output:
        case Thinking(text):
            return {"reasoning_content": text}
        case Text(text):
            return {"content": text}
        case ToolCall(name, arguments):
            function = {"name": name, "arguments": arguments}
            call = {"index": index, "id": call_id, "type": "function", "function": function}
            return {"tool_calls": [call]}
    return {}


def usage(accepted: Accepted, completion_tokens: int) -> dict[str, Any]:
    return {
        "prompt_tokens": accepted.prompt_tokens,
        "completion_tokens": completion_tokens,
        "total_tokens": accepted.prompt_tokens + completion_tokens,
        "prompt_tokens_details": {"cached_tokens": accepted.cached_tokens},
    }


def extension(event: Accepted | Progress | Finished) -> dict[str, Any]:
    match event:
        case Accepted():
            return {"event": "accepted", **asdict(event)}
        case Progress():
            return {"event": "progress", **asdict(event)}
        case Finished(_, _, prefill_seconds, decode_seconds):
            timing = {"prefill_seconds": prefill_seconds, "decode_seconds": decode_seconds}
            return {"event": "timing", **timing}


def error_body(error: Exception) -> dict[str, Any]:
    if not isinstance(error, ServerError):
        error = ServerError("Internal error of the MLX server; its log has the trace")
    kind = "server_error" if error.status >= 500 else "invalid_request_error"
    about = {"message": str(error), "type": kind, "code": error.code, "param": None}
    return {"error": {**about, **error.details()}}
