"""What a file's records look like as they pass by: columns, roles, labels; and what is new against another time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field

from workbench.dataset.formats import Format
from workbench.dataset.recipe.document import Source
from workbench.dataset.recipe.entry import Entry
from workbench.dataset.recipe.steps.base import Difference
from workbench.dataset.rows import DecodeError, Encoding
from workbench.dataset.texts import texts_of

_MOST_LABELS = 50
"""Different last answers above which they are no labels."""
_LONGEST_LABEL = 60  # characters
_MOST_COLUMNS = 200


@dataclass(slots=True)
class Observed:
    """What was seen so far."""

    format: Format
    records: int = 0
    columns: dict[str, None] = field(default_factory=dict)
    roles: dict[str, None] = field(default_factory=dict)
    labels: Counter[str] | None = field(default_factory=Counter)
    """None once the answers are too many or too long to be labels."""

    def passing(self, entries: Iterable[Entry]) -> Iterator[Entry]:
        """The same entries, looked at as they pass."""
        for entry in entries:
            self.records += 1
            with suppress(DecodeError):  # a broken row has no columns; it goes through all steps as it is
                self._add(entry.value)
            yield entry

    def _add(self, value: object) -> None:
        if isinstance(value, dict) and len(self.columns) < _MOST_COLUMNS:
            self.columns.update(dict.fromkeys(value))
        answer = None
        for text in texts_of(value, self.format):
            self.roles.setdefault(text.role)
            if text.role == "assistant":
                answer = text.text
        if self.labels is not None and answer is not None:
            if len(answer) > _LONGEST_LABEL or "\n" in answer:
                self.labels = None
                return
            self.labels[answer.strip()] += 1
            if len(self.labels) > _MOST_LABELS:
                self.labels = None

    def label_names(self) -> list[str]:
        """The labels, if that is what the answers are: fewer than half as many as there are records."""
        if not self.labels or len(self.labels) * 2 > self.records:
            return []
        return sorted(self.labels)

    def source(self, file: str, sha256: str, encoding: Encoding | None) -> Source:
        """The same as a recipe keeps it."""
        return Source(
            file=file,
            sha256=sha256,
            records=self.records,
            format=self.format,
            encoding="" if encoding is None else encoding_text(encoding),
            columns=sorted(self.columns),
            roles=sorted(role for role in self.roles if role),
            labels=self.label_names(),
        )


def encoding_text(encoding: Encoding) -> str:
    """How a file is written, in words."""
    said = "UTF-8 with a byte order mark" if encoding.bom else "UTF-8"
    said += ", CRLF" if encoding.crlf else ""
    return f"{said}, one JSON array" if encoding.array else said


def differences_between(then: Source, now: Source) -> list[Difference]:
    """What the input has that the file of the recipe had not, and the other way round where that matters."""
    found: list[Difference] = []
    if then.format is not Format.UNKNOWN and then.format is not now.format:
        found.append(Difference("format_changed", f"the format is {now.format}; it was {then.format}"))
    if then.encoding and now.encoding and then.encoding != now.encoding:
        found.append(Difference("encoding_changed", f"the file is {now.encoding}; it was {then.encoding}"))
    for name, before, after in (("column", then.columns, now.columns), ("role", then.roles, now.roles)):
        if before:
            found += _news(name, before, after)
            gone = [item for item in before if item not in after]
            found += [Difference(f"{name}_missing", f"{name}s no record has any more: {_listed(gone)}")] * bool(gone)
    if then.labels:
        if now.labels:
            found += _news("label", then.labels, now.labels)
        else:
            found.append(Difference("labels_gone", "the answers were labels and are not any more"))
    return found


def _news(name: str, before: list[str], after: list[str]) -> list[Difference]:
    new = [item for item in after if item not in before]
    return [Difference(f"new_{name}", f"{name}s that were not there: {_listed(new)}")] if new else []


def _listed(names: list[str]) -> str:
    shown = ", ".join(repr(name) for name in names[:8])
    return f"{shown} and {len(names) - 8} more" if len(names) > 8 else shown
