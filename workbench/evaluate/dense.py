"""Retrieval by meaning: texts as vectors of a provider's embedding model, the nearest by cosine, exactly.

Vectors are kept by the content of their text, so that a second run embeds what is new and nothing else.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from workbench.errors import WorkbenchError
from workbench.evaluate.asking import Asker, OverBudget
from workbench.evaluate.ledger import cannot_write
from workbench.evaluate.task import digest

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Vectors = npt.NDArray[np.float32]

BATCH = 64
"""Texts in one call: far below any provider's limit of inputs and tokens for passages of a thousand characters."""


class Embedder(Protocol):
    """An embedding model of a profile."""

    @property
    def profile(self) -> str:
        """Whose pace its calls keep to."""
        ...

    @property
    def identity(self) -> str:
        """What its vectors are known by: `PROFILE/MODEL`."""
        ...

    def costs_at_most(self, texts: Sequence[str]) -> float | None:
        """US dollars, reckoned high; None where no price is known."""
        ...

    async def __call__(self, texts: Sequence[str]) -> tuple[list[list[float]], float | None]:
        """The vectors, and what they cost; raises `WorkbenchError`."""
        ...


@dataclass(frozen=True, slots=True)
class DenseIndex:
    """Vectors of a corpus and of the queries that are asked of it; all of length 1."""

    corpus: Vectors
    queries: Mapping[str, Vectors]

    def nearest(self, query: str, k: int) -> list[int]:
        """Positions of the `k` nearest texts, nearest first; ties go to the earlier text."""
        import numpy as np

        likeness = self.corpus @ self.queries[query]
        return [int(position) for position in np.argsort(-likeness, kind="stable")[:k]]


class VectorCache:
    """Vectors by model and text, a file each; a broken file counts as missing."""

    def __init__(self, folder: Path, identity: str) -> None:
        self._folder = folder / digest(identity)[:16]

    def _path(self, text: str) -> Path:
        key = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
        return self._folder / key[:2] / f"{key}.f32"

    def get(self, text: str) -> Vectors | None:
        """The vector of a text, of length 1, if it is known."""
        import numpy as np

        try:
            data = self._path(text).read_bytes()
        except OSError:
            return None
        return np.frombuffer(data, dtype="<f4") if data and len(data) % 4 == 0 else None

    def put(self, text: str, vector: Sequence[float]) -> Vectors:
        """Keep a vector, brought to length 1: complete on disk, or not there."""
        import numpy as np

        made = np.asarray(vector, dtype="<f4")
        length = float(np.linalg.norm(made))
        made = made / length if length > 0 else made
        path = self._path(text)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            handle, name = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=".tmp")
            with os.fdopen(handle, "wb") as file:
                file.write(made.astype("<f4").tobytes())
            Path(name).replace(path)
        except OSError as error:
            raise cannot_write(path, error) from error
        return made.astype("<f4")


def unknown(texts: Sequence[str], embedder: Embedder, cache_dir: Path) -> list[str]:
    """The different texts that were not embedded before."""
    cache = VectorCache(cache_dir, embedder.identity)
    return [text for text in dict.fromkeys(texts) if cache.get(text) is None]


async def build_index(
    corpus: Sequence[str], queries: Sequence[str], embedder: Embedder, ask: Asker, cache_dir: Path
) -> DenseIndex:
    """Embed what is not known yet, at the provider's pace and within the budget. Raises `OverBudget` and its errors."""
    import numpy as np

    cache = VectorCache(cache_dir, embedder.identity)
    new = unknown([*corpus, *queries], embedder, cache_dir)
    for start in range(0, len(new), BATCH):
        batch = new[start : start + BATCH]
        for text, vector in zip(batch, await _embed(batch, embedder, ask), strict=True):
            cache.put(text, vector)
    found = {text: cache.get(text) for text in dict.fromkeys([*corpus, *queries])}
    vectors = {text: vector for text, vector in found.items() if vector is not None}
    if len(vectors) < len(found) or len({len(vector) for vector in vectors.values()}) > 1:
        why = "gave vectors of different lengths under one name"
        raise WorkbenchError(embedder.identity, why, "empty the cache of embeddings", code="bad_embeddings")
    return DenseIndex(np.stack([vectors[text] for text in corpus]), {text: vectors[text] for text in queries})


async def _embed(batch: Sequence[str], embedder: Embedder, ask: Asker) -> list[list[float]]:
    async def call() -> list[list[float]]:
        most = embedder.costs_at_most(batch) or 0.0
        if not ask.budget.reserve(most):
            raise OverBudget
        cost: float | None = None
        try:
            vectors, cost = await embedder(batch)
        except WorkbenchError as error:
            cost = None if getattr(error, "ambiguous", False) else 0.0
            raise
        finally:
            ask.budget.settle(most, cost)
        return vectors

    return await ask.pace(embedder.profile)(call)
