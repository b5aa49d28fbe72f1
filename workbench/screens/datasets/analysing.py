"""Letting the rules see the open file: all of it when it is opened or saved, and rows as they are edited."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

from textual import on, work
from textual.message import Message
from textual.timer import Timer
from textual.worker import get_current_worker

from workbench.screens.datasets.base import TICK_S, RecordsScreen
from workbench.screens.datasets.memory import give_back
from workbench.screens.datasets.open_file import OpenFile

if TYPE_CHECKING:
    from workbench.dataset.analysis import Before, Spec
    from workbench.dataset.formats import Format
    from workbench.dataset.rows import Document, RowId
    from workbench.screens.datasets.facts import FileFacts, RowFacts

EDITED_AFTER_S = 0.7
"""Edited rows are counted when nothing was edited for so long: it takes a process."""


class Stopped(Exception):
    """Nobody waits for this work any more."""


class FileProgress(Message):
    """How far the work on a long file is."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.text = text

    def can_replace(self, message: Message) -> bool:
        """Only the newest matters."""
        return isinstance(message, FileProgress)


class FileAnalysed(Message):
    """The rules have seen rows of a file, or all of them."""

    def __init__(self, document: Document, generation: int, facts: FileFacts, *, done: bool) -> None:
        super().__init__()
        self.document = document
        self.generation = generation
        self.facts = facts
        self.done = done


class EditedAnalysed(Message):
    """What was found out about rows that a person wrote."""

    def __init__(self, file: OpenFile, generation: int, facts: dict[RowId, RowFacts]) -> None:
        super().__init__()
        self.file = file
        self.generation = generation
        self.facts = facts


class Analysing(RecordsScreen):
    """Facts come by message; what is on screen is drawn again only where it changes."""

    _seen_on_screen = False
    """Whether the rows on screen were analysed when they were drawn: then more facts change nothing there."""
    _edited_timer: Timer | None = None
    before: Before | None = None
    """The file as it was before it was saved, until the next analysis takes it: it is large."""

    def pace(self) -> Callable[[str, int, int], None]:
        """For a worker: says a few times a second how far it is, and stops where nobody waits any more."""
        worker, due = get_current_worker(), 0.0

        def tell(what: str, done: int, total: int) -> None:
            nonlocal due
            if worker.is_cancelled:
                raise Stopped
            if time.monotonic() >= due:
                due = time.monotonic() + TICK_S
                self.post_message(FileProgress(f"{what} {done * 100 // max(total, 1)} %…"))

        return tell

    @work(thread=True, exclusive=True, group="analysis", exit_on_error=False)
    def analyse_file(self, file: OpenFile) -> None:
        """Let the rules see every row, in processes of their own; what they found so far is shown.

        After a save they see those that were written: what is known of the others is kept.
        """
        from workbench.dataset.analysis import AnalysisCancelled, Chunk, analyse_apart
        from workbench.screens.datasets.edited import for_rows
        from workbench.screens.datasets.facts import GrowingFacts, facts_of_analysis

        tell, generation, worker = self.pace(), file.document.generation, get_current_worker()
        before, self.before = self.before, None
        growing = GrowingFacts()
        spec, due = self._spec(file.format), 0.0
        file.spec = for_rows(spec)

        def grown(chunk: Chunk) -> None:
            nonlocal due
            growing.take(chunk)
            if growing.facts is not None and time.monotonic() >= due:
                due = time.monotonic() + TICK_S
                self.post_message(FileAnalysed(file.document, generation, growing.facts, done=False))

        with suppress(Stopped, AnalysisCancelled):
            facts = facts_of_analysis(
                analyse_apart(
                    file.rows,
                    spec,
                    cache=self.context.cache,
                    before=before,
                    progress=partial(tell, "checking"),
                    on_chunk=grown,
                    cancelled=lambda: worker.is_cancelled,
                )
            )
            del before  # the old file and its index go before memory is given back
            self.post_message(FileAnalysed(file.document, generation, facts, done=True))

    def _spec(self, fmt: Format) -> Spec:
        """The rules that hold everywhere, and token counts as the cookbook makes them."""
        from workbench.dataset.analysis import Spec
        from workbench.dataset.counting import Counting
        from workbench.dataset.tokens import COOKBOOK_ENCODING

        return Spec(fmt, counting=Counting(COOKBOOK_ENCODING, exact=False, cache=str(self.context.cache)))

    @on(FileAnalysed)
    def show_analysed(self, message: FileAnalysed) -> None:
        """Mark the rows and count."""
        if self.file is None or self.file.document is not message.document:
            return
        if message.document.generation != message.generation:  # saved meanwhile: the rows are others
            return
        before = self.file.facts
        self.file.facts = message.facts
        if message.done:
            self.settle()
        if message.done or before is not message.facts or not self._seen_on_screen:
            self._seen_on_screen = message.facts.sees(self._rows_on_screen())
            self.records.redraw()
            self.show_record(keep_place=True)
        if message.done:
            self.facts_changed()
            self.set_timer(1.0, partial(give_back, self.file.rows.size))

    def _rows_on_screen(self) -> list[RowId]:
        if self.view is None:
            return []
        first, height = self.records.scroll_offset.y, self.records.size.height
        return [self.view.row_at(at) for at in range(first, min(len(self.view), first + height))]

    def settle(self) -> None:
        """No work is under way: say what was found."""
        facts = None if self.file is None else self.file.facts
        self.state = "" if facts is None else counted_words(facts.errors, facts.warnings)
        self.show_files()

    # Edited rows ----------------------------------------------------------------------------------------------------

    def edits_changed(self) -> None:
        """Count the edited rows when the person pauses."""
        super().edits_changed()
        if self._edited_timer is not None:
            self._edited_timer.stop()
        self._edited_timer = self.set_timer(EDITED_AFTER_S, self._look_at_edited)

    def _look_at_edited(self) -> None:
        file = self.file
        if file is not None and file.spec is not None and file.unsaved:
            rows = file.uncounted()
            if rows:
                self.analyse_edited(file, file.spec, rows)

    @work(thread=True, exclusive=True, group="edited", exit_on_error=False)
    def analyse_edited(self, file: OpenFile, spec: Spec, rows: list[RowId]) -> None:
        """Let rules and counter see rows that a person wrote."""
        from workbench.dataset.analysis import AnalysisCancelled
        from workbench.screens.datasets.edited import analyse_rows

        worker, generation = get_current_worker(), file.document.generation
        with suppress(AnalysisCancelled):
            facts = analyse_rows(file.document, rows, spec, lambda: worker.is_cancelled)
            self.post_message(EditedAnalysed(file, generation, facts))

    @on(EditedAnalysed)
    def show_edited(self, message: EditedAnalysed) -> None:
        """Show what is known of them now."""
        if self.file is not message.file or message.file.document.generation != message.generation:
            return
        message.file.put_facts(message.facts)
        self.records.redraw()
        self.show_record(keep_place=True)
        self.facts_changed()


def counted_words(errors: int, warnings: int) -> str:
    """`✗ 2 errors, 1 warning`, or that nothing was found."""
    parts = [
        f"{count:,} {word}{'' if count == 1 else 's'}"
        for count, word in ((errors, "error"), (warnings, "warning"))
        if count
    ]
    if not parts:
        return "✓ nothing found"
    return f"{'✗' if errors else '!'} {', '.join(parts)}"
