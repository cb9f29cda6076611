"""
Random conversations in the shape of the real client's requests, as chat messages. Seeded.

What has to be copied is mostly random text without any meaning, so that copying is the only way
to be right. A conversation ends anywhere; what stands before the user's words does not matter.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from typing import Any

from . import phrases
from .corpus import lines, paragraphs
from .wording import (
    Wording,
    abilities,
    greetings,
    identities,
    lists,
    lists_in,
    reads,
    runs,
    thanks,
    two_reads,
    writes,
)

Message = dict[str, Any]
skills = {
    "read": 18,
    "two reads": 12,
    "run": 22,
    "list": 8,
    "write": 14,
    "greeting": 5,
    "identity": 3,
    "abilities": 3,
    "thanks": 2,
    "documented": 6,
    "declined": 20,
}


class Sessions:
    def __init__(self, seed: int, vocabulary: list[str]) -> None:
        self._chance = random.Random(seed)
        self._say = Wording(self._chance, vocabulary)
        self._phrases = phrases.documented()
        self._makers: dict[str, Callable[[], list[Any]]] = {
            "read": self._read,
            "two reads": self._two_reads,
            "run": self._run,
            "list": self._list,
            "write": self._write,
            "greeting": self._greeting,
            "identity": self._identity,
            "abilities": self._abilities,
            "thanks": self._thanks,
            "documented": self._documented,
            "declined": self._declined,
        }

    def session(self, turns: int | None = None) -> Iterator[tuple[str, list[Message]]]:
        """Turns as (skill, messages); the assistant's messages are what is to be learned."""
        yield "", self._opening()
        for _ in range(turns or self._chance.randint(1, 6)):
            skill = self._chance.choices(list(skills), list(skills.values()))[0]
            yield skill, self.turn(skill)

    def turn(self, skill: str) -> list[Message]:
        said, *answers = self._makers[skill]()
        return [user(self._reminders() + said), *answers]

    def _opening(self) -> list[Message]:
        if self._chance.random() < 0.3:
            return []
        return [{"role": "system", "content": self._filler(self._chance.randint(1, 3))}]

    def _reminders(self) -> str:
        """What the client puts before the user's words; sometimes with commands inside."""
        if self._chance.random() < 0.4:
            return ""
        reminders = []
        for _ in range(self._chance.randint(1, 3)):
            text = self._filler(1)
            if self._chance.random() < 0.2:
                text += "\n" + self._say.filled(self._chance.choice(reads + writes))
            gap = self._chance.choice(["", "\n", "\n\n"])
            reminders.append(f"<system-reminder>\n{text}\n</system-reminder>{gap}")
        return "".join(reminders)

    def _filler(self, count: int) -> str:
        text = "\n\n".join(self._chance.choices(paragraphs(), k=count))
        return text[-self._chance.randint(60, 500) :]

    def _read(self) -> list[Any]:
        path = self._say.file()
        said = self._say.filled(self._chance.choice(reads), f=path)
        return [said, *self._tools([phrases.read(path)])]

    def _two_reads(self) -> list[Any]:
        paths = [self._say.file(), self._say.file()]
        said = self._say.filled(self._chance.choice(two_reads), f=paths[0], g=paths[1])
        return [said, *self._tools([phrases.read(path) for path in paths])]

    def _run(self) -> list[Any]:
        command = self._say.command()
        said = self._say.filled(self._chance.choice(runs), c=command)
        return [said, *self._tools([phrases.run(command)])]

    def _list(self) -> list[Any]:
        if self._chance.random() < 0.6:
            return [self._chance.choice(lists), *self._tools([phrases.run("ls")])]
        folder = self._say.folder()
        said = self._say.filled(self._chance.choice(lists_in), d=folder)
        return [said, *self._tools([phrases.run(f"ls {folder}")])]

    def _write(self) -> list[Any]:
        path, text = self._say.file(), self._say.text()
        said = self._say.filled(self._chance.choice(writes), f=path, t=text)
        return [said, *self._tools([phrases.write(path, text)])]

    def _greeting(self) -> list[Any]:
        return [self._chance.choice(greetings), answer(phrases.hello)]

    def _identity(self) -> list[Any]:
        return [self._chance.choice(identities), answer(phrases.identity)]

    def _abilities(self) -> list[Any]:
        return [self._chance.choice(abilities), answer(phrases.abilities)]

    def _thanks(self) -> list[Any]:
        return [self._chance.choice(thanks), answer(phrases.welcome)]

    def _declined(self) -> list[Any]:
        return [self._say.ask(), answer(phrases.declined)]

    def _documented(self) -> list[Any]:
        phrase = self._chance.choice(self._phrases)
        if "answer" in phrase:
            return [phrase["say"], answer(phrase["answer"])]
        if self._chance.random() < 0.5:
            return [phrase["say"], *self._tools(phrase["calls"])]
        results = [{"role": "tool", "content": result} for result in phrase["results"]]
        return [phrase["say"], calling(phrase["calls"]), *results, answer(phrase["closing"])]

    def _tools(self, calls: list[dict[str, Any]]) -> Iterator[Message]:
        """The calls, their results in the order of the calls, and the closing sentence."""
        yield calling(calls)
        results = [self._result(**call) for call in calls]
        for result in results:
            yield {"role": "tool", "content": result}
        yield answer(phrases.closing(calls[-1]["name"], calls[-1]["arguments"], results[-1]))

    def _result(self, name: str, arguments: dict[str, Any]) -> str:
        if self._chance.random() < 0.06:
            return rejected
        if name == "Read":
            return self._read_result()
        if name == "Write":
            return self._write_result(arguments["file_path"])
        return self._command_result(arguments["command"])

    def _read_result(self) -> str:
        kind = self._chance.random()
        if kind < 0.15:
            where = f"/{self._say.word()}/{self._say.word()}"
            text = f"File does not exist. Note: your current working directory is {where}."
            return self._maybe_wrapped(text)
        if kind < 0.2:
            return empty_file
        shown = [self._line() for _ in range(self._chance.choice([1, 2, 2, 2, 3]))]
        if self._chance.random() < 0.05:
            shown[0] = ""
        return "\n".join(f"{number}\t{line}" for number, line in enumerate(shown, 1))

    def _write_result(self, path: str) -> str:
        kind = self._chance.random()
        if kind < 0.15:
            return self._maybe_wrapped(f"Error: {self._line()}")
        if kind < 0.35:
            return f"The file {path} has been updated successfully. {kept}"
        return f"File created successfully at: {path} {kept}"

    def _command_result(self, command: str) -> str:
        kind = self._chance.random()
        if kind < 0.1:
            return phrases.no_output
        if kind < 0.28:
            program = command.split()[0] if command.split() else "sh"
            reason = self._chance.choice(reasons)
            return f"Exit code {self._chance.choice([1, 1, 2, 126, 127, 128])}\n" + (
                f"{program}: {self._say.file()}: {reason}"
                if self._chance.random() < 0.6
                else self._line()
            )
        if kind < 0.34:
            return "\n".join(self._line() for _ in range(self._chance.randint(24, 40)))
        shown: list[str] = []
        while len("\n".join(shown)) < self._chance.randint(1, 300) and len(shown) < 12:
            shown.append(self._line())
        text = "\n".join(shown)
        return text if len(text) <= phrases.longest_result else shown[0]

    def _line(self) -> str:
        kind = self._chance.random()
        if kind < 0.4:
            return self._chance.choice(lines())
        if kind < 0.6:
            return self._say.text()
        if kind < 0.7:
            return "# " + self._say.text()
        return self._say.file() if kind < 0.85 else self._say.word()

    def _maybe_wrapped(self, text: str) -> str:
        wrapped = self._chance.random() < 0.5
        return f"<tool_use_error>{text}</tool_use_error>" if wrapped else text


rejected = (
    "The user doesn't want to proceed with this tool use. The tool use was rejected (eg. if it was "
    "a file edit, the new_string was NOT written to the file). STOP what you are doing and wait "
    "for the user to tell you how to proceed."
)
empty_file = (
    "<system-reminder>Warning: the file exists but the contents are empty.</system-reminder>"
)
kept = "(file state is current in your context — no need to Read it back)"
reasons = ["No such file or directory", "command not found", "Permission denied", "not found"]


def user(text: str) -> Message:
    return {"role": "user", "content": text}


def calling(calls: list[dict[str, Any]]) -> Message:
    return {"role": "assistant", "content": "", "tool_calls": calls}


def answer(text: str) -> Message:
    return {"role": "assistant", "content": text}
