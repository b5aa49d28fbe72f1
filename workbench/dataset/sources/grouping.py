"""A table with one row a message, as support systems export it, to conversations."""

from __future__ import annotations

import json
import os
import tempfile
from array import array
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from workbench.dataset.formats import Format
from workbench.dataset.sources.apply import NoPlace, Unplaced, sharegpt, with_system
from workbench.dataset.sources.cells import cell_text, is_empty
from workbench.dataset.sources.mapping import ColumnMapping, Grouping
from workbench.dataset.sources.order import Key, NoOrder, order_of, order_reader
from workbench.dataset.sources.roles import SKIP, role_finder
from workbench.dataset.sources.source import SourceRow
from workbench.dataset.sources.text_template import fill, value_at
from workbench.errors import WorkbenchError


@dataclass(frozen=True, slots=True)
class Turn:
    """One row's message."""

    number: int
    line: int | None
    role: str
    author: str
    text: str


@dataclass(frozen=True, slots=True)
class Conversation:
    """The record that rows make together."""

    value: dict[str, Any]
    numbers: tuple[int, ...]
    """The rows that are in it."""


class Groups:
    """Turns by conversation. Their text waits in a temporary file: memory holds 52 bytes a row and the ids."""

    def __init__(self, scratch: Path | None = None) -> None:
        self._ids: dict[str, int] = {}
        self._group, self._offset = array("q"), array("q")
        self._whole, self._part = array("q"), array("q")
        self._scratch = scratch
        self._file: IO[bytes] = tempfile.TemporaryFile(dir=scratch)  # noqa: SIM115 - closed by `close`
        self._end = 0

    def close(self) -> None:
        """Give the temporary file back."""
        self._file.close()

    def add(self, conversation: str, key: Key, turn: Turn) -> None:
        """One more turn; raises WorkbenchError if the disk is full."""
        line = json.dumps([turn.number, turn.line, turn.role, turn.author, turn.text]).encode() + b"\n"
        try:
            self._file.write(line)
        except OSError as error:
            where = self._scratch or tempfile.gettempdir()
            raise WorkbenchError(
                str(where), f"the turns cannot be kept there while they are sorted ({error.strerror})",
                "free some space, or set TMPDIR to a folder with more", code="disk_full",
            ) from error  # fmt: skip
        self._group.append(self._ids.setdefault(conversation, len(self._ids)))
        self._offset.append(self._end)
        self._whole.append(key[0])
        self._part.append(key[1])
        self._end += len(line)

    def conversations(self) -> Iterator[tuple[str, list[Turn]]]:
        """Every conversation in the order in which the file begins them, its turns in theirs."""
        import numpy as np

        if not self._group:
            return
        self._file.flush()
        arrays = (np.frombuffer(part, np.int64) for part in (self._part, self._whole, self._group))
        sorted_rows = np.lexsort(tuple(arrays))  # stable: ties keep the order of the file
        names = list(self._ids)
        turns: list[Turn] = []
        current = -1
        for row in sorted_rows.tolist():
            if self._group[row] != current:
                if turns:
                    yield names[current], turns
                current, turns = self._group[row], []
            turns.append(self._turn(row))
        yield names[current], turns

    def _turn(self, row: int) -> Turn:
        first = self._offset[row]
        last = self._offset[row + 1] if row + 1 < len(self._offset) else self._end
        return Turn(*json.loads(os.pread(self._file.fileno(), last - first, first)))


def group_rows(
    mapping: ColumnMapping, rows: Iterator[SourceRow], sample: tuple[SourceRow, ...], scratch: Path | None = None
) -> Iterator[Conversation | Unplaced]:
    """Conversations out of rows, wherever in the file they are; every row that is in none comes as Unplaced.

    `sample` are the first rows, by which a column's kind of order is told. Memory does not grow with the text.
    """
    grouping = _of(mapping)
    read_turn = _reader(mapping, grouping, sample)
    groups = Groups(scratch)
    try:
        for row in rows:
            try:
                groups.add(*read_turn(row))
            except NoPlace as error:
                yield Unplaced(row.number, row.line, str(error))
        for name, turns in groups.conversations():
            yield from _assembled(mapping, grouping, name, turns)
    finally:
        groups.close()


def _of(mapping: ColumnMapping) -> Grouping:
    if mapping.grouping is None:
        raise WorkbenchError(mapping.place(()), "has no [grouping]", "add it", code="bad_template")
    return mapping.grouping


def _reader(
    mapping: ColumnMapping, grouping: Grouping, sample: tuple[SourceRow, ...]
) -> Callable[[SourceRow], tuple[str, Key, Turn]]:
    """A function from a row to its conversation, its order and its turn; it raises NoPlace."""
    role_of = role_finder(mapping.roles, known=False)
    key_of = _order(mapping, grouping, sample)

    def read(row: SourceRow) -> tuple[str, Key, Turn]:
        if row.problem is not None:
            raise NoPlace(row.problem)
        conversation = cell_text(value_at(row.values, grouping.conversation)).strip()
        if not conversation:
            raise NoPlace(f"column {grouping.conversation!r} is empty, so it belongs to no conversation")
        author = cell_text(value_at(row.values, grouping.author)).strip()
        if not author:
            raise NoPlace(f"column {grouping.author!r} is empty, so nobody said it")
        role = role_of(author)
        if role is None:
            raise NoPlace(f"the author {author[:60]!r} has no role in [roles]")
        if role == SKIP:
            raise NoPlace(f"[roles] skips the author {author[:60]!r}")
        text = fill(grouping.text, row.values)[0].strip()
        if not text:
            raise NoPlace("its text is empty")
        return conversation, key_of(row), Turn(row.number, row.line, role, author, text)

    return read


def _order(mapping: ColumnMapping, grouping: Grouping, sample: tuple[SourceRow, ...]) -> Callable[[SourceRow], Key]:
    """A function from a row to its place in its conversation."""
    name = grouping.order
    if name is None:
        return lambda row: (0, 0)
    how = grouping.order_as
    if how is None:
        told = order_of([value for row in sample if not is_empty(value := value_at(row.values, name))])
        if told is None:
            raise WorkbenchError(
                mapping.place(("grouping", "order")), f"column {name!r} holds neither numbers nor dates that are known",
                'say how to read it: order_as = "%d.%m.%Y %H:%M"', code="bad_template",
            )  # fmt: skip
        how = told[0]
    read = order_reader(how)

    def key(row: SourceRow) -> Key:
        value = value_at(row.values, name)
        if is_empty(value):
            raise NoPlace(f"column {name!r} is empty, so its place is unknown")
        try:
            return read(value)
        except NoOrder as error:
            raise NoPlace(f"column {name!r}: {error}") from error

    return key


def _assembled(
    mapping: ColumnMapping, grouping: Grouping, name: str, turns: list[Turn]
) -> Iterator[Conversation | Unplaced]:
    """The conversation that these turns make, and the turns that are not in it."""
    answers = [at for at, turn in enumerate(turns) if turn.role == "assistant"]
    if not answers:
        for turn in turns:
            yield Unplaced(turn.number, turn.line, f"conversation {name[:60]!r} has no turn of the assistant")
        return
    last = answers[-1] + 1 if grouping.trailing == "drop" else len(turns)
    asked = next((at for at, turn in enumerate(turns) if turn.role == "user"), last)
    first = asked if grouping.leading == "drop" else 0
    for at, turn in enumerate(turns):
        if at < first and turn.role == "assistant":
            yield Unplaced(turn.number, turn.line, "it stands before the user's first turn (`leading`)")
        elif at >= last:
            yield Unplaced(turn.number, turn.line, "it stands behind the assistant's last turn (`trailing`)")
    kept = [turn for at, turn in enumerate(turns[:last]) if at >= first or turn.role != "assistant"]
    if not any(turn.role == "assistant" for turn in kept):
        for turn in kept:
            yield Unplaced(turn.number, turn.line, f"conversation {name[:60]!r} has no turn of the assistant left")
        return
    messages = with_system(mapping, _messages(grouping, kept))
    value = sharegpt(messages) if mapping.format is Format.SHAREGPT else {"messages": messages}
    yield Conversation(value, tuple(turn.number for turn in kept))


def _messages(grouping: Grouping, turns: list[Turn]) -> list[dict[str, Any]]:
    """The messages of a conversation, neighbours of one role joined, weights where not all answers are trained."""
    messages: list[dict[str, Any]] = []
    for turn in turns:
        message: dict[str, Any] = {"role": turn.role, "content": turn.text}
        if isinstance(grouping.train, tuple) and turn.role == "assistant":
            trained = {author.casefold() for author in grouping.train}
            message["weight"] = int(turn.author.casefold() in trained)
        before = messages[-1] if messages else None
        same = before is not None and {**before, "content": ""} == {**message, "content": ""}
        if before is not None and same and grouping.merge is not False:
            before["content"] += grouping.merge + turn.text
        else:
            messages.append(message)
    if grouping.train == "last":
        answers = [message for message in messages if message["role"] == "assistant"]
        for message in answers:
            message["weight"] = int(message is answers[-1])
    return messages
