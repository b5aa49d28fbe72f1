"""What a provider gives back: contents of files, and the numbers of a job's result file."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Any

from workbench.providers.downloads import plain_results
from workbench.providers.errors import speaking
from workbench.providers.profiles import Profile

if TYPE_CHECKING:
    import openai


async def download(client: openai.AsyncOpenAI, file_id: str, *, profile: Profile) -> bytes:
    """The content of a provider's file."""
    with speaking(profile, f"reading {file_id}", client):
        return (await client.files.content(file_id)).content


async def result_rows(client: openai.AsyncOpenAI, file_id: str, *, profile: Profile) -> list[dict[str, float]]:
    """The numbers of a job's result file, one dict a step, whichever way the provider spells it."""
    return parse_results(await download(client, file_id, profile=profile))


def parse_results(content: bytes) -> list[dict[str, float]]:
    """A result CSV, plain (Azure) or base64 (OpenAI); empty cells are left out."""
    rows = csv.DictReader(io.StringIO(plain_results(content).decode("utf-8-sig", "replace")))
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
