"""The files that a provider keeps for us."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from workbench.providers.errors import speaking
from workbench.providers.pages import as_dict, pages
from workbench.providers.profiles import Profile

if TYPE_CHECKING:
    import openai


@dataclass(frozen=True, slots=True)
class StoredFile:
    """One file at a provider."""

    id: str
    name: str
    purpose: str
    size: int | None
    """Bytes."""
    created_at: int | None
    """Unix seconds."""


async def list_files(client: openai.AsyncOpenAI, profile: Profile) -> list[StoredFile]:
    """All files, the oldest first."""
    what = "listing files"
    first = client.files.list(limit=1000)
    found = [_file(as_dict(item)) async for page in pages(first, profile, what, client) for item in page]
    return sorted(found, key=lambda file: (file.created_at or 0, file.id))


async def delete_file(client: openai.AsyncOpenAI, profile: Profile, file_id: str) -> None:
    """Delete a file for good."""
    with speaking(profile, f"deleting {file_id}", client):
        await client.files.delete(file_id)


def _file(raw: Mapping[str, Any]) -> StoredFile:
    size, created = raw.get("bytes"), raw.get("created_at")
    return StoredFile(
        id=str(raw.get("id") or ""),
        name=str(raw.get("filename") or ""),
        purpose=str(raw.get("purpose") or ""),
        size=size if isinstance(size, int) else None,
        created_at=int(created) if isinstance(created, (int, float)) else None,
    )
