"""Prompts as sent: what a candidate's techniques make of an item.

Few-shot examples come from the training side only: by the task's seed or far from each other, the same for every item,
so that a provider or host can cache the prefix, or else the closest to each item. Retrieved training records are given
as solved examples, the nearest last; retrieved passages stand in the last user message, before the question.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import Any

from workbench.errors import WorkbenchError
from workbench.evaluate.candidates import Candidate, Selection, Technique, TechniqueKind
from workbench.evaluate.dense import DenseIndex
from workbench.evaluate.diversity import spread_out
from workbench.evaluate.retrieval import Index, Passage
from workbench.evaluate.task import SYSTEM_ROLES, Item, RagSettings, text_of, with_system


class PromptMaker:
    """Makes the messages of one task's candidates.

    `train` are the training items, `passages` those of a documents folder (they come before training records where a
    candidate asks for retrieval), `prompts` the named system prompts. Everything is checked by `check` before the
    first call is paid for.
    """

    def __init__(
        self,
        *,
        train: Sequence[Item] = (),
        passages: Sequence[Passage] = (),
        prompts: Mapping[str, str] | None = None,
        rag: RagSettings | None = None,
        seed: int = 0,
    ) -> None:
        self._train = train
        self._passages = passages
        self._prompts = prompts or {}
        self._template = (rag or RagSettings()).template
        self.dense: dict[str, DenseIndex] = {}
        """By candidate. Where one is not made yet, words stand in: prompts about as long, for an estimate."""
        self._order = list(range(len(train)))
        random.Random(seed).shuffle(self._order)  # noqa: S311 - a choice to repeat, not a secret
        self._index: Index | None = None
        self._examples: Index | None = None
        self._diverse: list[int] = []

    @property
    def corpus(self) -> list[str]:
        """What retrieval searches: the passages, else the training questions."""
        return [passage.text for passage in self._passages] or [example.question for example in self._train]

    def check(self, candidate: Candidate) -> None:
        """Raise a sentence for a technique that lacks what it needs."""
        for technique in candidate.techniques:
            if technique.kind is TechniqueKind.PROMPT:
                if technique.argument not in self._prompts:
                    known = ", ".join(self._prompts) or "none is defined"
                    raise _lacks(candidate, f"there is no prompt named {technique.argument!r}", f"prompts: {known}")
            elif technique.kind is TechniqueKind.FEW_SHOT and technique.k > len(self._train):
                have = f"there are {len(self._train)} training records" if self._train else "there is no training file"
                raise _lacks(candidate, have, "give --train a file with enough records, or a smaller k")
            elif technique.kind is TechniqueKind.RAG and not (self._train or self._passages):
                raise _lacks(candidate, "there is nothing to search", "give --train a file or --docs a folder")

    def few_shot(self, technique: Technique, item: Item) -> list[Item]:
        """The examples of a few-shot technique for an item; at random and diverse, the 3 are among the 5."""
        if technique.selection is Selection.SIMILAR:
            return self._similar(item, technique.k)
        order = self._order
        if technique.selection is Selection.DIVERSE:
            if len(self._diverse) < technique.k:
                self._diverse = spread_out([example.question for example in self._train], technique.k)
            order = self._diverse
        return [self._train[position] for position in order[: technique.k]]

    def _similar(self, item: Item, k: int) -> list[Item]:
        """The closest training records, the closest last; filled up in seeded order where too few share a word."""
        if self._examples is None:
            self._examples = Index([example.question for example in self._train])
        found = self._examples.nearest(item.question, k)
        rest = [position for position in self._order if position not in set(found)]
        return [self._train[position] for position in reversed([*found, *rest[: k - len(found)]])]

    def messages(self, candidate: Candidate, item: Item) -> list[dict[str, Any]]:
        """What is sent: system message, examples, the item's own messages."""
        own = [dict(message) for message in item.messages]
        if prompt := candidate.technique(TechniqueKind.PROMPT):
            own = with_system(own, self._prompts[prompt.argument])
        examples: list[Item] = []
        if few := candidate.technique(TechniqueKind.FEW_SHOT):
            examples += self.few_shot(few, item)
        if rag := candidate.technique(TechniqueKind.RAG):
            dense = self.dense.get(candidate.text) if rag.dense else None
            found = dense.nearest(item.question, rag.k) if dense is not None else self._nearest(item, rag.k)
            if self._passages:
                own = _with_passages(own, [self._passages[position] for position in found], self._template)
            else:
                shown = {example.sha256 for example in examples}
                nearest = [self._train[position] for position in reversed(found)]
                examples += [example for example in nearest if example.sha256 not in shown]
        head = [message for message in own if message.get("role") in SYSTEM_ROLES]
        turns = [message for message in own if message.get("role") not in SYSTEM_ROLES]
        return [*head, *(turn for example in examples for turn in solved(example)), *turns]

    def _nearest(self, item: Item, k: int) -> list[int]:
        if self._index is None:
            self._index = Index(self.corpus)
        return self._index.nearest(item.question, k)


def solved(example: Item) -> list[dict[str, Any]]:
    """An example as turns of the conversation, without its system message."""
    turns = [dict(message) for message in example.messages if message.get("role") not in SYSTEM_ROLES]
    return [*turns, {"role": "assistant", "content": example.reference}]


def _with_passages(messages: list[dict[str, Any]], passages: Sequence[Passage], template: str) -> list[dict[str, Any]]:
    if not passages:
        return messages
    last = max(at for at, message in enumerate(messages) if message.get("role") not in SYSTEM_ROLES)
    text = "\n\n".join(f"[{number}] {passage.text}" for number, passage in enumerate(passages, 1))
    # Not str.format: a template may hold JSON's braces, a passage anything.
    asked = text_of(messages[last])
    around = [part.replace("{question}", asked) for part in template.split("{passages}")]
    changed = {**messages[last], "content": text.join(around)}
    return [*messages[:last], changed, *messages[last + 1 :]]


def _lacks(candidate: Candidate, why: str, hint: str) -> WorkbenchError:
    return WorkbenchError(f"candidate {candidate.text}", why, hint, code="candidate_lacks", exit_code=2)
