"""Candidates: a model on a profile with a technique, and the grammar they are written in.

    PROFILE/MODEL[+TECHNIQUE:ARG]...

The profile (`[a-z0-9-]+`) ends at the first `/`. A tail of `+few-shot:K`, `+rag:K`, `+prompt:NAME` is the technique;
`+few-shot:K:similar` and `+few-shot:K:diverse` choose the examples otherwise than at random, `+rag:K:dense` finds by
the vectors of an embedding model what `+rag:K` finds by words.
All between is the model as it is: `ft:a:b`, `org/name`, a path, a `+` that starts no technique.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from workbench.errors import WorkbenchError
from workbench.evaluate.scorers import SCORERS
from workbench.evaluate.task import Item, TaskSpec

TRIVIAL = "trivial"
DENSE = "dense"
TRIVIAL_MODELS = ("majority", "nearest", "tfidf")

MOST_LABELS = 50
"""A task with at most this many distinct training answers, each seen 3 times on average, is a label task."""

_PROFILE = re.compile(r"[a-z0-9-]+")
_TAIL = re.compile(r"\+(few-shot|rag|prompt):([^+/]*)\Z")
_COUNT = re.compile(r"[1-9][0-9]{0,3}")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")


class TechniqueKind(StrEnum):
    """What is done to the prompt."""

    FEW_SHOT = "few-shot"
    """K solved examples of the training side."""
    RAG = "rag"
    """The K records or passages that are closest to the item."""
    PROMPT = "prompt"
    """A named system prompt in place of the task's."""


class Selection(StrEnum):
    """How few-shot examples are chosen."""

    RANDOM = "random"
    """By the task's seed, the same for every item: a provider can cache the prefix."""
    SIMILAR = "similar"
    """The closest to the item by BM25, the closest last."""
    DIVERSE = "diverse"
    """Far from each other, the same for every item."""


@dataclass(frozen=True, slots=True)
class Technique:
    """One technique with its argument, `few-shot:5`."""

    kind: TechniqueKind
    argument: str

    @property
    def k(self) -> int:
        """The number of examples or passages."""
        return int(self.argument.partition(":")[0])

    @property
    def selection(self) -> Selection:
        """How few-shot examples are chosen: at random unless the argument says otherwise."""
        return Selection(self.argument.partition(":")[2] or Selection.RANDOM)

    @property
    def dense(self) -> bool:
        """Whether retrieval goes by vectors instead of words."""
        return self.kind is TechniqueKind.RAG and self.argument.endswith(f":{DENSE}")

    def __str__(self) -> str:
        return f"+{self.kind}:{self.argument}"


@dataclass(frozen=True, slots=True)
class Candidate:
    """One row of the comparison."""

    profile: str
    model: str
    techniques: tuple[Technique, ...] = ()

    @property
    def text(self) -> str:
        """The candidate as it is written; `parse_candidate` gives it back."""
        return f"{self.profile}/{self.model}" + "".join(map(str, self.techniques))

    @property
    def is_dense(self) -> bool:
        """Whether it needs an embedding model."""
        return any(technique.dense for technique in self.techniques)

    @property
    def is_trivial(self) -> bool:
        """Whether it answers without a model."""
        return self.profile == TRIVIAL

    def technique(self, kind: TechniqueKind) -> Technique | None:
        """The technique of this kind, if it has one."""
        return next((technique for technique in self.techniques if technique.kind is kind), None)

    def __str__(self) -> str:
        return self.text


class CandidateError(WorkbenchError):
    """A candidate that cannot be read."""

    code = "bad_candidate"

    def __init__(self, text: str, why: str, hint: str) -> None:
        super().__init__(f"candidate {text!r}", why, hint, exit_code=2)


def parse_candidate(text: str) -> Candidate:
    """Read a candidate; raises `CandidateError` naming what is wrong with it."""
    example = "write PROFILE/MODEL, like local/starter or local/starter+few-shot:5"
    if any(ord(char) < 32 or ord(char) == 127 for char in text):
        raise CandidateError(text, "it holds a control character", example)
    profile, slash, model = text.partition("/")
    if not slash:
        raise CandidateError(text, "it has no profile before a slash", example)
    if not _PROFILE.fullmatch(profile):
        raise CandidateError(text, f"the profile {profile!r} is not made of a-z, 0-9 and hyphens", example)
    techniques: list[Technique] = []
    while tail := _TAIL.search(model):
        techniques.insert(0, _technique(text, tail[1], tail[2]))
        model = model[: tail.start()]
    kinds = [technique.kind for technique in techniques]
    for kind in kinds:
        if kinds.count(kind) > 1:
            raise CandidateError(text, f"it has {kind} twice", "give each technique once")
    if not model.strip():
        raise CandidateError(text, "it names no model", example)
    if profile == TRIVIAL and (model not in TRIVIAL_MODELS or techniques):
        known = ", ".join(f"{TRIVIAL}/{name}" for name in TRIVIAL_MODELS)
        raise CandidateError(text, "there is no such trivial candidate", f"choose from {known}")
    return Candidate(profile, model, tuple(techniques))


def _technique(text: str, kind: str, argument: str) -> Technique:
    if kind == TechniqueKind.PROMPT:
        if not _NAME.fullmatch(argument):
            raise CandidateError(
                text, f"{argument!r} is no prompt name", "use letters, digits, dots, hyphens, underscores"
            )
        return Technique(TechniqueKind(kind), argument)
    count, colon, chosen = argument.partition(":")
    if colon and kind == TechniqueKind.FEW_SHOT:
        # At random is how they are chosen anyway: one candidate, one way to write it.
        if chosen not in (Selection.SIMILAR, Selection.DIVERSE):
            hint = f"write +{kind}:5, +{kind}:5:{Selection.SIMILAR} or +{kind}:5:{Selection.DIVERSE}"
            raise CandidateError(text, f"{chosen!r} is no way to choose examples", hint)
    elif colon and chosen != DENSE:
        raise CandidateError(text, f"{chosen!r} is no way to search", f"write +{kind}:3 or +{kind}:3:{DENSE}")
    if not _COUNT.fullmatch(count):
        raise CandidateError(text, f"{kind} needs a whole number from 1 to 9999, not {count!r}", f"write +{kind}:5")
    return Technique(TechniqueKind(kind), argument)


def is_label_task(train: Sequence[Item]) -> bool:
    """Whether the training answers are a few labels that repeat."""
    distinct = len({item.reference.strip() for item in train})
    return 2 <= distinct <= MOST_LABELS and len(train) >= 3 * distinct


def trivial_candidates(task: TaskSpec, train: Sequence[Item], items: Sequence[Item] = ()) -> list[Candidate]:
    """The trivial candidates that apply to a task: none without training records.

    `tfidf` applies to label tasks: training answers that are a few labels, a scorer that says right or wrong, and
    (where `items` are given) at least half of their references among those labels.
    """
    if not train:
        return []
    labels = {item.reference.strip() for item in train}
    known = sum(item.reference.strip() in labels for item in items)
    binary = task.scorer in SCORERS and SCORERS[task.scorer].binary
    classifies = binary and is_label_task(train) and 2 * known >= len(items)
    return [Candidate(TRIVIAL, model) for model in TRIVIAL_MODELS if model != "tfidf" or classifies]
