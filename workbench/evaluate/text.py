"""How two texts are made comparable: one normalisation for scorers, leaks and retrieval."""

from __future__ import annotations

import re
import unicodedata

# Scripts written without spaces are cut into characters: Kana and the CJK ideographs.
_WORD = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]|[^\W_\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]+")


def normalise(text: str) -> str:
    """NFKC, case folded, punctuation and symbols turned into spaces, runs of white space into one."""
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    kept = "".join(" " if unicodedata.category(char)[0] in "PSZC" else char for char in folded)
    return " ".join(kept.split())


def words(text: str) -> list[str]:
    """The words of a normalised text; ideographs and kana one by one."""
    return _WORD.findall(normalise(text))
