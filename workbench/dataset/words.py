"""Where two texts differ, word by word."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

MOST_WORDS = 4_000
"""Words of what differs that are compared one by one; above, whole lines are: the time grows with the square."""

_WORDS = re.compile(r"\w+\s*|[^\w\s]\s*|\s+")
"""A word, or a sign, with the blanks after it: blanks on their own would be what texts share most."""
_LINES = re.compile(r"[^\n]*\n|[^\n]+")

Kind = Literal["same", "only_here"]


@dataclass(frozen=True, slots=True)
class Span:
    """A run of one text: in the other one too, or only here."""

    kind: Kind
    text: str


def diff_words(left: str, right: str) -> tuple[list[Span], list[Span]]:
    """Both texts as spans, in order; the spans of a text joined are the text."""
    ours, theirs = _WORDS.findall(left), _WORDS.findall(right)
    start = _shared(ours, theirs)
    end = _shared(ours[start:][::-1], theirs[start:][::-1])
    middle = (ours[start : len(ours) - end], theirs[start : len(theirs) - end])
    if max(map(len, middle)) > MOST_WORDS:
        middle = (_LINES.findall("".join(middle[0])), _LINES.findall("".join(middle[1])))
    if max(map(len, middle)) > MOST_WORDS:
        blocks = []
    else:
        blocks = difflib.SequenceMatcher(None, *middle, autojunk=False).get_matching_blocks()
    head, tail = "".join(ours[:start]), "".join(ours[len(ours) - end :])
    return (
        _spans(head, middle[0], [(block.a, block.size) for block in blocks], tail),
        _spans(head, middle[1], [(block.b, block.size) for block in blocks], tail),
    )


def _shared(ours: Sequence[str], theirs: Sequence[str]) -> int:
    """How many of the first words are the same."""
    count = 0
    for own, other in zip(ours, theirs, strict=False):
        if own != other:
            break
        count += 1
    return count


def _spans(head: str, words: Sequence[str], same: Sequence[tuple[int, int]], tail: str) -> list[Span]:
    found: list[Span] = [Span("same", head)]
    position = 0
    for start, size in same:
        found.append(Span("only_here", "".join(words[position:start])))
        found.append(Span("same", "".join(words[start : start + size])))
        position = start + size
    found += [Span("only_here", "".join(words[position:])), Span("same", tail)]
    return _merged([span for span in found if span.text])


def _merged(spans: Sequence[Span]) -> list[Span]:
    merged: list[Span] = []
    for span in spans:
        if merged and merged[-1].kind == span.kind:
            merged[-1] = Span(span.kind, merged[-1].text + span.text)
        else:
            merged.append(span)
    return merged
