"""How jobs are looked at: the chart's turns, several over each other, tables, files, and runs of others."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from textual import on, work

from workbench.screens.aside import aside, aside_sync
from workbench.screens.frame import Frame
from workbench.screens.job_messages import (
    Attached,
    CsvWritten,
    Detached,
    JobsCompared,
    MachineSeen,
    OtherSeen,
    TableMade,
    WishesRead,
)
from workbench.screens.job_monitor import JobMonitor
from workbench.terminal.escape import visible_line
from workbench.terminal.workarounds import terminal_writer
from workbench.widgets import clock

if TYPE_CHECKING:
    from workbench.providers.jobs import Job
    from workbench.workflow.alerts import Alert
    from workbench.workflow.context import Context
    from workbench.workflow.follow import JobView
    from workbench.workflow.machine import Look
    from workbench.workflow.project import Project
    from workbench.workflow.so_far import SoFar
    from workbench.workflow.wish import Wish

MACHINE_S = 5.0
"""Between two looks at the machine."""
MOST_MARKED = 8
"""Curves that can be told apart."""


class Watching(Frame):
    """Base of the Jobs screen: everything that only looks."""

    def __init__(self, context: Context, project: Project) -> None:
        super().__init__(context, project)
        self.jobs: tuple[Job, ...] = ()
        self.view: JobView | None = None
        """The job that is shown, as it was last seen."""
        self.marked: dict[str, None] = {}
        """Jobs whose curves lie over each other, in the order of their marks."""
        self._views: dict[str, JobView] = {}
        """The last view of every job that was followed: its step stays in the list."""
        self._found: dict[str, tuple[Alert, ...]] = {}
        """What was wrong with it then."""
        self._so_far: dict[str, SoFar | None] = {}
        """What it had trained and cost then."""
        self._wishes: Mapping[str, Wish] = {}
        """What was asked to follow jobs, by job id."""
        self._watches_machine = False
        self._look: Look | None = None
        """Kept while the screen is: the load is that since the look before."""
        self._monitor = JobMonitor(id="job")

    @property
    def job(self) -> Job | None:
        """The job under the cursor, as last seen."""
        raise NotImplementedError

    def show_view(self) -> None:
        """The job that is shown, and those that lie over it."""
        view, job = self.view, self.job
        self._monitor.show(job, view, self._others())
        self._monitor.show_alerts(self._found.get(view.job.id, ()) if view is not None else ())
        self._monitor.show_after(self._wishes.get(job.id) if job is not None else None)

    # What follows ---------------------------------------------------------------------------------------------------

    @work(exclusive=True, group="wishes", exit_on_error=False)
    async def read_wishes(self) -> None:
        """Read what was asked to follow jobs, and how far it is."""
        from workbench.workflow.wish import as_it_is, wishes

        def read() -> dict[str, Wish]:
            return {wish.job: as_it_is(self.context, wish) for wish in wishes(self.context)}

        self.post_message(WishesRead(await aside_sync(read)))

    @on(WishesRead)
    def show_wishes(self, message: WishesRead) -> None:
        """Its line, where there is one."""
        self._wishes = message.wishes
        job = self.job
        self._monitor.show_after(self._wishes.get(job.id) if job is not None else None)

    def after_moved(self, wish: Wish) -> None:
        """One of them is further."""
        super().after_moved(wish)
        self.read_wishes()

    def look_for_stall(self) -> None:
        """A job that reports nothing brings no view that could say so."""
        from workbench.workflow.alerts import going_on, stall

        view = self.view
        if view is None:
            return
        others = [one for one in self._found.get(view.job.id, ()) if one.name != "stall"]
        found = tuple(stall(view.times, clock.now())) if going_on(view) else ()
        self._found[view.job.id] = (*others, *found)
        self._monitor.show_alerts(self._found[view.job.id])

    def tell_of_ends(self, before: Iterable[Job], now: Iterable[Job]) -> None:
        """Ring for jobs that went on when they were seen last and have ended since."""
        going = {job.id for job in before if not job.ended}
        ended = [job for job in now if job.ended and job.id in going]
        if ended:
            self.announce(ended)

    @work(thread=True, group="announce", exit_on_error=False)
    def announce(self, ended: list[Job]) -> None:
        """Bell, notification, the person's own command."""
        from workbench.workflow.finish import tell

        for job in ended:
            tell(self.context, job, terminal_writer(self.app))

    def watch_machine(self, going_on: bool) -> None:
        """Look at the machine every few seconds while a job trains on it."""
        if going_on == self._watches_machine:
            return
        self._watches_machine = going_on
        if going_on:
            self.look_at_machine()
        else:
            self.workers.cancel_group(self, "machine")
            self._monitor.show_machine(())

    @work(exclusive=True, group="machine", exit_on_error=False)
    async def look_at_machine(self) -> None:
        """Until it is cancelled."""
        from workbench.workflow.machine import Look, machine_parts

        look = self._look = self._look or Look(self.context.environ)
        while True:
            self.post_message(MachineSeen(machine_parts(await aside_sync(look))))
            await asyncio.sleep(MACHINE_S)

    @on(MachineSeen)
    def show_machine(self, message: MachineSeen) -> None:
        """Its line, while it is wanted."""
        if self._watches_machine:
            self._monitor.show_machine(message.parts)

    def _others(self) -> dict[str, JobView]:
        """The marked jobs by their legend, and the one under the cursor."""
        if not self.marked:
            return {}
        here = [self.view.job.id] if self.view is not None else []
        views = [self._views[job_id] for job_id in dict.fromkeys([*self.marked, *here]) if job_id in self._views]
        return {f"{view.job.suffix or view.job.model} {view.job.id[-6:]}": view for view in views}

    def action_metric(self) -> None:
        """Another metric in the chart."""
        self._monitor.next_metric()
        self.show_view()

    def action_metrics(self) -> None:
        """Any metric, by its name."""
        from workbench.screens.dialogs.metrics import MetricsDialog

        def chosen(name: str | None) -> None:
            if name is not None:
                self._monitor.show_metric(name)
                self.show_view()

        groups, series = self._monitor.choices()
        self.app.push_screen(MetricsDialog(groups, series, self._monitor.group.title), chosen)

    def action_smooth(self) -> None:
        """More smoothing, and none again."""
        self._monitor.next_smoothing()

    def action_log(self) -> None:
        """A logarithmic axis, or a linear one again."""
        self._monitor.chart.logarithmic = not self._monitor.chart.logarithmic

    def action_time(self) -> None:
        """Over time, or over steps again."""
        self._monitor.turn_time()
        self.show_view()

    def action_zoom_in(self) -> None:
        """Half as much of the axis."""
        self._monitor.chart.zoom += 1

    def action_zoom_out(self) -> None:
        """Twice as much of the axis."""
        self._monitor.chart.zoom -= 1

    def action_alerts(self) -> None:
        """Everything that is wrong with the job, with its rule."""
        from workbench.screens.dialogs.text import TextDialog

        if self.view is None:
            return
        found = self._found.get(self.view.job.id, ())
        parts = [f"{one.name}: {one.text}.\n\nRule: {one.rule}.\n\nWhat to do: {one.advice}." for one in found]
        text = "\n\n\n".join(parts) or "Nothing that our rules know: no NaN, no spike, no stall, no overfit."
        self.app.push_screen(TextDialog(f"What is wrong with {self.view.job.id}", text))

    # Several jobs ---------------------------------------------------------------------------------------------------

    def action_mark(self) -> None:
        """Lay the job's curves over those of the other marked ones; again: not."""
        job = self.job
        if job is None:
            return
        if job.id in self.marked:
            del self.marked[job.id]
        elif len(self.marked) >= MOST_MARKED:
            self.notify(f"{MOST_MARKED} jobs are marked: more curves cannot be told apart", severity="warning")
        else:
            self.marked[job.id] = None
            if job.id not in self._views:
                self.see_other(job.id)
        self._monitor.chart.cursor = None
        self.marks_changed()

    def marks_changed(self) -> None:
        """The list shows marks too."""
        self.show_view()

    @work(group="others", exit_on_error=False)
    async def see_other(self, job_id: str) -> None:
        """A marked job as our log and its provider have it."""
        from workbench.workflow.follow import caught_up

        self.post_message(OtherSeen(await aside(caught_up(self.context, job_id))))

    @on(OtherSeen)
    def show_other(self, message: OtherSeen) -> None:
        """Its curve."""
        self._views.setdefault(message.view.job.id, message.view)
        self.show_view()

    def action_compare(self) -> None:
        """What differs between two marked jobs, or a marked one and that under the cursor."""
        here = [self.job.id] if self.job is not None else []
        two = list(dict.fromkeys([*self.marked, *here] if len(self.marked) < 2 else self.marked))
        if len(two) == 2:
            self.notify("Comparing data, settings and results…", timeout=2)
            self.compare(two[0], two[1])
        else:
            self.notify("Two jobs are compared: mark one with space, then put the cursor on the other.")

    @work(exclusive=True, group="compare", exit_on_error=False)
    async def compare(self, one: str, other: str) -> None:
        """Catch up with both, and read their data."""
        from workbench.workflow.follow import caught_up
        from workbench.workflow.job_diff import diff_jobs

        views = (await aside(caught_up(self.context, one)), await aside(caught_up(self.context, other)))
        self.post_message(JobsCompared(await aside_sync(lambda: diff_jobs(self.context, self.project, views))))

    @on(JobsCompared)
    def show_compared(self, message: JobsCompared) -> None:
        """Over the screen."""
        from workbench.screens.dialogs.job_diff import JobDiffDialog

        self.app.push_screen(JobDiffDialog(message.found))

    # Numbers --------------------------------------------------------------------------------------------------------

    def action_table(self) -> None:
        """All numbers by step."""
        if self.view is not None:
            self.make_table(self.view)

    @work(exclusive=True, group="table", exit_on_error=False)
    async def make_table(self, view: JobView) -> None:
        """Join the series by step."""
        from workbench.workflow.series_table import columns_of, rows_of

        rows = await aside_sync(lambda: list(rows_of(view.series)))
        self.post_message(TableMade(columns_of(view.series), rows))

    @on(TableMade)
    def show_table(self, message: TableMade) -> None:
        """Over the screen."""
        from workbench.screens.dialogs.series_table import SeriesTableDialog

        title = f"Numbers of {self.view.job.id}" if self.view is not None else "Numbers"
        self.app.push_screen(SeriesTableDialog(title, message.columns, message.rows))

    def action_export(self) -> None:
        """Ask where to, and write all series as CSV."""
        from workbench.screens.dialogs.path import PathDialog

        view = self.view
        if view is None:
            return

        def chosen(path: Path | None) -> None:
            if path is not None:
                self.write_csv(path, view)

        title = "Write the numbers of this job as CSV to a new file"
        self.app.push_screen(PathDialog(title, start=f"{visible_line(view.job.id)}.csv", does="writes"), chosen)

    @work(exclusive=True, group="csv", exit_on_error=False)
    async def write_csv(self, path: Path, view: JobView) -> None:
        """Never over a file that is there."""
        from workbench.workflow.series_table import write_csv

        await aside_sync(lambda: write_csv(path, view.series))
        self.post_message(CsvWritten(path))

    @on(CsvWritten)
    def show_written(self, message: CsvWritten) -> None:
        """Say where."""
        self.notify(f"written: {visible_line(str(message.path))}", markup=False)

    # Runs of others -------------------------------------------------------------------------------------------------

    def action_attach(self) -> None:
        """Ask where a run's files are, and follow it."""
        from workbench.screens.dialogs.path import PathDialog

        def chosen(path: Path | None) -> None:
            if path is not None:
                self.attach(path)

        title = "Follow a run by its files: TensorBoard, trainer_state.json, results.csv, a log, or their folder"
        self.app.push_screen(PathDialog(title, does="follows"), chosen)

    @work(exclusive=True, group="attach", exit_on_error=False)
    async def attach(self, path: Path) -> None:
        """Read what the run wrote so far."""
        from workbench.workflow.attach import attach

        self.post_message(Attached((await aside(attach(self.context, path))).job))

    def action_detach(self) -> None:
        """Forget the attached run under the cursor, after a yes."""
        from workbench.screens.dialogs.confirm import ConfirmDialog

        job = self.job
        if job is None:
            return
        path = visible_line(str(job.metadata.get("path", "")))

        def answered(yes: bool | None) -> None:
            if yes:
                self.detach(job.id)

        said = f"Only our record of it goes. The run goes on, {path} stays as it is."
        self.app.push_screen(ConfirmDialog(f"Forget {job.id}?", said), answered)

    @work(exclusive=True, group="attach", exit_on_error=False)
    async def detach(self, job_id: str) -> None:
        """Remove our record, when nobody here writes it any more."""
        from workbench.workflow.attach import detach

        following = self.workers.cancel_group(self, "follow")
        await asyncio.gather(*(worker.wait() for worker in following), return_exceptions=True)
        await aside_sync(lambda: detach(self.context, job_id))
        self.post_message(Detached(job_id))
