"""What goes in and out: import and export, the split, and figures about the file."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from textual import on, work
from textual.message import Message
from textual.worker import get_current_worker

from workbench.errors import WorkbenchError
from workbench.screens.datasets.analysing import Stopped
from workbench.screens.datasets.opening import Opening

if TYPE_CHECKING:
    from workbench.dataset.stats import Stats
    from workbench.screens.datasets.open_file import OpenFile
    from workbench.screens.dialogs.export import ExportRequest
    from workbench.screens.dialogs.split import SplitRequest
    from workbench.screens.importing import ImportedFile
    from workbench.workflow.convert import Conversion
    from workbench.workflow.split import SplitFiles

IMPORTABLE = ("table_file", "importable_file", "not_utf8")
"""Codes of files that are not opened as they are, but can be imported."""
STOPPABLE = ("analysis", "exchange", "save", "filter", "order")
"""Groups of workers that a person may stop."""
UNPLACED_LISTED = 1000
"""Rows without a place that are listed after an import."""


class Told(Message):
    """Work is done: what came of it, and a file to go on with."""

    def __init__(self, text: str, path: Path | None = None) -> None:
        super().__init__()
        self.text = text
        self.path = path


class Exchanging(Opening):
    """`I` imports, `X` exports, `t` splits, `i` counts."""

    def show_error(self, error: BaseException) -> None:
        """A file that is a table, packed, or in another encoding is no failure: it can be imported."""
        if isinstance(error, WorkbenchError) and error.code in IMPORTABLE and self.asked is not None:
            self.import_from(str(self.asked))
        else:
            super().show_error(error)

    # Import ---------------------------------------------------------------------------------------------------------

    def action_import_file(self) -> None:
        """Any table, through a template."""
        from workbench.screens.dialogs.path import PathDialog

        dialog = PathDialog("Import a table or a dataset", does="opens it", placeholder="a file, or hf:org/name")

        def named(path: Path | None) -> None:
            if path is not None:
                self.import_from(str(path))

        self.app.push_screen(dialog, named)

    def import_from(self, spec: str) -> None:
        """Choose what becomes of its columns, then write it."""
        from workbench.screens.importing import ImportScreen

        self.app.push_screen(ImportScreen(spec), partial(self._imported, spec))

    def _imported(self, spec: str, made: ImportedFile | None) -> None:
        if made is None:
            return
        if self.first_file is not None and str(self.first_file) == spec:
            self.first_file = made.path
        self.keep_import(spec, made)
        if made.result.unplaced:
            from workbench.screens.dialogs.text import TextDialog

            shown = made.result.unplaced[:UNPLACED_LISTED]
            lines = [f"line {one.line or one.number}: {one.reason}" for one in shown]
            if len(made.result.unplaced) > len(shown):
                lines.append(f"… and {len(made.result.unplaced) - len(shown):,} more: `ftwb dataset import --json`")
            title = f"{len(made.result.unplaced):,} of {made.result.records:,} rows found no place"
            self.app.push_screen(TextDialog(title, "\n".join(lines)))

    @work(thread=True, group="exchange", exit_on_error=False)
    def keep_import(self, spec: str, made: ImportedFile) -> None:
        """Begin the recipe of the new file."""
        from workbench.workflow.keeping import record_import

        record_import(spec, made.template, made.path, made.result)
        self.post_message(Told(f"Imported {made.result.written:,} records into {made.path.name}.", made.path))

    @on(Told)
    def show_told(self, message: Told) -> None:
        """Say it, and open what was made."""
        self.settle()
        self.notify(message.text, timeout=8, markup=False)
        if message.path is not None:
            self.open_file(message.path)

    # Export ---------------------------------------------------------------------------------------------------------

    def action_export(self) -> None:
        """The records as they are now, in any format."""
        from workbench.dataset.formats.convert import TARGETS
        from workbench.screens.dialogs.export import ExportDialog

        file = self.file
        if file is None:
            return
        stem = file.path.name.split(".")[0]
        path = str(file.path.with_name(f"{stem}.export.jsonl"))
        fmt = file.format if file.format in TARGETS else TARGETS[0]
        dialog = ExportDialog(len(file.document), path, fmt, TARGETS)

        def asked(request: ExportRequest | None) -> None:
            if request is not None:
                self.export_file(file, request)

        self.app.push_screen(dialog, asked)

    @work(thread=True, exclusive=True, group="exchange", exit_on_error=False)
    def export_file(self, file: OpenFile, request: ExportRequest) -> None:
        """Write them."""
        from workbench.dataset.formats import Format
        from workbench.workflow.keeping import as_file

        tell = self.pace()
        with suppress(Stopped), as_file(file.document) as path:
            made = _converted(path, request, Format(request.format), partial(tell, "exporting"))
            left = f"; {len(made.dropped):,} things left out" if made.dropped else ""
            self.post_message(Told(f"Exported {made.written:,} records to {request.path.name}{left}."))

    # Split ----------------------------------------------------------------------------------------------------------

    def action_split(self) -> None:
        """Training, validation and test, near-duplicates on one side."""
        from workbench.screens.dialogs.split import SplitDialog

        file = self.file
        if file is None:
            return
        if file.unsaved:
            self.notify("Save first (ctrl+s): a split is made of the file as it is on disk.", markup=False)
            return
        folder = str(file.path.with_name(f"{file.path.name.split('.')[0]}-split"))
        dialog = SplitDialog(len(file.document), folder)

        def asked(request: SplitRequest | None) -> None:
            if request is not None:
                self.split_file(file, request)

        self.app.push_screen(dialog, asked)

    @work(thread=True, exclusive=True, group="exchange", exit_on_error=False)
    def split_file(self, file: OpenFile, request: SplitRequest) -> None:
        """Write the sides."""
        from workbench.workflow.keeping import record_split
        from workbench.workflow.split import split_dataset

        tell, worker = self.pace(), get_current_worker()
        with suppress(Stopped):
            fractions = request.fractions if request.fractions[2] else request.fractions[:2]
            made = split_dataset(
                file.document.real,
                request.folder,
                fractions,
                seed=request.seed,
                progress=partial(tell, "comparing"),
                cancelled=lambda: worker.is_cancelled,
            )
            record_split(file.document.real, fractions, request.seed, request.folder)
            self.post_message(Told(f"Split into {_sides(made)} in {request.folder.name}/.", Path(made.train.path)))

    # Stopping -------------------------------------------------------------------------------------------------------

    def action_stop(self) -> None:
        """Stop what is under way. A save or export that is stopped leaves the file as it was."""
        stopped = [worker for worker in self.workers if worker.group in STOPPABLE and worker.is_running]
        for worker in stopped:
            worker.cancel()
        self.settle()
        self.notify("Stopped." if stopped else "No work is under way.", timeout=3, markup=False)

    # Figures --------------------------------------------------------------------------------------------------------

    def action_statistics(self) -> None:
        """Tokens, epochs, what training would bill: of the records as they are now."""
        from workbench.screens.dialogs.statistics import StatisticsDialog

        file = self.file
        if file is not None:
            self.app.push_screen(StatisticsDialog(partial(self._figures, file)))

    def _figures(self, file: OpenFile, progress: Callable[[int, int], None]) -> Stats:
        from workbench.workflow.keeping import as_file
        from workbench.workflow.prepare import dataset_stats

        with as_file(file.document) as path:
            return dataset_stats(self.context, path, progress=progress)


def _converted(path: Path, request: ExportRequest, target: object, progress: Callable[[int, int], None]) -> Conversion:
    from workbench.dataset.formats import Format
    from workbench.workflow.convert import convert_dataset

    def told(done: int, total: int | None) -> None:
        progress(done, total or 0)

    return convert_dataset(
        path,
        request.path,
        Format(str(target)),
        lossy=request.lossy,
        autotrain=request.autotrain,
        bom=request.bom,
        progress=told,
    )


def _sides(made: SplitFiles) -> str:
    sides = [("train", made.train), ("validation", made.validation), ("test", made.test)]
    return ", ".join(f"{name} {side.records:,}" for name, side in sides if side is not None)
