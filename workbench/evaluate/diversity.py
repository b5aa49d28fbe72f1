"""Choosing texts that are far from each other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


def spread_out(texts: Sequence[str], k: int) -> list[int]:
    """Positions of `k` texts that cover the others well, each the farthest from those before it.

    Farthest-first traversal (Gonzalez 1985) over TF-IDF vectors by cosine distance, from the text that is closest to
    the mean of all; ties go to the earlier text, so that the choice is the same every time.
    """
    import numpy as np
    from sklearn.feature_extraction.text import TfidfVectorizer

    if k >= len(texts):
        return list(range(len(texts)))
    try:
        vectors = TfidfVectorizer().fit_transform(texts)
    except ValueError:  # no text has a word: all are equally far
        return list(range(k))
    middle = np.asarray(vectors.mean(axis=0)).ravel()
    chosen = [int(np.argmax(vectors @ middle))]
    nearest = _similarity(vectors, chosen[0])
    while len(chosen) < k:
        nearest[chosen[-1]] = np.inf
        chosen.append(int(np.argmin(nearest)))
        nearest = np.maximum(nearest, _similarity(vectors, chosen[-1]))
    return chosen


def _similarity(vectors: Any, position: int) -> Any:
    """Cosine similarity of every row of a sparse matrix to one of them; rows have length 1."""
    return (vectors @ vectors[position].T).toarray().ravel()
