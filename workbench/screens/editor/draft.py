"""A record while it is edited: its value, its parts, and the way back. Knows no widget."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from workbench.dataset import editing
from workbench.dataset.editing import EditError, Part, Place
from workbench.dataset.formats import Format, RecordError
from workbench.dataset.rows import DecodeError


@dataclass(frozen=True, slots=True)
class OpenedRecord:
    """What the editor is opened on."""

    value: Any
    """The decoded row, or the DecodeError that it raised: then its text is edited until it is JSON."""
    raw: bytes
    """The row as it stands in the file; a row of the overlay as it would."""
    format: Format
    title: str = "record"
    """What the editor calls it: `record 12 of 330`."""
    line: int = 1
    """As findings name it."""
    profile: str | None = None
    """Kind of provider whose rules are added."""
    model: str | None = None
    """Whose tokens are counted."""


@dataclass(frozen=True, slots=True)
class Edited:
    """What the editor was left with."""

    value: Any
    title: str
    """What was done, for the undo of the whole: `role of message 2`, or `4 edits`."""


@dataclass(frozen=True, slots=True)
class _Step:
    value: Any
    title: str
    place: int
    """The part that the cursor stood on."""


class Draft:
    """One record, edit by edit."""

    def __init__(self, record: OpenedRecord) -> None:
        self.record = record
        self.why_text = ""
        """Why it is edited as one text; empty where it has parts."""
        self._past: list[_Step] = []
        self._future: list[_Step] = []
        if isinstance(record.value, DecodeError):
            error = record.value
            self.why_text = f"line {error.line}, column {error.column}: {error.why}"
            self.value: Any = record.raw.decode("utf-8", "replace")
        else:
            self.value = record.value
        self.parts = self._parts_at_first()
        self._opened = self.value

    @property
    def is_text(self) -> bool:
        """Whether the whole record is edited as one text of JSON."""
        return bool(self.why_text)

    @property
    def fault(self) -> int:
        """Where the text of a broken row stops being JSON, in characters; its end where something is cut off there."""
        error = self.record.value
        if not isinstance(error, DecodeError):
            return 0
        # A row of JSON Lines is one line; an element of an array may be several, of which the first may be indented.
        before = self.value.split("\n")[: error.line - self.record.line]
        inside = error.column - 1 if before or error.line == self.record.line else 0
        at = sum(len(line) + 1 for line in before) + inside
        return len(self.value) if error.at_end else min(at, len(self.value))

    @property
    def changed(self) -> bool:
        """Whether there is anything to apply."""
        return self.value is not self._opened and self.value != self._opened

    @property
    def steps(self) -> list[str]:
        """What was done, in order."""
        return [step.title for step in self._past]

    def result(self) -> Edited | None:
        """What to apply, or None where nothing changed; an EditError while the text is no JSON."""
        if not self.changed:
            return None
        value = editing.parse_json(self.value) if self.is_text else self.value
        return Edited(value, self.steps[0] if len(self.steps) == 1 else f"{len(self.steps)} edits")

    def value_now(self) -> Any:
        """The value as it would be applied, or the EditError that would be raised."""
        if not self.is_text:
            return self.value
        try:
            return editing.parse_json(self.value)
        except EditError as error:
            return error

    def type(self, number: int, text: str, *, same_step: bool) -> bool:
        """Another text for a part; typing on without a pause is one step. False where nothing changed."""
        part = self.parts[number]
        if text == part.text:
            return False
        new = text if self.is_text else editing.set_text(self.value, part, text)
        if same_step and self._past:
            self.parts, self.value = self._parts_of(new), new
        else:
            self._do(new, f"text of {self.name(number)}", number)
        return True

    def edit(self, number: int, title: str, change: Callable[[Any, Part], Any]) -> int:
        """Change the value by one function; it may give the place of what is to be looked at next too.

        Returns the number of that part. Raises EditError, and then nothing has changed.
        """
        if self.is_text:
            raise EditError("this record", "has no parts while it is edited as JSON", "apply it, then open it again")
        made = change(self.value, self.parts[number])
        value, place = made if isinstance(made, tuple) else (made, self.parts[number].message)
        if value is not self.value:
            self._do(value, title, number)
        return self.number_of(place, number)

    def parse_record(self, text: str) -> Any:
        """A text as the whole record; raises EditError where it is no JSON or has not the format's shape."""
        value = editing.parse_json(text)
        self._parts_of(value)
        return value

    def parse_message(self, number: int, text: str) -> Any:
        """A text as the message of a part; raises EditError where it is no JSON or no message."""
        message = editing.parse_json(text)
        self._parts_of(editing.set_message(self.value, self.parts[number], message))
        return message

    def undo(self) -> int | None:
        """One step back; where the cursor was, or None where there is nothing to undo."""
        return self._go(self._past, self._future)

    def redo(self) -> int | None:
        """One step on again."""
        return self._go(self._future, self._past)

    def number_of(self, place: Place, otherwise: int) -> int:
        """The part at a place, else the nearest to a number."""
        found = next((at for at, part in enumerate(self.parts) if part.message == place), otherwise)
        return max(0, min(found, len(self.parts) - 1))

    def number_of_message(self, index: int) -> int | None:
        """The part that a finding's `message_index` means."""
        for at, part in enumerate(self.parts):
            if part.in_list and part.message[-1] == index:
                return at
        return None

    def name(self, number: int) -> str:
        """A part in words: `message 2`, `the instruction`."""
        part = self.parts[number]
        if part.in_list:
            of = "" if part.section in ("messages", "conversations") else f" of {part.section}"
            return f"message {part.message[-1]}{of}"
        return "the record" if self.is_text else f"`{part.section}`"

    def _do(self, value: Any, title: str, number: int) -> None:
        parts = self._parts_of(value)
        self._past.append(_Step(self.value, title, number))
        self._future.clear()
        self.value, self.parts = value, parts

    def _go(self, source: list[_Step], target: list[_Step]) -> int | None:
        if not source:
            return None
        step = source.pop()
        target.append(_Step(self.value, step.title, step.place))
        self.value, self.parts = step.value, self._parts_of(step.value)
        return max(0, min(step.place, len(self.parts) - 1))

    def _parts_at_first(self) -> list[Part]:
        """The parts of the record; where it has not the format's shape, it is one text from here on."""
        try:
            return self._parts_of(self.value)
        except EditError as error:
            self.why_text = error.why
            self.value = editing.to_json(self.value)
            return self._parts_of(self.value)

    def _parts_of(self, value: Any) -> list[Part]:
        if self.is_text:
            return [Part((), (), "record", "JSON", value)]
        try:
            return editing.parts_of(value, self.record.format)
        except RecordError as error:
            raise EditError("the record", str(error), f"as {self.record.format} it needs another shape") from error
