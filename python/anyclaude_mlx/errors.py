"""
What can go wrong and be explained. Anything else that is raised is a bug.

    ServerError                 has a status and a code (docs/mlx-server.md, "Errors")
    ├── InvalidRequest          400 the request cannot be understood, or the template refuses it
    ├── PromptTooLong           400 more tokens than the window holds
    ├── NotReady                503 the model is still being loaded: try again
    ├── ModelFailed             503 the model cannot be loaded: trying again does not help
    └── OutOfMemory             503 this prompt does not fit now: try again
"""

from __future__ import annotations


class ServerError(Exception):
    status = 500
    code = "internal"
    retry_after_seconds: int | None = None

    def details(self) -> dict[str, object]:
        return {}


class InvalidRequest(ServerError):
    status = 400
    code = "invalid_request"


class PromptTooLong(ServerError):
    status = 400
    code = "context_length_exceeded"

    def __init__(self, prompt_tokens: int, window: int) -> None:
        super().__init__(
            f"This model's maximum context length is {window} tokens, "
            f"but the prompt has {prompt_tokens}"
        )
        self.prompt_tokens = prompt_tokens
        self.window = window

    def details(self) -> dict[str, object]:
        return {"prompt_tokens": self.prompt_tokens, "max_tokens": self.window}


class NotReady(ServerError):
    status = 503
    code = "loading"
    retry_after_seconds = 1


class ModelFailed(ServerError):
    status = 503
    code = "model_failed"


class OutOfMemory(ServerError):
    status = 503
    code = "out_of_memory"
    retry_after_seconds = 2


def first_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__
