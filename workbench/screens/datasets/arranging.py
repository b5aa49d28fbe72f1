"""New records, and where records stand in the file: each is one undo step."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any

from textual import on, work
from textual.message import Message

from workbench.screens.datasets.analysing import Analysing, Stopped
from workbench.screens.datasets.editing import Editing, placed
from workbench.screens.datasets.open_file import OpenFile

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from workbench.dataset.rows import Change, Document
    from workbench.screens.datasets.view import View
    from workbench.screens.editor import Edited

_TOLD_EVERY = 256  # records between two looks at whether anybody waits


class Ordered(Message):
    """An order of all records was worked out."""

    def __init__(self, file: OpenFile, rows: list[int], step: dict[str, Any], title: str) -> None:
        super().__init__()
        self.file = file
        self.rows = rows
        self.step = step
        self.title = title


class Arranging(Analysing, Editing):
    """`a` adds a record, `J` and `K` move records, `O` puts all of them in another order."""

    def action_add_record(self) -> None:
        """Write a new record behind the one under the cursor, whose shape it has."""
        from workbench.dataset.formats import RecordError
        from workbench.dataset.formats.blank import blank
        from workbench.dataset.rows import dump_like
        from workbench.screens.editor import EditorScreen, OpenedRecord

        file, row = self.file, self.row
        if file is None or not self._can_change(file):
            return
        raw = b"{}" if row is None else file.document.raw(row)
        try:
            value = blank(file.format, None if row is None else file.value_of(row))
        except RecordError as error:
            self.show_error(error)
            return
        record = OpenedRecord(value, dump_like(value, raw), file.format, title="a new record")

        def written(result: Edited | None) -> None:
            if result is not None:
                self.edit(partial(_addition, row, dump_like(result.value, raw)), "Nothing was added.")

        self.app.push_screen(EditorScreen(self.context, self.project, record), written)

    def action_move_down(self) -> None:
        """One place down, with all that is marked."""
        self._move(1)

    def action_move_up(self) -> None:
        """One place up."""
        self._move(-1)

    def _move(self, by: int) -> None:
        if self.view is not None and (self.view.wanted.sort.changes_order or self.view.wanted.sample):
            self.notify("Records stand in an order that is not the file's: escape shows that.", markup=False)
        elif self.file is not None and self._can_change(self.file):
            self.edit(partial(_moving, by), "There is no place to move to.")

    def action_order(self) -> None:
        """Put all records of the file in another order."""
        from workbench.screens.dialogs.order import OrderDialog

        file = self.file
        if file is None or not self._can_change(file):
            return

        def chosen(step: dict[str, Any] | None) -> None:
            if step is not None and self.file is file:
                self.order_file(file, step)

        self.app.push_screen(OrderDialog(), chosen)

    @work(thread=True, exclusive=True, group="order", exit_on_error=False)
    def order_file(self, file: OpenFile, step: dict[str, Any]) -> None:
        """Find out where each record belongs."""
        from workbench.dataset.recipe.replay import order_of
        from workbench.dataset.recipe.steps import parse_step
        from workbench.workflow.recipe import services_of

        tell, document = self.pace(), file.document

        def records() -> Iterator[tuple[int, bytes, int | None]]:
            rows = document.ids().tolist()
            for number, row in enumerate(rows):
                if number % _TOLD_EVERY == 0:
                    tell("ordering", number, len(rows))
                yield row, document.raw(row), document.line(row)

        with suppress(Stopped):
            document.index_rest()
            rows = order_of(step, records(), file.format, services_of(self.context))
            self.post_message(Ordered(file, rows, step, parse_step(step).title))

    @on(Ordered)
    def take_order(self, message: Ordered) -> None:
        """Make it the order of the file."""
        self.settle()
        if self.file is message.file:
            self.edit(partial(_ordering, message), "The records stand in that order.")

    def _can_change(self, file: OpenFile) -> bool:
        if file.document.read_only is not None:
            self.notify(f"Nothing can be changed here: {file.document.read_only}", severity="warning", markup=False)
        return file.document.read_only is None


def _addition(row: int | None, raw: bytes, file: OpenFile, view: View, at: int) -> Callable[[], Change | None]:
    def add() -> Change:
        from workbench.dataset.recipe.record import step_for_insert

        document = file.document
        before = None if row is None else document.position_of(row)
        place = len(document) if before is None else before + 1
        return document.insert(place, [raw], title="add 1 record", step=step_for_insert([raw], place))

    return add


def _moving(by: int, file: OpenFile, view: View, at: int) -> Callable[[], Change | None]:
    rows = view.chosen(at)

    def move() -> Change | None:
        from workbench.dataset.recipe.record import step_for_move

        document, beside = file.document, _beside(view, rows, by)
        target = None if beside is None else document.position_of(beside)
        if target is None:
            return None
        place = target + 1 if by > 0 else target
        title = "move 1 record" if len(rows) == 1 else f"move {len(rows):,} records"
        step = step_for_move([(document.raw(row), at) for row, at in placed(document, rows)], place)
        return document.move(rows, place, title=title, step=step)

    return move


def _beside(view: View, rows: NDArray[np.int64], by: int) -> int | None:
    """The shown row that stands behind the last of these, or before the first."""
    if not len(rows):
        return None
    place = view.position_of(int(rows[-1] if by > 0 else rows[0]))
    place = None if place is None else place + by
    return None if place is None or not 0 <= place < len(view) else view.row_at(place)


def _ordering(message: Ordered, file: OpenFile, view: View, at: int) -> Callable[[], Change | None]:
    def reorder() -> Change | None:
        document: Document = file.document
        if document.ids().tolist() == message.rows:
            return None
        return document.reorder(message.rows, title=message.title, step=message.step)

    return reorder
