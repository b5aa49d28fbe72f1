"""Changes of many records, and what differs: chosen in dialogs, looked at beforehand, applied as one undo step."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from textual import work

from workbench.errors import WorkbenchError
from workbench.screens.datasets.editing import Editing

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from workbench.dataset.diff import Side
    from workbench.dataset.recipe.replay import Preview
    from workbench.dataset.rows import Change, Document
    from workbench.screens.datasets.open_file import OpenFile
    from workbench.screens.datasets.view import View
    from workbench.screens.dialogs.rules import RuleCount
    from workbench.screens.preview import Target

MOST_PICKED = 100_000
"""Records picked by hand that a step names one by one."""


@dataclass(frozen=True, slots=True)
class _Scope:
    """The rows that a change is about, and how its step says so."""

    rows: NDArray[np.int64]
    said: str
    where: str = ""
    """The filter that shows them."""
    picked: bool = False
    """Whether they were picked by hand, so that the step has to name them one by one."""


class Changing(Editing):
    """`b` changes many records, `r` finds and replaces, `D` shows what was changed."""

    def action_change(self) -> None:
        """Choose a change of the marked records, or of all that are shown."""
        from workbench.screens.dialogs.changes import ChangesDialog
        from workbench.screens.rewriting import RewriteDialog

        scope = self._scope()
        if scope is None or self.file is None:
            return
        rules = self._rule_counts()
        fixable = [rule for rule in rules if _has_fix(rule.code)]
        target = self._target(self.file, scope)
        dialog = ChangesDialog(
            scope.said, rules=rules, fixable=fixable, rewrite=lambda: RewriteDialog(self.context, target)
        )
        self.app.push_screen(dialog, partial(self.preview_step, scope))

    def action_replace(self) -> None:
        """Find and replace, in the marked records or in all that are shown."""
        from workbench.screens.dialogs.replace import ReplaceDialog

        scope = self._scope()
        if scope is not None:
            self.app.push_screen(ReplaceDialog(), partial(self.preview_step, scope))

    def preview_step(self, scope: _Scope, step: Mapping[str, Any] | None) -> None:
        """Show what a step would do; apply it if the person says so."""
        from workbench.screens.preview import PreviewScreen

        file = self.file
        if step is None or file is None:
            return

        def decided(preview: Preview | None) -> None:
            if preview is not None and self.file is file:
                self.apply_preview(preview)

        if scope.picked and len(scope.rows) > MOST_PICKED:
            why = f"are more than {MOST_PICKED:,}, and a recipe would have to name each"
            self.show_error(WorkbenchError(scope.said, why, "choose them by a filter instead of marks"))
            return
        limited = dict(step) | ({"where": scope.where} if scope.where else {})
        self.app.push_screen(PreviewScreen(limited, self._target(file, scope)), decided)

    def apply_preview(self, preview: Preview) -> None:
        """Make it so: one undo step."""

        def applying(file: OpenFile, view: View, at: int) -> Callable[[], Change | None]:
            return partial(_apply, file.document, preview)

        self.edit(applying, "Nothing was changed.")

    def _scope(self) -> _Scope | None:
        """The marked records, else all that are shown; says why where there is none."""
        view, file = self.view, self.file
        if view is None or file is None or not len(view):
            self.notify("There is no record to change.", markup=False)
            return None
        if file.document.read_only is not None:
            self.notify(f"Nothing can be changed here: {file.document.read_only}", severity="warning", markup=False)
            return None
        if view.marked:
            return _Scope(view.chosen(0), _said(view.marked, "marked"), picked=True)
        wanted = view.wanted
        if wanted.sample:
            return _Scope(view.rows(), _said(len(view), "sampled"), picked=True)
        if wanted.query is not None:
            return _Scope(view.rows(), _said(len(view), "shown"), where=str(wanted.query))
        return _Scope(view.document.ids(), f"all {len(view):,} records")

    def _target(self, file: OpenFile, scope: _Scope) -> Target:
        from workbench.screens.preview import Target
        from workbench.workflow.recipe import services_of

        document = file.document

        def records() -> Iterator[tuple[int, bytes, int | None]]:
            for row in scope.rows.tolist():
                yield row, document.raw(row), document.line(row)

        place = document.position_of if scope.picked else None
        return Target(records, len(scope.rows), scope.said, file.format, services_of(self.context), place)

    def _rule_counts(self) -> list[RuleCount]:
        """The rules that found something in rows, with how often."""
        from workbench.dataset.rules import find_rule
        from workbench.screens.dialogs.rules import RuleCount

        found = [] if self.file is None else self.file.rules_found()
        return [
            RuleCount(rule.code, rule.name, find_rule(rule.code).title, rule.findings, rule.severity == "error")
            for rule in found
        ]

    # What differs ---------------------------------------------------------------------------------------------------

    @work(exclusive=True, group="differences", exit_on_error=False)
    async def action_differences(self) -> None:
        """What was changed since the last save, or what is not as a job was trained on."""
        from workbench.dataset.edited import EditedSide
        from workbench.screens.dialogs.choice import Answer, ChoiceDialog

        file = self.file
        if file is None:
            return
        trained = await asyncio.to_thread(self._trained_on, file)  # reads the record of every job
        if self.file is not file:
            return
        if trained is None:
            self.show_differences(file, "since the last save", lambda: (file.rows, EditedSide(file.document)))
            return
        answers = [Answer("s", "with the file as saved"), Answer("j", f"with what {trained[0]} was trained on")]

        def chosen(answer: str | None) -> None:
            if answer == "s":
                self.show_differences(file, "since the last save", lambda: (file.rows, EditedSide(file.document)))
            elif answer == "j":
                self.show_differences(file, f"since {trained[0]}", partial(_with_job, trained[1], file.document))

        self.app.push_screen(ChoiceDialog("Compare the records", "as they are now", answers), chosen)

    def _trained_on(self, file: OpenFile) -> tuple[str, str] | None:
        """The newest job that was trained on this file, and where its exact bytes are kept."""
        from workbench.workflow.job_records import recorded_jobs

        path = str(file.document.real)
        jobs = [one for one in recorded_jobs(self.context).values() if one.record.train_path in (path, str(file.path))]
        newest = max(jobs, key=lambda one: one.record.created_at, default=None)
        if newest is None or not newest.record.train_sha256:
            return None
        kept = self.context.home / "data" / newest.record.train_sha256
        return (newest.job.id, str(kept)) if kept.exists() else None

    def show_differences(self, file: OpenFile, title: str, sides: Callable[[], tuple[Side, Side]]) -> None:
        """Show them; enter goes to the record."""
        from workbench.screens.diff import DiffScreen

        def chosen(position: int | None) -> None:
            if position is None or self.file is not file:
                return
            if not self.go_to(file.document.id_at(position)):
                self.notify("The filter does not show that record.", markup=False)

        self.app.push_screen(DiffScreen(title, sides, file.format), chosen)


def _with_job(data: str, document: Document) -> tuple[Side, Side]:
    from pathlib import Path

    from workbench.dataset.edited import EditedSide
    from workbench.dataset.rows import open_rows

    return open_rows(Path(data)), EditedSide(document)


def _said(count: int, how: str) -> str:
    return f"the 1 {how} record" if count == 1 else f"the {count:,} {how} records"


def _has_fix(code: str) -> bool:
    from workbench.dataset.rules import find_rule

    return find_rule(code).fix is not None


def _apply(document: Document, preview: Preview) -> Change | None:
    if preview.changes:
        after = {row: new for row, _, new in preview.changes}
        return document.replace(after, title=preview.title, step=preview.step)
    rows = [row for row, _ in preview.dropped]
    return document.delete(rows, title=preview.title, step=preview.step) if rows else None
