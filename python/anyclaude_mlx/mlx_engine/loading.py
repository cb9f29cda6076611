"""
From a model's name to a loaded model and its tokenizer. Imports mlx and mlx_lm, and is imported by
the worker thread alone: it takes a second.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import mlx.core as mx
from huggingface_hub import snapshot_download
from mlx_lm.utils import load

from ..errors import ModelFailed, first_line
from ..events import Sampling
from ..hub.model import patterns
from ..settings import built_in_model
from .device import free_bytes, is_cpu
from .engine import MlxModel

# Files up to this size are part of the fingerprint whole, larger ones by size and both ends.
whole_file_bytes = 64 << 20


@dataclass(frozen=True, slots=True)
class LoadedModel:
    model: MlxModel
    tokenizer: Any
    id: str
    fingerprint: str
    vocabulary: int
    """How many logits it gives; some have more than tokens."""
    default_sampling: Sampling


def load_by_name(name: str, kv_bits: int | None = None) -> LoadedModel:
    folder = find_folder(name)
    config = read_config(folder)
    check_files(folder, name)
    needed, free = sum(file.stat().st_size for file in folder.glob("*.safetensors")), free_bytes()
    if needed > free:
        raise ModelFailed(
            f"Cannot load {name}: its weights take {needed >> 20} MiB, and {free >> 20} MiB are "
            "free; close other programs, or choose a smaller or more strongly quantised model"
        )
    try:
        model, tokenizer, config = load(str(folder), lazy=True, return_config=True)
        cast(model, config)
        mx.eval(model.parameters())
    except Exception as error:
        raise ModelFailed(f"Cannot load {name}: {explained(error, config)}") from error
    if not tokenizer.has_chat_template:
        raise ModelFailed(
            f"Cannot use {name}: it has no chat template, so it cannot converse; "
            "choose a model that is made for chat (its name often ends in -Instruct or -it)"
        )
    return LoadedModel(
        model=MlxModel(
            model,
            window=window(config, tokenizer),
            end_tokens=frozenset(tokenizer.eos_token_ids),
            kv_bits=kv_bits,
        ),
        tokenizer=tokenizer,
        id=name if not Path(name).exists() else folder.name,
        fingerprint=fingerprint(folder),
        vocabulary=vocabulary(config, tokenizer),
        default_sampling=default_sampling(folder),
    )


def find_folder(name: str) -> Path:
    if name == "tiny":
        return checked(built_in_model(), name)
    if Path(name).expanduser().is_dir():
        return checked(Path(name).expanduser().resolve(), name)
    if name.startswith((".", "/", "~")) or name.count("/") != 1:
        raise ModelFailed(
            f"Cannot find a model at {name}: there is no such folder; name a folder, "
            "a Hugging Face model such as mlx-community/NAME, or tiny"
        )
    return checked(from_hub(name), name)


def from_hub(name: str) -> Path:
    """Only what is here: downloads are for whoever starts a server, where they can be watched."""
    try:
        return Path(snapshot_download(name, local_files_only=True, allow_patterns=patterns))
    except Exception as error:
        raise ModelFailed(
            f"Cannot find {name}: it is not in the Hugging Face cache, or not all of it; download "
            f"it with anyclaude models pull {name}, or name a folder"
        ) from error


def checked(folder: Path, name: str) -> Path:
    for pattern, what in (("config.json", "config.json"), ("*.safetensors", "safetensors weights")):
        if not any(folder.glob(pattern)):
            raise ModelFailed(
                f"Cannot load {name}: {folder} holds no {what}; "
                "name the folder of a model, or download it again"
            )
    return folder


def check_files(folder: Path, name: str) -> None:
    """Loading does not miss a file that only the index names."""
    try:
        index = json.loads((folder / "model.safetensors.index.json").read_text("utf-8"))
        named = set(index["weight_map"].values())
    except (OSError, ValueError, KeyError, AttributeError, TypeError):
        return
    missing = sorted(file for file in named if not (folder / str(file)).exists())
    if missing:
        raise ModelFailed(
            f"Cannot load {name}: {len(missing)} of its {len(named)} weight files are missing, "
            f"the first is {missing[0]}; download it again"
        )


def explained(error: Exception, config: dict[str, Any]) -> str:
    """What mlx and mlx_lm mean, and what can be done."""
    words = first_line(error)
    kind = config.get("model_type")
    if kind is None:
        return "its config.json names no model_type; choose a model that is converted for mlx"
    if words.endswith("not supported."):
        return (
            f"mlx-lm {version('mlx-lm')} does not know the architecture {json.dumps(kind)}; "
            "choose another model"
        )
    if "trust_remote_code" in words:
        return "it wants to run code of its own, which is not done; choose another model"
    if words.startswith(("[load_safetensors]", "[read]")):
        return f"a weight file is damaged or incomplete ({words}); download it again"
    if words.startswith(("Missing ", "Received ", "Expected shape ")):
        words = words.rstrip(": ")
        return f"its weights are not those of its config.json ({words}); download it again"
    if "tokenizer" in words:
        return f"its tokenizer cannot be read ({words}); download it again"
    method = (config.get("quantization_config") or {}).get("quant_method")
    if method:
        return f"mlx-lm cannot read its {method} weights; choose a copy that is converted for mlx"
    return f"{words}; download it again, or choose another model"


def read_config(folder: Path) -> dict[str, Any]:
    try:
        config = json.loads((folder / "config.json").read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise ModelFailed(
            f"Cannot read {folder / 'config.json'}: {first_line(error)}; download the model again"
        ) from error
    if not isinstance(config, dict):
        raise ModelFailed(
            f"Cannot read {folder / 'config.json'}: it is not a JSON object; "
            "download the model again"
        )
    return config


def cast(model: Any, config: dict[str, Any]) -> None:
    """
    The model may name its run-time dtype; else half precision becomes float32 on the CPU, where
    mlx computes it 22 to 50 times slower. Quantised weights stay as they are.
    """
    wanted = config.get("anyclaude", {}).get("dtype")
    if wanted == "float32" or (is_cpu() and "quantization" not in config):
        model.set_dtype(mx.float32)


def window(config: dict[str, Any], tokenizer: Any) -> int:
    """Tokens of prompt and answer together."""
    if (length := number_in(config, "max_position_embeddings")) is not None:
        return length
    length = int(getattr(tokenizer, "model_max_length", None) or 0)
    return length if 0 < length < 100_000_000 else 32768


def vocabulary(config: dict[str, Any], tokenizer: Any) -> int:
    size = number_in(config, "vocab_size")
    return len(tokenizer) if size is None else size


def number_in(config: dict[str, Any], name: str) -> int | None:
    """Of the model or of its language part."""
    for source in (config, config.get("text_config") or {}):
        if isinstance(number := source.get(name), int):
            return number
    return None


def default_sampling(folder: Path) -> Sampling:
    try:
        config = json.loads((folder / "generation_config.json").read_text("utf-8"))
    except (OSError, ValueError):
        return Sampling()
    if not config.get("do_sample", False):
        return Sampling()
    return Sampling(
        temperature=float(config.get("temperature", 1.0)),
        top_p=float(config.get("top_p", 1.0)),
        top_k=int(config.get("top_k", 0)),
    )


def fingerprint(folder: Path) -> str:
    """The same for the same model wherever it lies; other weights or another template change it."""
    digest = hashlib.sha256()
    for file in sorted(folder.iterdir()):
        if file.suffix not in {".json", ".safetensors", ".jinja"}:
            continue
        size = file.stat().st_size
        digest.update(f"{file.name} {size} ".encode())
        with file.open("rb") as content:
            if size <= whole_file_bytes:
                digest.update(content.read())
            else:
                digest.update(content.read(1 << 20))
                content.seek(-(1 << 20), 2)
                digest.update(content.read())
    return digest.hexdigest()[:32]
