"""What a step is, and what it knows of the replay that it is part of."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field

from workbench.dataset.formats import Format
from workbench.dataset.recipe.entry import Entry, Shelf
from workbench.dataset.rows import DecodeError
from workbench.errors import WorkbenchError

if TYPE_CHECKING:
    from workbench.dataset.tokens import Counter

Match = Callable[[Entry], bool]
"""Whether a filter matches; raises DecodeError for a record that cannot be read."""


@dataclass(frozen=True, slots=True)
class Services:
    """What a step may need from outside this room; a step that needs what is not there raises WorkbenchError."""

    counter: Callable[[str], Counter] | None = None
    """The counter of a model's tokens."""
    query: Callable[[str, Format], Match] | None = None
    """A filter's text as a test of one entry."""


@dataclass(frozen=True, slots=True)
class Dropped:
    """A record that did not come through, and why."""

    line: int | None
    """From 1, in the input; None for one that a step inserted."""
    reason: str


@dataclass(frozen=True, slots=True)
class Difference:
    """Something that is not as it was when the recipe was made."""

    code: str
    text: str
    step: int | None = None
    """From 1; None for the file as a whole."""


@dataclass(slots=True)
class Log:
    """What a replay has to tell, as it collects."""

    dropped: list[Dropped] = field(default_factory=list)
    differences: list[Difference] = field(default_factory=list)
    dropped_keys: list[tuple[int | None, str]] = field(default_factory=list)


@dataclass(slots=True)
class StepRun:
    """One step while it is applied."""

    number: int
    """From 1."""
    format: Format
    same: bool
    """Whether the input is the very file that the recipe was made on, so that positions hold."""
    services: Services
    shelf: Shelf
    log: Log
    seen: int = 0
    touched: int = 0
    dropped: int = 0
    left_over: int = 0
    """Records that the step is about and could do nothing for."""

    def drop(self, entry: Entry, reason: str) -> None:
        """Note that a record does not come through."""
        self.dropped += 1
        self.log.dropped.append(Dropped(entry.line, reason))
        self.log.dropped_keys.append((entry.key, reason))

    def lose(self, line: int | None, reason: str) -> None:
        """Note a row that never became a record."""
        self.dropped += 1
        self.log.dropped.append(Dropped(line, reason))

    def differs(self, code: str, text: str) -> None:
        """Note that something is not as it was."""
        self.log.differences.append(Difference(code, text, self.number))

    def counter(self, model: str) -> Counter:
        """What counts a model's tokens."""
        if self.services.counter is None:
            raise _missing("a token counter")
        return self.services.counter(model)

    def query(self, text: str) -> Match:
        """A filter's text as a test."""
        if self.services.query is None:
            raise _missing("the filter language")
        return self.services.query(text, self.format)


def _missing(what: str) -> WorkbenchError:
    return WorkbenchError(
        "the recipe", f"needs {what}, which is not at hand here", "replay it with `ftwb dataset build`"
    )


class Step(BaseModel):
    """One step of a recipe. A key that is not ours survives reading and writing."""

    model_config = ConfigDict(extra="allow")

    KIND: ClassVar[str]

    kind: str = ""
    seen: int | None = None
    """Records it was about, changed and dropped when it was recorded; None where nobody counted."""
    touched: int | None = None
    dropped: int | None = None

    def model_post_init(self, context: Any, /) -> None:
        self.kind = self.KIND

    @property
    def title(self) -> str:
        """What it does, in a few words: for an undo step and for the reader of a recipe."""
        raise NotImplementedError

    def apply(self, entries: Iterable[Entry], run: StepRun) -> Iterator[Entry]:
        """The records after this step."""
        raise NotImplementedError

    def recorded(self, run: StepRun | None = None) -> dict[str, Any]:
        """The step as a Document keeps it, with what it did if that is told."""
        held = self.model_dump(mode="json", exclude_none=True, exclude_defaults=True, by_alias=True)
        step = {"kind": self.KIND} | held
        if run is not None:
            step |= {"seen": run.seen, "touched": run.touched, "dropped": run.dropped}
        return step


@dataclass(frozen=True, slots=True)
class Drop:
    """What acting on a record can come to: it does not come through."""

    reason: str


Act = Callable[[Entry], "int | Drop"]
"""Changes a record (and puts it); how many places, or that it is dropped. A DecodeError leaves a broken row alone."""


class Scoped(Step):
    """A step that can be about some of the records only."""

    where: str = ""
    """Only records that this filter matches."""
    only: list[str] = Field(default_factory=list)
    """Only records with these content hashes; `HASH@POSITION` tells equal ones apart on the file it was recorded on."""

    @property
    def together(self) -> bool:
        """Whether what becomes of a record depends on the others it is about."""
        return True

    def about(self, run: StepRun) -> Callable[[Entry], bool]:
        """Whether the step is about a record: to be asked for each, in order."""
        if not self.where and not self.only:
            return lambda entry: True
        matches = run.query(self.where) if self.where else None
        placed = {text for text in self.only if "@" in text}
        named = {text.split("@")[0] for text in self.only if not (run.same and text in placed)}
        position = -1

        def inside(entry: Entry) -> bool:
            nonlocal position
            position += 1
            if self.only:
                there = run.same and f"{entry.digest}@{position}" in placed
                if not there and entry.digest not in named:
                    return False
            if matches is None:
                return True
            try:
                return matches(entry)
            except DecodeError:
                return False

        return inside


class RecordStep(Scoped):
    """A step that looks at one record at a time."""

    @property
    def together(self) -> bool:
        """No: each for itself."""
        return False

    def begin(self, run: StepRun) -> Act:
        """What to do with each record of this replay."""
        raise NotImplementedError

    def apply(self, entries: Iterable[Entry], run: StepRun) -> Iterator[Entry]:
        """The records after this step, as they come."""
        act, inside = self.begin(run), self.about(run)
        for entry in entries:
            if not inside(entry):
                yield entry
                continue
            run.seen += 1
            try:
                outcome = act(entry)
            except DecodeError:
                outcome = 0
            if isinstance(outcome, Drop):
                run.drop(entry, outcome.reason)
                continue
            run.touched += outcome > 0
            yield entry
