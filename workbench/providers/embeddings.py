"""Texts as vectors, by a provider's embeddings endpoint."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from workbench.errors import WorkbenchError
from workbench.providers.errors import speaking, strange
from workbench.providers.profiles import Profile

if TYPE_CHECKING:
    import openai


@dataclass(frozen=True, slots=True)
class Embedded:
    """One vector a text, in the order of the texts, and the tokens that were billed where the provider says."""

    vectors: list[list[float]]
    tokens: int | None


def embedding_model(profile: Profile) -> str:
    """The model that embeds at this profile. Raises `WorkbenchError` where it has none."""
    if not profile.capabilities.embeddings:
        raise WorkbenchError(
            f"profile {profile.name}",
            "has no embeddings endpoint",
            "leave :dense out, or name another model with --rag embeddings=PROFILE/MODEL",
            code="not_supported",
            exit_code=2,
        )
    if profile.embedding_model is None:
        raise WorkbenchError(
            f"profile {profile.name}",
            "names no embedding model",
            f"set it with `ftwb config set profiles.{profile.name}.embedding_model NAME`",
            code="not_supported",
            exit_code=2,
        )
    return profile.embedding_model


async def embed(client: openai.AsyncOpenAI, model: str, texts: Sequence[str], *, profile: Profile) -> Embedded:
    """Embed some texts in one call. Raises `ProviderError`."""
    what = f"embeddings with {model}"
    with speaking(profile, what, client):
        # As numbers: compatible servers need not know the SDK's base64.
        answer = await client.embeddings.create(model=model, input=list(texts), encoding_format="float")
    rows = sorted(getattr(answer, "data", None) or [], key=lambda row: row.index)
    vectors = [list(row.embedding) for row in rows]
    if len(vectors) != len(texts) or not all(vectors) or len({len(vector) for vector in vectors}) > 1:
        raise strange(profile, what)
    return Embedded(vectors, answer.usage.prompt_tokens if answer.usage else None)
