"""What can go wrong with a download, in the user's words, each with the way out."""

from __future__ import annotations

import errno

import httpx2
from huggingface_hub import get_token
from huggingface_hub.errors import (
    GatedRepoError,
    HfHubHTTPError,
    HFValidationError,
    OfflineModeIsEnabled,
)

from ..errors import first_line
from .file import WrongContent
from .model import NoModel, NoRoom

goes_on = "the same command goes on where it stopped"


def explained(error: Exception, name: str, endpoint: str) -> str | None:
    """None: this is a mistake of ours."""
    reason = reason_of(error, f"{endpoint}/{name}", endpoint)
    return f"Cannot download {name}: {reason}" if reason else None


def reason_of(error: Exception, page: str, endpoint: str) -> str | None:
    if isinstance(error, HfHubHTTPError):
        return refusal(error, page)
    if isinstance(error, OfflineModeIsEnabled):
        return "HF_HUB_OFFLINE is set; unset it, or name a model that is here"
    if isinstance(error, HFValidationError):
        return "this is no name of the hub; it has to be like mlx-community/NAME"
    if isinstance(error, httpx2.TransportError):
        return (
            f"{endpoint} cannot be reached ({first_line(error)}); check the connection and "
            f"HTTPS_PROXY, and {goes_on}"
        )
    if isinstance(error, WrongContent):
        return (
            f"what arrives of {error} is not what the hub announced, twice in a row; something on "
            "the way changes it, or the model is being replaced: try again later, or on another "
            "network"
        )
    if isinstance(error, NoRoom):
        return (
            f"it needs {gigabytes(error.needed)} more, and {gigabytes(error.free)} are free in "
            f"{error.folder}; make room, or name a folder on another disk with HF_HUB_CACHE"
        )
    if isinstance(error, NoModel):
        return (
            "it holds no model*.safetensors, so mlx-lm cannot load it; look for one that is "
            "converted for mlx, such as those of mlx-community"
        )
    if isinstance(error, OSError):
        return disk_failure(error)
    return None


def refusal(error: HfHubHTTPError, page: str) -> str:
    status = error.response.status_code
    if isinstance(error, GatedRepoError):
        return f"it is for those who asked for it; do so at {page}, and set HF_TOKEN to your token"
    if status == 401 and get_token():
        return (
            "the hub does not take your token, or it may not see this model; make a new one at "
            "https://huggingface.co/settings/tokens and set HF_TOKEN, and check the name"
        )
    if status in (401, 404):
        return (
            f"the hub has no such model, or it is private; check the name at {page}, and set "
            "HF_TOKEN if it is yours"
        )
    if status == 403:
        return f"the hub refuses it ({first_line(error)}); see {page}"
    if status == 429:
        return f"the hub is asked too often from here; wait some minutes, and {goes_on}"
    if status >= 500:
        return f"the hub has a fault of its own ({status}); wait some minutes, and {goes_on}"
    return f"the hub says {first_line(error)}; see {page}"


def disk_failure(error: OSError) -> str:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"the disk is full; make room, and {goes_on}"
    where = f" {error.filename}" if error.filename else ""
    return (
        f"the disk fails{where} ({error.strerror or first_line(error)}); HF_HUB_CACHE names "
        "another folder"
    )


def gigabytes(count: int) -> str:
    return f"{count / 1e9:.1f} GB" if count >= 1e8 else f"{count / 1e6:.1f} MB"
