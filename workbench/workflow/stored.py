"""Stored completions: what was asked and answered with `store: true`, brought home as training records."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.errors import WorkbenchError
from workbench.workflow.context import Context
from workbench.workflow.rescue import rescue_folder

if TYPE_CHECKING:
    from openai import AsyncOpenAI

    from workbench.providers.profiles import Profile


@dataclass(frozen=True, slots=True)
class Stored:
    """What came home of one model."""

    model: str
    path: Path
    records: int
    """In the file, those of earlier times included."""
    why_not: str | None
    """Why there are not more, where the provider refused."""


async def save_stored(
    context: Context, name: str, models: Sequence[str], *, progress: Callable[[str], None] = lambda _: None
) -> list[Stored]:
    """Every stored completion of the models, one chat record each; those that are here already are not asked for again.

    At the provider it only reads. What it refuses is told in `why_not`.
    """
    from workbench.providers.errors import ProviderError
    from workbench.workspace.lines import read_lines

    profile, found = context.profile(name), []
    async with await context.client(name) as client:
        for model in models:
            path = rescue_folder(context, name) / "stored" / f"{_plain(model)}.jsonl"
            why = None
            try:
                await _save(client, profile, model, path, progress)
            except ProviderError as error:
                if error.code in ("offline", "unauthorized"):
                    raise
                why = error.why
            found.append(Stored(model, path, len(read_lines(path)), why))
    return found


def refuse_taken(path: Path) -> None:
    """Raise `WorkbenchError` where something is already, before anybody is asked."""
    if path.exists():
        raise WorkbenchError(str(path), "is there already", "name a new file", code="exists")


def write_dataset(stored: Sequence[Stored], path: Path) -> int:
    """Every record that came home as one new dataset, none where there is no record; returns how many.

    Never over a file that is there. Raises `WorkbenchError`.
    """
    refuse_taken(path)
    lines = [line for one in stored if one.path.is_file() for line in one.path.read_bytes().splitlines()]
    if not lines:
        return 0
    made = False
    try:
        with path.open("xb") as file:
            made = True
            file.writelines(line + b"\n" for line in lines)
            file.flush()
            os.fsync(file.fileno())
    except FileExistsError:
        refuse_taken(path)
    except OSError as error:
        if made:
            path.unlink(missing_ok=True)
        why = (error.strerror or str(error)).lower()
        raise WorkbenchError(str(path), f"cannot be written ({why})", "choose another place", code="disk") from error
    return len(lines)


async def _save(client: AsyncOpenAI, profile: Profile, model: str, path: Path, progress: Callable[[str], None]) -> None:
    from workbench.providers.pages import as_dict, pages
    from workbench.workspace.lines import append_line, read_lines

    kept = {str((line.get("metadata") or {}).get("completion")) for line in read_lines(path)}
    what = f"stored completions of {model}"
    async for page in pages(client.chat.completions.list(model=model, limit=100), profile, what, client):
        for item in page:
            completion = as_dict(item)
            if completion["id"] in kept:
                continue
            asked = client.chat.completions.messages.list(completion["id"], limit=100)
            sent = [as_dict(one) async for part in pages(asked, profile, what, client) for one in part]
            answers = [choice["message"] for choice in completion.get("choices") or [] if choice.get("message")]
            if answers:
                metadata = {"completion": completion["id"], "model": model}
                append_line(path, {"messages": [_message(one) for one in [*sent, answers[0]]], "metadata": metadata})
                kept.add(completion["id"])
                progress(f"{what}: {len(kept)}")


def _message(raw: dict[str, Any]) -> dict[str, Any]:
    """A stored message as a record has it: without its id, and without fields that are not there."""
    wanted = ("role", "content", "name", "tool_calls", "tool_call_id", "refusal")
    found = {key: raw[key] for key in wanted if raw.get(key) is not None}
    if raw.get("content_parts"):
        found["content"] = raw["content_parts"]
    return found if "content" in found or "tool_calls" in found else {**found, "content": ""}


def _plain(text: str) -> str:
    """A model's id as a file name: it comes from a server."""
    return re.sub(r"[^A-Za-z0-9._-]", "_", text).lstrip(".") or "_"
