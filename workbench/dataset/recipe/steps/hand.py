"""What was done by hand: records changed, dropped, inserted and moved, each found by its content.

On the file that the recipe was made on, `at` (a position from 0, as it was when the edit was made) tells equal records
apart. On any other file positions mean nothing: an edit goes to every record with that content.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import ClassVar

from pydantic import BaseModel, ConfigDict, Field

from workbench.dataset.recipe.entry import Entry
from workbench.dataset.recipe.steps.base import Step, StepRun
from workbench.dataset.recipe.steps.changes import Change, applied
from workbench.dataset.rows import DecodeError


class Sequence:
    """The records as a list that edits are made to, with an index by content for files where positions do not hold."""

    def __init__(self, entries: Iterable[Entry]) -> None:
        self.entries: list[Entry] = []
        for entry in entries:
            entry.settle()
            self.entries.append(entry)
        self._by_digest: dict[str, list[Entry]] | None = None

    def found(self, digest: str, at: int | None, same: bool) -> list[Entry]:
        """The records an edit is about: that at its place, or all with its content."""
        if same and at is not None:
            there = self.entries[at] if 0 <= at < len(self.entries) else None
            return [there] if there is not None and there.digest == digest else []
        if self._by_digest is None:
            self._by_digest = {}
            for entry in self.entries:
                self._by_digest.setdefault(entry.digest, []).append(entry)
                entry.settle()
        return list(self._by_digest.get(digest, ()))

    def put(self, entry: Entry, raw: bytes) -> None:
        """Replace a record's bytes."""
        self._forget(entry)
        entry.put_raw(raw)
        self._remember(entry)

    def remove(self, entry: Entry, at: int | None, same: bool) -> None:
        """Take a record out."""
        self._forget(entry)
        if same and at is not None:
            del self.entries[at]
        else:
            self.entries.remove(entry)

    def insert(self, at: int, entry: Entry) -> None:
        """Put a record in before position `at`."""
        self.entries.insert(at, entry)
        self._remember(entry)

    def _forget(self, entry: Entry) -> None:
        if self._by_digest is not None:
            self._by_digest[entry.digest].remove(entry)

    def _remember(self, entry: Entry) -> None:
        if self._by_digest is not None:
            self._by_digest.setdefault(entry.digest, []).append(entry)


class HandStep(Step):
    """A step that was made by hand; several in a row are made to one list."""

    def edit(self, records: Sequence, run: StepRun) -> None:
        """Make the edits."""
        raise NotImplementedError

    def apply(self, entries: Iterable[Entry], run: StepRun) -> Iterator[Entry]:
        """The records after the edits."""
        records = Sequence(entries)
        run.seen = len(records.entries)
        self.edit(records, run)
        yield from records.entries


class Named(BaseModel):
    """A record that an edit is about."""

    model_config = ConfigDict(extra="allow")

    record: str
    """Its content hash, before the edit."""
    at: int | None = None
    """Its position, from 0, when the edit was made."""

    def find(self, records: Sequence, run: StepRun, what: str) -> list[Entry]:
        """The records; where there are none any more, that is told as a difference."""
        found = records.found(self.record, self.at, run.same)
        if not found:
            run.differs("record_missing", f"no record has the content {self.record[:12]} any more: {what}")
        elif len(found) > 1:
            run.differs("record_repeated", f"{len(found)} records have the content {self.record[:12]}: all of them")
        return found


class Edit(Named):
    """One record changed by hand: as changes of texts where that says it all, else as the new record."""

    changes: list[Change] = Field(default_factory=list)
    becomes: str = ""
    """The new record, as JSON."""

    def after(self, entry: Entry) -> bytes:
        """The record's bytes after the edit."""
        return self.becomes.encode() if self.becomes else applied(self.changes, entry.raw)


class Patch(HandStep):
    """Records changed by hand."""

    KIND: ClassVar[str] = "patch"

    edits: list[Edit]

    @property
    def title(self) -> str:
        """As `3 records edited`."""
        return f"{len(self.edits)} record{'s' * (len(self.edits) != 1)} edited"

    def edit(self, records: Sequence, run: StepRun) -> None:
        """One edit after another."""
        for edit in self.edits:
            for entry in edit.find(records, run, "the edit was left out"):
                try:
                    raw = edit.after(entry)
                except (DecodeError, KeyError, IndexError, TypeError):
                    run.differs("edit_unfit", f"the edit of {edit.record[:12]} does not fit its record: left out")
                    continue
                records.put(entry, raw)
                run.touched += 1


class Insert(HandStep):
    """Records added by hand."""

    KIND: ClassVar[str] = "insert"

    at: int
    """Before the record that was at this position, from 0; at the end of a file that is shorter."""
    records: list[str]
    """As JSON."""

    @property
    def title(self) -> str:
        """As `2 records inserted`."""
        return f"{len(self.records)} record{'s' * (len(self.records) != 1)} inserted"

    def edit(self, records: Sequence, run: StepRun) -> None:
        """Insert them, in their order."""
        start = min(self.at, len(records.entries))
        for offset, text in enumerate(self.records):
            entry = Entry(None, None, text.encode().__bytes__, run.shelf)
            entry.changed = True
            records.insert(start + offset, entry)
            run.touched += 1


class Move(HandStep):
    """Records moved by hand, together."""

    KIND: ClassVar[str] = "move"

    records: list[Named]
    to: int
    """The position, from 0, that the first of them has once they are moved."""

    @property
    def title(self) -> str:
        """As `2 records moved`."""
        return f"{len(self.records)} record{'s' * (len(self.records) != 1)} moved"

    def edit(self, records: Sequence, run: StepRun) -> None:
        """Take them all out, then put them in at one place."""
        moving: list[Entry] = []
        for named in self.records:
            for entry in named.find(records, run, "it was not moved"):
                moving.append(entry)
                records.remove(entry, named.at, run.same)
        start = min(self.to, len(records.entries))
        for offset, entry in enumerate(moving):
            records.insert(start + offset, entry)
        run.touched += len(moving)
