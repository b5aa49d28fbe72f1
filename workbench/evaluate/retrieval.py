"""Finding the nearest texts by BM25: no model, no network, the same result every time."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from workbench.errors import WorkbenchError
from workbench.evaluate.task import RagSettings
from workbench.evaluate.text import words

TEXT_SUFFIXES = (".md", ".txt", ".rst", ".adoc")


class Index:
    """A BM25 index (Lucene's formula, k1 = 1.5, b = 0.75) over texts; ties go to the earlier text."""

    def __init__(self, texts: Sequence[str]) -> None:
        import bm25s

        if not texts:
            raise ValueError("an index needs at least one text")
        self._size = len(texts)
        corpus = [words(text) for text in texts]
        self._vocabulary = {word for text in corpus for word in text}
        self._bm25 = bm25s.BM25(method="lucene", k1=1.5, b=0.75)
        if self._vocabulary:
            self._bm25.index(corpus, show_progress=False)

    def nearest(self, query: str, k: int) -> list[int]:
        """Positions of the `k` nearest texts, nearest first; fewer where fewer share a word with the query."""
        return [position for position, _ in self.scored(query, k)]

    def scored(self, query: str, k: int) -> list[tuple[int, float]]:
        """Positions and BM25 scores of the `k` nearest texts, as `nearest` gives them."""
        import numpy as np

        known = [word for word in words(query) if word in self._vocabulary]
        if not known:
            return []
        scores = np.asarray(self._bm25.get_scores(known))
        order = np.argsort(-scores, kind="stable")[: min(k, self._size)]
        return [(int(position), float(scores[position])) for position in order if scores[position] > 0]


@dataclass(frozen=True, slots=True)
class Passage:
    """A piece of a document."""

    source: str
    """The file, relative to the documents folder."""
    text: str


def read_passages(folder: Path | str, size: int = RagSettings().chunk) -> list[Passage]:
    """All text files of a folder, in order of their paths, cut at paragraphs into pieces of at most `size` characters.

    Raises WorkbenchError for a folder without text.
    """
    root = Path(folder)
    if not root.is_dir():
        raise WorkbenchError(str(folder), "it is no folder", "give --docs a folder of text files", code="no_documents")
    passages: list[Passage] = []
    for path in sorted(root.rglob("*")):
        if path.suffix.lower() in TEXT_SUFFIXES and path.is_file():
            source = path.relative_to(root).as_posix()
            passages += [Passage(source, piece) for piece in cut(path.read_text("utf-8-sig", errors="replace"), size)]
    if not passages:
        known = ", ".join(TEXT_SUFFIXES)
        raise WorkbenchError(str(folder), f"no text in files of {known}", "add documents", code="no_documents")
    return passages


def cut(text: str, size: int) -> list[str]:
    """Cut at blank lines, joining short paragraphs and splitting long ones into pieces of `size` characters at most."""
    pieces: list[str] = []
    for paragraph in re.split(r"\n\s*\n", text):
        body = paragraph.strip()
        while len(body) > size:
            at = body.rfind(" ", 1, size)
            at = at if at > 0 else size
            pieces.append(body[:at])
            body = body[at:].strip()
        if not body:
            continue
        if pieces and len(pieces[-1]) + len(body) + 2 <= size:
            pieces[-1] = f"{pieces[-1]}\n\n{body}"
        else:
            pieces.append(body)
    return pieces
