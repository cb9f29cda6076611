"""
A chat template and what it cannot do. Messages are put into a shape that it takes; what a message
becomes never depends on a later one, so that prompts keep their beginnings.

What it can do is found by trying when a model is loaded: a template that leaves something out is
as unable as one that raises.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from ..errors import InvalidRequest

Message = Mapping[str, Any]
Messages = Sequence[Message]
probe = "zqxprobe"
tool_probe = {
    "type": "function",
    "function": {
        "name": probe,
        "description": "A probe",
        "parameters": {"type": "object", "properties": {}},
    },
}
instruction = """# Tools

You can call functions. These are known, each with the JSON schema of its arguments:
<tools>
{tools}
</tools>

To call one, write on lines of their own, with nothing behind them, for each call:
<tool_call>
{{"name": "<name of the function>", "arguments": <object with its arguments>}}
</tool_call>
The result comes in the next message, inside of <tool_response></tool_response>."""


class Template:
    def __init__(self, tokenizer: Any) -> None:
        self._tokenizer = tokenizer
        user, other = say("user", "a"), say("assistant", "b")
        self.has_tools = self._shows([user], probe, tools=[tool_probe])
        self.has_system = self._shows([say("system", probe), user], probe)
        self.has_late_system = self._shows([user, other, say("system", probe), user], probe)
        self.repeats_roles = self._shows([user, say("user", probe), other], probe)
        self.has_calls = self.has_tools and self._shows_calls(long_id)
        # Mistral's take nine letters only.
        self.short_ids = not self.has_calls and self.has_tools and self._shows_calls(short_id)
        self.has_calls = self.has_calls or self.short_ids
        self.has_several_calls = self.has_calls and self._shows_calls(
            short_id if self.short_ids else long_id, several=True
        )
        # gpt-oss's takes one of the two beside a call.
        calls = called(short_id, 1)
        self.has_text_beside_thinking = self._shows(
            [user, {**calls, "content": probe, "reasoning_content": "b"}], probe
        ) or not self._shows([user, {**calls, "content": probe}], probe)

    def render(
        self,
        messages: Messages,
        tools: Messages | None,
        options: Mapping[str, Any],
        *,
        opening: bool,
    ) -> str:
        try:
            known = tools if self.has_tools else None
            return self._apply(self._fitted(messages, tools), known, opening, options)
        except Exception as error:
            raise InvalidRequest(f"Cannot render these messages: {error}") from error

    def _apply(
        self, messages: Messages, tools: Messages | None, opening: bool, options: Mapping[str, Any]
    ) -> str:
        text = self._tokenizer.apply_chat_template(
            [dict(message) for message in messages],
            tools=[dict(tool) for tool in tools] if tools else None,
            tokenize=False,
            add_generation_prompt=opening,
            **options,
        )
        return str(text)

    def _shows(self, messages: Messages, *words: str, tools: Messages | None = None) -> bool:
        try:
            text = self._apply(messages, tools, True, {})
        except Exception:
            return False
        return all(word in text for word in words)

    def _shows_calls(self, make_id: Callable[[int], str], *, several: bool = False) -> bool:
        """Calls, their arguments, and what came of them."""
        numbers = range(1, 3 if several else 2)
        results = [
            {**say("tool", f"{probe}r{number}"), "tool_call_id": make_id(number)}
            for number in numbers
        ]
        words = [f"{probe}{kind}{number}" for number in numbers for kind in "nar"]
        messages = [say("user", "a"), called(make_id, *numbers), *results]
        return self._shows(messages, *words, tools=[tool_probe])

    def _fitted(self, messages: Messages, tools: Messages | None) -> Messages:
        found = list(messages)
        if not self.has_text_beside_thinking:
            found = [as_thinking(message) for message in found]
        if self.short_ids:
            found = [with_short_ids(message) for message in found]
        if tools and not self.has_tools:
            found = instructed(found, tools)
        if not self.has_calls:
            found = [as_text(message) for message in found]
        elif not self.has_several_calls:
            found = list(one_by_one(found))
        if not self.has_system:
            found = led_by_user(found)
        if not self.has_late_system:
            found = [
                as_user(message) if at and is_system(message) else message
                for at, message in enumerate(found)
            ]
        return found if self.repeats_roles else merged(found)


def say(role: str, content: str) -> dict[str, Any]:
    return {"role": role, "content": content}


def called(make_id: Callable[[int], str], *numbers: int) -> dict[str, Any]:
    calls = [
        {
            "id": make_id(number),
            "type": "function",
            "function": {"name": f"{probe}n{number}", "arguments": {"a": f"{probe}a{number}"}},
        }
        for number in numbers
    ]
    return {**say("assistant", ""), "tool_calls": calls}


def long_id(number: int) -> str:
    return f"call_{number:024}"


def short_id(number: int | str) -> str:
    return hashlib.sha256(str(number).encode()).hexdigest()[:9]


def as_thinking(message: Message) -> Message:
    """What was said before a call, as part of what was thought."""
    thought, text = message.get("reasoning_content"), message["content"]
    if not thought or not text or not message.get("tool_calls"):
        return message
    return {**message, "reasoning_content": f"{thought}\n\n{text}", "content": ""}


def with_short_ids(message: Message) -> Message:
    if message["role"] == "tool":
        return {**message, "tool_call_id": short_id(message.get("tool_call_id") or "")}
    if not message.get("tool_calls"):
        return message
    calls = [{**call, "id": short_id(call.get("id") or "")} for call in message["tool_calls"]]
    return {**message, "tool_calls": calls}


def is_system(message: Message) -> bool:
    return bool(message["role"] == "system")


def as_user(message: Message) -> Message:
    return {**message, "role": "user"}


def instructed(messages: Messages, tools: Messages) -> list[Message]:
    """With the tools in the system text, for a template that does not know them."""
    lines = "\n".join(json.dumps(tool["function"], ensure_ascii=False) for tool in tools)
    text = instruction.format(tools=lines)
    if messages and is_system(messages[0]):
        return [{**messages[0], "content": f"{messages[0]['content']}\n\n{text}"}, *messages[1:]]
    return [say("system", text), *messages]


def as_text(message: Message) -> Message:
    """Calls and their results in words, in the form that the instruction asks for."""
    if message["role"] == "tool":
        return say("user", f"<tool_response>\n{message['content']}\n</tool_response>")
    calls = [call["function"] for call in message.get("tool_calls") or []]
    if not calls:
        return message
    written = [
        json.dumps({"name": call["name"], "arguments": call["arguments"]}, ensure_ascii=False)
        for call in calls
    ]
    blocks = [f"<tool_call>\n{text}\n</tool_call>" for text in written]
    rest = {key: value for key, value in message.items() if key != "tool_calls"}
    content = "\n".join([text for text in [message["content"]] if text] + blocks)
    return {**rest, "content": content}


def one_by_one(messages: Messages) -> Iterator[Message]:
    """Each of several calls in a message of its own, with its result behind it."""
    waiting: list[Message] = []
    for message in messages:
        calls = message.get("tool_calls") or []
        if message["role"] == "tool" and waiting:
            yield message
            yield waiting.pop(0)
            continue
        yield from waiting
        waiting = []
        if len(calls) < 2:
            yield message
            continue
        yield {**message, "tool_calls": calls[:1]}
        waiting = [{**say("assistant", ""), "tool_calls": [call]} for call in calls[1:]]
    yield from waiting


def led_by_user(messages: Messages) -> list[Message]:
    """The system text in front of what the user says first."""
    if not messages or not is_system(messages[0]):
        return list(messages)
    text = messages[0]["content"]
    if len(messages) > 1 and messages[1]["role"] == "user":
        first = {**messages[1], "content": f"{text}\n\n{messages[1]['content']}"}
        return [first, *messages[2:]]
    return [say("user", text), *messages[1:]]


def merged(messages: Messages) -> list[Message]:
    """Neighbours of one role as one message, for templates that want them to alternate."""
    found: list[Message] = []
    for message in messages:
        last = found[-1] if found else None
        if last is None or last["role"] != message["role"] or message["role"] == "tool":
            found.append(message)
            continue
        texts = [text for text in (last["content"], message["content"]) if text]
        calls = [*(last.get("tool_calls") or []), *(message.get("tool_calls") or [])]
        both = {**last, **message, "content": "\n\n".join(texts)}
        found[-1] = {**both, "tool_calls": calls} if calls else both
    return found
