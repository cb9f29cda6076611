"""
What the model is taught to say: fixed sentences, and the rules for closing ones.

Every rule here can be applied by looking back less than the window of 256 tokens. The documented
phrases, which the released weights must answer right, are in `phrases.json`.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

hello = (
    "Hello! I am the tiny demonstration model of anyclaude. "
    "Try: read README.md, list files, run: echo hi, or write notes.txt: some text"
)
identity = (
    "I am the tiny demonstration model of anyclaude: under a million weights, trained on made-up "
    "text. I can read, list, run and write; I am of no use for real work."
)
abilities = (
    "I can do four things: read FILE, list files, run: COMMAND, and write FILE: TEXT. "
    "For real work choose another model with --model."
)
welcome = "You are welcome."
declined = (
    "I cannot do that: I am only the tiny demonstration model. "
    "I can read FILE, list files, run: COMMAND, and write FILE: TEXT."
)
# Lines longer than this are not quoted: long copies go wrong.
longest_quote = 90
# Results longer than this fill the window, so that their beginning is out of sight.
longest_result = 420
shown_lines = 2


def call(name: str, **arguments: object) -> dict[str, Any]:
    return {"name": name, "arguments": arguments}


def read(path: str) -> dict[str, Any]:
    """The first lines only: a whole file would fill the window."""
    return call("Read", file_path=path, limit=shown_lines)


def run(command: str) -> dict[str, Any]:
    return call("Bash", command=command)


def write(path: str, content: str) -> dict[str, Any]:
    return call("Write", file_path=path, content=content)


def quoted(what: str, line: str) -> str:
    if not line.strip():
        return f"Done. The {what} starts with an empty line."
    if len(line) > longest_quote:
        return f"Done. The {what} starts with a long line."
    return f"Done. The {what} starts with: {line}"


def closing(name: str, arguments: dict[str, Any], result: str) -> str:
    """The one right sentence after a result of the real client."""
    if name == "Read" and result.startswith("<system-reminder>"):
        return "Done. The file is empty."
    failure = failed(name, result)
    if failure:
        return f"That failed: {failure}"
    if name == "Write":
        return f"Done. I wrote {arguments['file_path']}"
    if len(result) > longest_result:
        return "Done. The output is long."
    if name == "Read":
        return quoted("file", result.split("\n")[0].split("\t", 1)[-1])
    if not result or result == no_output:
        return "Done. There was no output."
    return quoted("output", result.split("\n")[0])


no_output = "(Bash completed with no output)"


def failed(name: str, result: str) -> str | None:
    """The first sentence of an error, or nothing. `is_error` does not reach a model: words do."""
    text = result.removeprefix("<tool_use_error>").removesuffix("</tool_use_error>")
    first = text.split("\n")[0]
    if name == "Bash" and first.startswith("Exit code"):
        return sentence(text.split("\n")[1]) if "\n" in text else first
    right = {
        "Read": first.split("\t")[0].strip().isdigit(),
        "Write": first.startswith(("File created successfully", "The file ")),
        "Bash": text is result and not first.startswith("The user doesn't want"),
    }
    return None if right[name] else sentence(first)


def sentence(line: str) -> str:
    return line.split(". ")[0][:longest_quote]


def documented() -> list[dict[str, Any]]:
    """`{"say", "answer"}`, or `{"say", "calls", "results", "closing"}`."""
    text = (Path(__file__).parent / "phrases.json").read_text("utf-8")
    phrases: list[dict[str, Any]] = json.loads(text)
    return phrases
