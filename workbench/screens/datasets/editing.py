"""Changing records: delete, duplicate, the editor, undo and redo. Every edit is journaled and is one undo step."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from textual import on, work

from workbench.errors import WorkbenchError
from workbench.screens.datasets.base import RecordsScreen
from workbench.widgets.lines import LineList

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from workbench.dataset.rows import Change, Document, RowId
    from workbench.screens.datasets.open_file import OpenFile
    from workbench.screens.datasets.view import View
    from workbench.screens.editor import Edited
    from workbench.workflow.context import Context
    from workbench.workflow.project import Project


class Editing(RecordsScreen):
    """Edits are made in a thread, one after another: a bulk edit of a million rows holds nothing up."""

    def __init__(self, context: Context, project: Project) -> None:
        super().__init__(context, project)
        self._editing = asyncio.Lock()

    @work(group="edit", exit_on_error=False)
    async def edit(self, make: Callable[[OpenFile, View, int], Callable[[], Change | None]], nothing: str) -> None:
        """Make one edit and show it. `make` looks at the rows once the edits before are through; what it gives runs
        in a thread; where that gives None, `nothing` is said."""
        async with self._editing:
            if self.file is None or self.view is None:
                return
            document = self.file.document
            at = self.records.cursor
            try:
                change = await asyncio.to_thread(make(self.file, self.view, at))
            except WorkbenchError as error:
                self.show_error(error)
                return
            if self.file is None or self.file.document is not document:
                return
            if change is None or not (change.replaced or change.inserted or change.deleted or change.title):
                self.notify(nothing, markup=False)
                return
            self.show_change(change, at)

    def show_change(self, change: Change, at: int) -> None:
        """Let list and record follow an edit; the cursor goes where something changed, if that is shown."""
        view = self.view
        if view is None:
            return
        view.follow(change, at + 1)
        target = at
        if not len(change.deleted) and change.position < len(view.document):
            place = view.position_of(view.document.id_at(change.position))
            target = at if place is None else place
        self.show_list(cursor=target)
        self.show_record(keep_place=True)
        self.edits_changed()
        self.refresh_bindings()

    # What a person can do -------------------------------------------------------------------------------------------

    def action_delete(self) -> None:
        """Delete the marked records, or the one under the cursor."""
        self.edit(_deletion, "No record to delete.")

    def action_duplicate(self) -> None:
        """A copy behind the record, or behind the last of the marked ones."""
        self.edit(_duplication, "No record to duplicate.")

    def action_undo(self) -> None:
        """Take the last edit back."""
        self.edit(lambda file, view, at: partial(self._step, file.document, -1), "Nothing to undo.")

    def action_redo(self) -> None:
        """Make the edit again that was taken back."""
        self.edit(lambda file, view, at: partial(self._step, file.document, 1), "Nothing to redo.")

    def _step(self, document: Document, by: int) -> Change | None:
        change = document.undo() if by < 0 else document.redo()
        if change is not None:
            said = f"{'Undone' if by < 0 else 'Done again'}: {change.title}"
            self.app.call_from_thread(self.notify, said, timeout=3, markup=False)
        return change

    @on(LineList.Chosen, "#records")
    def action_edit(self) -> None:
        """Open the record under the cursor in the editor, where something was found in it."""
        found = () if self.file is None or self.row is None else self.file.facts_of(self.row).findings
        self.open_editor(next((one.message_index for one in found if one.message_index is not None), None))

    def open_editor(self, message: int | None) -> None:
        """Open the record under the cursor, on one of its messages."""
        from workbench.screens.editor import EditorScreen, OpenedRecord

        file, row = self.file, self.row
        if file is None or row is None:
            return
        if file.document.read_only is not None:
            self.notify(f"Nothing can be changed here: {file.document.read_only}", severity="warning", markup=False)
        raw = file.document.raw(row)
        origin = file.document.origin(row)
        line = 1 if origin is None else file.rows.line(origin)
        record = OpenedRecord(file.value_of(row), raw, file.format, title=self.name_of(row), line=line)

        def edited(result: Edited | None) -> None:
            if result is not None:
                self.put_record(row, raw, result.value, result.title)

        self.app.push_screen(EditorScreen(self.context, self.project, record, at=message), edited)

    def put_record(self, row: RowId, before: bytes, value: Any, title: str) -> None:
        """Let a record have another value, written the way its file is."""
        from workbench.dataset.rows import dump_like

        after = dump_like(value, before)

        def replacing(file: OpenFile, view: View, at: int) -> Callable[[], Change | None]:
            return partial(_replace, file.document, row, before, after, title)

        self.edit(replacing, "The record is as it was.")

    def action_pair(self) -> None:
        """The words in which the two answers of a pair differ."""
        from workbench.dataset.formats import PAIRS
        from workbench.dataset.rows import DecodeError
        from workbench.screens.pair import PairScreen

        file, row = self.file, self.row
        if file is None or row is None:
            return
        value = file.value_of(row)
        if file.format not in PAIRS or isinstance(value, DecodeError):
            self.notify("This record is no pair of answers.", markup=False)
            return
        self.app.push_screen(PairScreen(self.context, self.project, value, file.format, self.name_of(row)))

    def action_microscope(self) -> None:
        """The record as a model reads it."""
        from workbench.dataset.rows import DecodeError
        from workbench.screens.microscope import MicroscopeScreen

        file, row = self.file, self.row
        if file is None or row is None:
            return
        value = file.value_of(row)
        if isinstance(value, DecodeError):
            self.show_error(value)
            return
        self.app.push_screen(MicroscopeScreen(self.context, self.project, value, file.format, self.name_of(row)))


def _replace(document: Document, row: RowId, before: bytes, after: bytes, title: str) -> Change | None:
    from workbench.dataset.recipe.record import step_for_patch

    if before == after:
        return None
    at = document.position_of(row)
    return document.replace({row: after}, title=title, step=step_for_patch(before, after, at))


def _deletion(file: OpenFile, view: View, at: int) -> Callable[[], Change | None]:
    rows, wanted, shown = view.chosen(at), view.wanted, len(view)

    def delete() -> Change | None:
        if not len(rows):
            return None
        title = "delete 1 record" if len(rows) == 1 else f"delete {len(rows):,} records"
        query = wanted.query
        if query is not None and len(rows) == shown > 1 and not wanted.sample:
            # All that a filter shows: the filter says it better than a list of a million digests.
            step: dict[str, Any] = {"kind": "filter", "query": str(query), "keep": False}
        else:
            step = step_for_drop_of(file.document, rows)
        return file.document.delete(rows, title=title, step=step)

    return delete


def step_for_drop_of(document: Document, rows: NDArray[np.int64]) -> dict[str, Any]:
    """The step of a recipe that drops these rows, each by what it holds."""
    from workbench.dataset.recipe.record import step_for_drop

    return step_for_drop((document.raw(row), at) for row, at in placed(document, rows))


def placed(document: Document, rows: NDArray[np.int64]) -> list[tuple[RowId, int]]:
    """Rows with their positions, rising."""
    import numpy as np

    from workbench.screens.datasets.row_set import RowSet

    if len(rows) == 1:
        return [(int(rows[0]), document.position_of(int(rows[0])) or 0)]
    ids = document.ids()
    places = np.flatnonzero(RowSet(rows).among(ids))
    return list(zip(ids[places].tolist(), places.tolist(), strict=True))


def _duplication(file: OpenFile, view: View, at: int) -> Callable[[], Change | None]:
    rows = view.chosen(at)

    def duplicate() -> Change | None:
        from workbench.dataset.recipe.record import step_for_insert

        if not len(rows):
            return None
        document = file.document
        there = placed(document, rows)
        raws = [document.raw(row) for row, _ in there]
        behind = there[-1][1] + 1
        title = "duplicate 1 record" if len(rows) == 1 else f"duplicate {len(rows):,} records"
        return document.insert(behind, raws, title=title, step=step_for_insert(raws, behind))

    return duplicate
