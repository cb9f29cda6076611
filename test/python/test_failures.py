"""A model that cannot be used says why and what to do, and the server stays up."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conftest import settings
from test_api import ask, question

from anyclaude_mlx.__main__ import load
from anyclaude_mlx.api.api import Api
from anyclaude_mlx.api.leases import Leases
from anyclaude_mlx.mlx_engine import loading
from anyclaude_mlx.worker import Worker

Change = Callable[[Path], object]


def config(**fields: Any) -> Change:
    return lambda folder: edit(folder / "config.json", fields)


def template(text: str | None) -> Change:
    return lambda folder: edit(folder / "tokenizer_config.json", {"chat_template": text})


def weights(change: Callable[[bytes], bytes]) -> Change:
    def changed(folder: Path) -> None:
        file = folder / "model.safetensors"
        file.write_bytes(change(file.read_bytes()))

    return changed


def edit(file: Path, fields: dict[str, Any]) -> None:
    content = {**json.loads(file.read_text()), **fields}
    file.write_text(json.dumps({k: v for k, v in content.items() if v is not None}))


def lose_a_shard(folder: Path) -> None:
    index = {"weight_map": {"a": "model.safetensors", "b": "model-2.safetensors"}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))


def write(name: str, text: str) -> Change:
    return lambda folder: (folder / name).write_text(text)


def delete(name: str) -> Change:
    return lambda folder: (folder / name).unlink()


damages: dict[str, tuple[Change, str]] = {
    "an unknown architecture": (
        config(model_type="foo"),
        r'does not know the architecture "foo"; choose another',
    ),
    "no architecture": (config(model_type=None), "names no model_type; choose"),
    "code of its own": (config(model_file="x.py"), "code of its own, which is not done; choose"),
    "weights that are cut": (
        weights(lambda content: content[:-100]),
        r"damaged or incomplete \(.*\); download it again",
    ),
    "weights without content": (weights(lambda _: b""), "damaged or incomplete .*download"),
    "weights that are something else": (
        weights(lambda content: b"\xff" * len(content)),
        "damaged or incomplete .*download",
    ),
    "weights of another size": (
        config(intermediate_size=64),
        r"not those of its config.json \(Expected shape .*download it again",
    ),
    "weights of fewer layers": (
        config(num_hidden_layers=3),
        r"not those of its config.json \(Missing 9 parameters\)",
    ),
    "a lost file of weights": (lose_a_shard, "1 of its 2 weight files .*model-2.*download"),
    "no weights": (delete("model.safetensors"), "holds no safetensors weights; name"),
    "weights for something else": (
        config(quantization_config={"quant_method": "gptq", "bits": 4}),
        "gptq weights; choose a copy that is converted for mlx",
    ),
    "a config that is none": (write("config.json", "["), "Cannot read .*config.json.*download"),
    "a tokenizer that is none": (write("tokenizer.json", "{"), "tokenizer .*; download it again"),
    "no tokenizer": (delete("tokenizer.json"), "tokenizer .*; download it again"),
    "no chat template": (template(None), "no chat template.*choose a model that is made for chat"),
    "a template that is none": (template("{% if %}"), "chat template .*; choose another"),
    "a template that always raises": (
        template("{{ raise_exception('never') }}"),
        "chat template .*: never; choose another",
    ),
    "a template that says nothing": (template("{{ '' }}"), "makes no text of them; choose"),
    "a window for nothing": (config(max_position_embeddings=4), "maximum context length is 4"),
}


@pytest.mark.parametrize(("change", "words"), damages.values(), ids=damages)
def test_a_model_that_cannot_be_used_says_why_and_what_to_do(
    change: Change, words: str, model_folder: dict[str, Path], tmp_path: Path
) -> None:
    folder = tmp_path / "model"
    shutil.copytree(model_folder["full"], folder)
    change(folder)

    message = failure_of(folder)

    assert re.search(words, message), message
    assert "\n" not in message


def test_a_model_that_does_not_fit_is_refused_with_numbers(
    model_folder: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loading, "free_bytes", lambda: 1 << 19)

    message = failure_of(model_folder["full"])

    assert "its weights take 0 MiB, and 0 MiB are free; close other programs, or choose" in message


def failure_of(folder: Path) -> str:
    """What a server says that was told to load this; it answers before, and goes on answering."""
    worker = Worker(lambda: load(settings(folder)))
    worker.begin()
    while not worker.is_ready and worker.failure is None:
        pass
    api = Api(worker, Leases(), "secret", {"mlx": "0"})
    health = ask(api, "GET", "/health").json()
    assert health["status"] == "failed", health
    asked = [ask(api, "POST", "/v1/chat/completions", json=question) for _ in range(2)]
    assert {response.status_code for response in asked} == {503}
    error = asked[1].json()["error"]
    assert {error["code"], health["error"]["code"]} == {"model_failed"}
    assert error["message"] == health["error"]["message"]
    return str(error["message"])


def test_a_template_that_raises_at_some_messages_is_quoted_and_others_are_served(
    model_folder: dict[str, Path], tmp_path: Path
) -> None:
    folder = tmp_path / "model"
    shutil.copytree(model_folder["full"], folder)
    picky = "{% if 'no' in messages[0].content %}{{ raise_exception('I was told no') }}{% endif %}"
    old = json.loads((folder / "tokenizer_config.json").read_text())["chat_template"]
    template(picky + old)(folder)
    loaded = load(settings(folder))
    worker = Worker(lambda: loaded)
    worker.begin()
    while not worker.is_ready:
        pass
    api = Api(worker, Leases(), "secret", {"mlx": "0"})

    no = {**question, "messages": [{"role": "user", "content": "no"}]}
    refused = [
        ask(api, "POST", "/v1/chat/completions", json={**no, "stream": stream})
        for stream in (True, False)
    ]
    served = ask(api, "POST", "/v1/chat/completions", json=question)
    worker.end()

    assert [response.status_code for response in refused] == [400, 400]
    for response in refused:
        words = response.json()["error"]["message"]
        assert words == "Cannot render these messages: I was told no"
    assert served.status_code == 200
