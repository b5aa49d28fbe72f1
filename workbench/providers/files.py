"""Training files: to the provider, and what it gives back."""

from __future__ import annotations

import asyncio
import base64
import binascii
import csv
import io
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from workbench.errors import WorkbenchError
from workbench.providers.errors import ProviderError, speaking, strange
from workbench.providers.profiles import Profile

if TYPE_CHECKING:
    import openai

READY_S = 600.0
"""How long a provider may look at an uploaded file before we give up (Azure takes minutes for large ones)."""
_LOOKING = {"pending", "running", "processing", "uploading"}
_BAD = {"error", "failed", "deleted"}


async def upload(
    client: openai.AsyncOpenAI,
    path: Path,
    *,
    profile: Profile,
    purpose: Literal["fine-tune", "batch", "user_data"] = "fine-tune",
    poll_s: float = 5.0,
) -> str:
    """Upload a file, streamed from the disk, wait until the provider accepts it, and return its id.

    The SDK may repeat it after a failure: at worst that leaves a copy which costs nothing.
    """
    with _open(path) as file, speaking(profile, f"uploading {path.name}", client):
        # A path would be read into memory as a whole; an open file is streamed.
        # Providers tell a file's format by the end of its name, which the kept bytes of an earlier job have not.
        name = path.name if path.suffix else f"{path.name}.jsonl"
        found = await client.files.create(file=(name, file), purpose=purpose)
    file_id = getattr(found, "id", None)
    if not isinstance(file_id, str) or not file_id:
        raise strange(profile, f"uploading {path.name}")
    await _until_ready(client, profile, path.name, file_id, str(getattr(found, "status", "") or ""), poll_s)
    return file_id


async def download(client: openai.AsyncOpenAI, file_id: str, *, profile: Profile) -> bytes:
    """The content of a provider's file."""
    with speaking(profile, f"reading {file_id}", client):
        return (await client.files.content(file_id)).content


async def result_rows(client: openai.AsyncOpenAI, file_id: str, *, profile: Profile) -> list[dict[str, float]]:
    """The numbers of a job's result file, one dict a step, whichever way the provider spells it."""
    return parse_results(await download(client, file_id, profile=profile))


def parse_results(content: bytes) -> list[dict[str, float]]:
    """A result CSV, plain (Azure) or base64 (OpenAI); empty cells are left out."""
    if not content.lstrip(b"\xef\xbb\xbf").startswith(b"step"):
        try:
            content = base64.b64decode(content, validate=False)
        except (binascii.Error, ValueError):
            return []
    rows = csv.DictReader(io.StringIO(content.decode("utf-8-sig", "replace")))
    return [
        {_column(name): number for name, cell in row.items() if (number := _number(cell)) is not None} for row in rows
    ]


def _column(name: Any) -> str:
    """Both spellings of one column as the events name it."""
    known = {
        "train_accuracy": "train_mean_token_accuracy",
        "validation_mean_token_accuracy": "valid_mean_token_accuracy",
        "eval_loss": "valid_loss",
    }
    return known.get(str(name), str(name))


def _number(cell: Any) -> float | None:
    try:
        return float(cell)
    except (TypeError, ValueError):
        return None


def _open(path: Path) -> io.BufferedReader:
    try:
        file = path.open("rb")
    except OSError as error:
        why = "is a folder, not a file" if path.is_dir() else (error.strerror or str(error)).lower()
        raise WorkbenchError(str(path), why, "name a JSONL file", code="unreadable") from None
    if not os.fstat(file.fileno()).st_size:
        file.close()
        raise WorkbenchError(str(path), "is empty", "a training file needs records", code="empty_file")
    return file


async def _until_ready(
    client: openai.AsyncOpenAI, profile: Profile, name: str, file_id: str, status: str, poll_s: float
) -> None:
    waited, delay = 0.0, min(0.2, poll_s)
    while status in _LOOKING and waited < READY_S:
        await asyncio.sleep(delay)
        waited, delay = waited + delay, min(delay * 1.5, poll_s)
        with speaking(profile, f"waiting for {name}", client):
            found = await client.files.retrieve(file_id)
        status = str(getattr(found, "status", "") or "")
        if status in _BAD:
            why = getattr(found, "status_details", None) or f"the provider marked it {status}"
            raise ProviderError(f"{profile.name}: {name}", str(why), "check the file with `ftwb dataset check`")
    if status in _LOOKING:
        raise ProviderError(f"{profile.name}: {name}", f"is still {status} after {READY_S:.0f} s", "try again later")
