"""`rewrite`: texts that a model wrote anew. What it answered is kept here, so that a replay asks nobody."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import ClassVar

from pydantic import BaseModel, ConfigDict, Field

from workbench.dataset.recipe.entry import Entry
from workbench.dataset.recipe.steps.base import Act, RecordStep, StepRun
from workbench.dataset.texts import texts_of


class Rewritten(BaseModel):
    """What a model made of one record."""

    model_config = ConfigDict(extra="allow")

    record: str
    """The record's content hash, before."""
    texts: dict[str, str]
    """Place to new text."""


class Rewrite(RecordStep):
    """Texts of one role, written anew by a model."""

    KIND: ClassVar[str] = "rewrite"

    prompt: str
    profile: str
    model: str
    role: str = "assistant"
    rewritten: list[Rewritten] = Field(default_factory=list)

    @property
    def title(self) -> str:
        """As `rewrite assistant by local/starter`."""
        return f"rewrite {self.role} by {self.profile}/{self.model}"

    def begin(self, run: StepRun) -> Act:
        """Put what the model answered in place of what it was asked about."""
        known = {entry.record: entry.texts for entry in self.rewritten}

        def act(entry: Entry) -> int:
            wanted = [text for text in texts_of(entry.value, run.format) if text.role == self.role]
            answers = known.get(entry.digest)
            if answers is None:
                run.left_over += bool(wanted)
                return 0
            places = 0
            for text in wanted:
                if answers.get(text.place, text.text) != text.text:
                    text.put(answers[text.place])
                    places += 1
            if places:
                entry.put(entry.value)
            return places

        return act

    def apply(self, entries: Iterable[Entry], run: StepRun) -> Iterator[Entry]:
        """As every step; at the end it is said how many records the model never saw."""
        yield from super().apply(entries, run)
        if run.left_over:
            run.differs("not_rewritten", f"{run.left_over} records are new and were not rewritten by {self.model}")
