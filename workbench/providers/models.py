"""What models a profile has, and until when."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, Field

from workbench.errors import WorkbenchError
from workbench.providers.errors import speaking, strange
from workbench.providers.pages import as_dict, pages
from workbench.providers.profiles import Profile

if TYPE_CHECKING:
    import openai

ModelKind = Literal["base", "tuned", "checkpoint"]


class Model(BaseModel):
    """One model of a profile."""

    id: str
    profile: str
    kind: ModelKind = "base"
    size: int | None = None
    """Bytes on our disk; None elsewhere."""
    methods: list[str] = Field(default_factory=list)
    """What it can be trained with, where the provider says."""
    retires: str | None = None
    """ISO date after which it no longer answers."""
    created: int | None = None
    base: str | None = None
    sha256: str | None = None
    host: str | None = None
    """What answers for it locally, such as `llama.cpp`."""
    precision: str | None = None


async def list_models(client: openai.AsyncOpenAI, profile: Profile) -> list[Model]:
    """Every model, tuned ones first, then by name."""
    what = "listing models"
    first = client.models.list()
    found = [_model(profile, as_dict(item)) async for page in pages(first, profile, what, client) for item in page]
    return sorted(found, key=lambda model: (model.kind == "base", model.id))


async def describe_model(client: openai.AsyncOpenAI, profile: Profile, model: str) -> dict[str, Any]:
    """Everything that the provider says of one model. Raises `ProviderError`, with status 404 where it has none."""
    with speaking(profile, f"model {model}", client):
        found = await client.models.retrieve(model)
    if not getattr(found, "id", None):
        raise strange(profile, f"model {model}")
    return as_dict(found)


async def delete_model(client: openai.AsyncOpenAI, profile: Profile, model: str) -> None:
    """Delete a tuned model for good."""
    if not profile.capabilities.delete_models:
        raise WorkbenchError(f"profile {profile.name}", "cannot delete models", code="not_supported", exit_code=2)
    with speaking(profile, f"deleting {model}", client):
        await client.models.delete(model)


def _model(profile: Profile, raw: Mapping[str, Any]) -> Model:
    own: Mapping[str, Any] = raw["ftwb"] if isinstance(raw.get("ftwb"), Mapping) else {}
    name, size = str(raw.get("id") or ""), own.get("size")
    kind = own.get("kind")
    return Model(
        id=name,
        profile=profile.name,
        kind=kind if kind in {"base", "tuned", "checkpoint"} else _kind(name),
        size=size if isinstance(size, int) else None,
        methods=[str(method) for method in own.get("methods") or []],
        retires=_retires(raw),
        created=raw["created"] if isinstance(raw.get("created"), int) else None,
        **{key: str(own[key]) for key in ("base", "sha256", "host", "precision") if own.get(key)},
    )


def _kind(name: str) -> ModelKind:
    """By the names that OpenAI (`ft:…`) and Azure (`….ft-<hex>`) give."""
    if not name.startswith("ft:") and ".ft-" not in name:
        return "base"
    return "checkpoint" if "ckpt-step-" in name else "tuned"


def _retires(raw: Mapping[str, Any]) -> str | None:
    """OpenAI's `shutdown_date`, or Azure's `deprecation` table of unix seconds."""
    if raw.get("shutdown_date"):
        return str(raw["shutdown_date"])
    table = raw.get("deprecation")
    at = table.get("inference") if isinstance(table, Mapping) else None
    if isinstance(at, (int, float)) and at > 0:
        return datetime.fromtimestamp(at, tz=UTC).date().isoformat()
    return None
