"""What the command line asks for. The only reader of arguments and environment."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Settings:
    model: str
    host: str
    port: int
    idle_exit_seconds: float | None
    prefix_cache: bool
    prefix_folder: Path | None
    prefix_disk_bytes: int
    kv_bits: int | None
    token: str | None


def parse_settings(arguments: Sequence[str]) -> Settings:
    parser = argparse.ArgumentParser(prog="anyclaude_mlx", description=__doc__)
    parser.add_argument("--model", required=True, help="tiny, a folder, or a Hugging Face name")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0, help="0: any free one")
    parser.add_argument(
        "--idle-exit",
        type=float,
        metavar="SECONDS",
        help="end when nobody has held a lease for that long (without this option: never)",
    )
    parser.add_argument("--no-prefix-cache", action="store_true")
    parser.add_argument(
        "--prefix-folder", type=Path, metavar="PATH", help="keep prefixes there over restarts"
    )
    parser.add_argument(
        "--prefix-disk-bytes", type=int, default=10 << 30, metavar="N", help="and take no more"
    )
    parser.add_argument(
        "--kv-bits",
        type=int,
        choices=(4, 8),
        help="keep keys and values of attention in so many bits: less memory, less exact",
    )
    parsed = parser.parse_args(arguments)
    return Settings(
        model=parsed.model,
        host=parsed.host,
        port=parsed.port,
        idle_exit_seconds=parsed.idle_exit,
        prefix_cache=not parsed.no_prefix_cache,
        prefix_folder=parsed.prefix_folder,
        prefix_disk_bytes=parsed.prefix_disk_bytes,
        kv_bits=parsed.kv_bits,
        token=os.environ.get("ANYCLAUDE_SERVER_TOKEN") or None,
    )


def built_in_model() -> Path:
    """The folder of `--model tiny`, beside this package in the checkout and in the binary."""
    return Path(__file__).parent.parent / "models" / "tiny"
