"""Decide: the verdict with its reasons, what would settle it, the checklist with its evidence, and break-even."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from textual import on, work
from textual.binding import BindingType
from textual.containers import Container
from textual.message import Message
from textual.widget import Widget

from workbench.actions import bindings_for
from workbench.screens.aside import aside_sync
from workbench.screens.decide_rows import (
    STAGES,
    VERDICTS,
    candidates_in,
    detail_lines,
    entries_of,
    question_key,
    why_lines,
)
from workbench.screens.frame import Frame
from workbench.terminal.escape import visible_line
from workbench.widgets import clock
from workbench.widgets.lines import LineList
from workbench.widgets.reading import Reading
from workbench.widgets.sections import SectionList
from workbench.widgets.styles import stylesheet
from workbench.widgets.textline import Piece, TextLine

if TYPE_CHECKING:
    from workbench.decide.checklist import ChecklistItem
    from workbench.decide.decision import Decision, Missing
    from workbench.screens.dialogs.answer import Answer
    from workbench.screens.dialogs.costs import CostsAnswer
    from workbench.workflow.context import Context
    from workbench.workflow.project import Project
    from workbench.workflow.wish import Wish


class Judged(Message):
    """The verdict as things stand."""

    def __init__(self, project: Project, decision: Decision) -> None:
        super().__init__()
        self.project = project
        """As it was read for this verdict."""
        self.decision = decision


class ReportWritten(Message):
    """The report is in this file."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path = path


class DecideScreen(Frame):
    """The verdict above, everything it hangs on in one list, and what is known of the line under the cursor."""

    MODE = "decide"
    CSS = stylesheet("decide")
    BINDINGS: ClassVar[list[BindingType]] = list(bindings_for("decide"))
    AUTO_FOCUS = "#lines"
    HELP = """\
# Decide

Should this be fine-tuned at all? The verdict rests on what was measured and on nothing else. Before a tuned model was \
measured it can be *do not fine-tune* (something simpler is good enough) or *not enough evidence*, never *fine-tune*.

`enter` on a line under *What is missing* goes to where it is done. `enter` on a question takes your answer: ● \
measured by ftwb, ✓ answered by you, ○ open. Figures say where they come from: measured, quoted (a price table), \
estimated (a formula), or not measured.

Under *Costs* stands what each candidate costs once and while it runs; the line below the list shows every part of it \
with its source. `c` takes what only you know: your machine's price and power, your hours, how often you train again. \
`b` draws the break-even. `x` runs what is missing.
"""

    def __init__(self, context: Context, project: Project) -> None:
        super().__init__(context, project)
        self.decision: Decision | None = None
        self._verdict = TextLine(id="verdict")
        self._why = Reading(id="why")
        self._lines = SectionList(empty="Weighing the evidence…", id="lines")
        self._detail = Reading(id="detail")

    def compose_body(self) -> Iterable[Widget]:
        """Verdict, reasons, the list, the line under the cursor."""
        yield self._verdict
        yield self._why
        with Container(id="halves"):
            yield self._lines
            yield self._detail

    def on_screen_resume(self) -> None:
        """Runs, jobs and answers may have come."""
        self.action_refresh()

    def after_moved(self, wish: Wish) -> None:
        """A model was measured by itself: its verdict."""
        super().after_moved(wish)
        if wish.state == "done" and wish.project == self.project.slug:
            self.action_refresh()

    # The verdict ----------------------------------------------------------------------------------------------------

    def action_refresh(self) -> None:
        """Judge what is there now."""
        self.judge()

    @work(exclusive=True, group="judge", exit_on_error=False)
    async def judge(self) -> None:
        """Read the project again and judge."""
        from workbench.workflow.project import open_project

        def judged() -> tuple[Project, Decision]:
            from workbench.workflow.judge import judge

            project = open_project(self.context, self.project.slug)
            return project, judge(self.context, project, requests_per_month=project.document.requests_per_month)

        self.post_message(Judged(*await aside_sync(judged)))

    @on(Judged)
    def show_decision(self, message: Judged) -> None:
        """Show it; the cursor stays on its line."""
        self.project = message.project
        if message.decision == self.decision:
            return
        decision = self.decision = message.decision
        word, role = VERDICTS[decision.verdict]
        on_what = f"{STAGES[decision.stage]} · {decision.run or 'no run'}"
        with self.app.batch_update():
            self._verdict.show([Piece("  "), Piece(word.upper(), role)], [Piece(f"{visible_line(on_what)}  ", "muted")])
            self._why.show_text(lambda width: why_lines(decision, width))
            self._lines.show_entries(entries_of(decision, message.project.document.requests_per_month))
        self.refresh_bindings()

    @on(LineList.Moved, "#lines")
    def show_detail(self) -> None:
        """What is known of the line under the cursor."""
        decision, key = self.decision, self._lines.key
        self._detail.show_text(lambda width: detail_lines(decision, key, width) if decision else [])

    # What a person can do -------------------------------------------------------------------------------------------

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """A report needs a verdict, and a key for what is missing something that is."""
        if action == "run":
            return self.decision is not None and bool(self.decision.missing)
        return self.decision is not None if action in ("report", "go", "requests", "costs", "drawn") else True

    @on(LineList.Chosen, "#lines")
    async def action_go(self) -> None:
        """Do what the line under the cursor is about."""
        decision, key = self.decision, self._lines.key
        if decision is None:
            return
        if key.startswith("missing "):
            await self.go_on(decision.missing[int(key.removeprefix("missing "))])
        elif key == "break-even requests":
            self.action_requests()
        elif key.startswith("break-even"):
            self.action_drawn()
        elif key.startswith("cost "):
            self.action_costs()
        else:
            item = next((item for item in decision.checklist if question_key(item.id) == key), None)
            if item is not None:
                self.ask(item)

    async def action_run(self) -> None:
        """What the line under the cursor misses, else the first thing that is missing."""
        decision, key = self.decision, self._lines.key
        if decision is not None and decision.missing:
            here = int(key.removeprefix("missing ")) if key.startswith("missing ") else 0
            await self.go_on(decision.missing[here], at_once=True)

    async def go_on(self, gap: Missing, *, at_once: bool = False) -> None:
        """To the mode that supplies it, its form open; for what no mode does, the command.

        `at_once` begins without a form what costs nothing: a run of models on this machine.
        """
        mode = next((mode for mode, start in _WAYS.items() if gap.command.startswith(start)), None)
        if mode is None or not hasattr(self.app, "action_mode") or "LARGER_TEST" in gap.command:
            from workbench.screens.dialogs.text import TextDialog

            self.app.push_screen(TextDialog(gap.what, gap.command))
            return
        await self.app.run_action(f"mode('{mode}')", self.app)
        wanted = candidates_in(gap.command)
        local = _profiles(wanted) <= {
            name for name, one in self.context.profiles().items() if one.capabilities.own_machine
        }
        begin = getattr(self.app.screen, "begin", None) if at_once and wanted and local else None
        arrive = begin or getattr(self.app.screen, "arrive", None)
        if arrive is not None:
            self.app.call_later(arrive, wanted)

    def ask(self, item: ChecklistItem) -> None:
        """Take the person's answer to a question."""
        from workbench.screens.dialogs.answer import AnswerDialog

        known = self.project.document.checklist.get(item.id)
        dialog = AnswerDialog(item, known)

        def answered(answer: Answer | None) -> None:
            if answer is not None:
                self.keep_answer(item.id, answer)

        self.app.push_screen(dialog, answered)

    @work(group="keep", exit_on_error=False)
    async def keep_answer(self, question: str, answer: Answer) -> None:
        """Write it into the project, and judge again."""

        def keep() -> None:
            from workbench.workflow.project import Answered, open_project, update_project

            project = open_project(self.context, self.project.slug)
            said = Answered(status=answer.status, text=answer.text, answered_at=int(clock.now()))
            answers = {**project.document.checklist, question: said}
            update_project(self.context, project, checklist={name: each.model_dump() for name, each in answers.items()})

        await aside_sync(keep)
        self.judge()

    def action_drawn(self) -> None:
        """The break-even in full: a chart, how sure it is, the months."""
        from workbench.screens.dialogs.break_even import BreakEvenDialog

        if self.decision is not None:
            self.app.push_screen(BreakEvenDialog(self.decision))

    def action_costs(self) -> None:
        """Ask for what only the person knows of the costs."""
        from workbench.screens.dialogs.costs import CostsDialog

        document = self.project.document

        def answered(answer: CostsAnswer | None) -> None:
            if answer is not None:
                self.keep_costs(answer)

        self.app.push_screen(CostsDialog(document.costs, document.requests_per_month), answered)

    @work(group="keep", exit_on_error=False)
    async def keep_costs(self, answer: CostsAnswer) -> None:
        """Write it into the project, and judge again."""

        def keep() -> None:
            from workbench.workflow.project import open_project, remember_costs

            project = open_project(self.context, self.project.slug)
            remember_costs(self.context, project, answer.costs, answer.requests_per_month or 0)

        await aside_sync(keep)
        self.judge()

    def action_requests(self) -> None:
        """Ask how many requests there are a month."""
        from workbench.screens.dialogs.number import NumberDialog

        known = self.project.document.requests_per_month
        dialog = NumberDialog("Requests per month", known, "How often the model will be asked, all users together.")

        def answered(number: int | None) -> None:
            if number is not None:
                self.keep_requests(number)

        self.app.push_screen(dialog, answered)

    @work(group="keep", exit_on_error=False)
    async def keep_requests(self, number: int) -> None:
        """Write it into the project, and judge again."""

        def keep() -> None:
            from workbench.workflow.project import open_project, update_project

            project = open_project(self.context, self.project.slug)
            update_project(self.context, project, requests_per_month=number or None)

        await aside_sync(keep)
        self.judge()

    @work(exclusive=True, group="report", exit_on_error=False)
    async def action_report(self) -> None:
        """Write the report beside the project's document."""
        decision = self.decision
        if decision is None:
            return
        path = self.project.folder / f"report-{decision.decided_on.isoformat()}.md"

        def write() -> None:
            from workbench.workflow.judge import write_report

            write_report(self.context, self.project, decision, path)

        await aside_sync(write)
        self.post_message(ReportWritten(path))

    @on(ReportWritten)
    def show_report(self, message: ReportWritten) -> None:
        """Say where it is."""
        from workbench.screens.dialogs.message import MessageDialog

        self.app.push_screen(MessageDialog("The report is written", str(message.path), "y copies its path and name"))

    def text_to_copy(self) -> str:
        """The command under the cursor, else the line's detail."""
        key, decision = self._lines.key, self.decision
        if decision is not None and key.startswith("missing "):
            return decision.missing[int(key.removeprefix("missing "))].command
        return self._detail.text


_WAYS = {"evaluate": "ftwb evaluate", "jobs": "ftwb job create"}
"""Which mode does what a command of `missing` does."""


def _profiles(candidates: Iterable[str]) -> set[str]:
    """The profiles that these call."""
    return {candidate.partition("/")[0] for candidate in candidates} - {"trivial"}
