"""Jobs: all jobs of all profiles, and the one under the cursor live: losses, events, what can be done with it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, ClassVar, Final

from textual import on, work
from textual.binding import BindingType
from textual.timer import Timer
from textual.widget import Widget

from workbench.actions import bindings_for
from workbench.errors import WorkbenchError
from workbench.screens.aside import aside, aside_sync
from workbench.screens.job_messages import (
    Attached,
    Detached,
    FollowFailed,
    JobActed,
    JobChanged,
    JobsListed,
    LineageFound,
)
from workbench.screens.jobs_next import GoingOn
from workbench.terminal.escape import visible_line
from workbench.widgets import clock
from workbench.widgets.lines import LineList
from workbench.widgets.pace import Pace, tick_s, updates_per_second
from workbench.widgets.styles import stylesheet
from workbench.widgets.table import Column, Table
from workbench.widgets.textline import Piece
from workbench.widgets.words import NOTHING, age, state_piece

if TYPE_CHECKING:
    from workbench.providers.jobs import Job
    from workbench.workflow.context import Context
    from workbench.workflow.follow import JobView
    from workbench.workflow.project import Project
    from workbench.workflow.so_far import Reckoning, SoFar
    from workbench.workflow.train import JobAction, JobList

ENDED: Final = frozenset({"succeeded", "failed", "cancelled"})
LIST_AGAIN_S = 10.0
"""How often the list is asked for while a job of it is under way."""
SETTLE_S = 0.15
"""A cursor that runs through the list does not ask every provider on its way."""
ATTACHED: Final = "attached"
"""The profile of runs that we did not start and cannot control."""
COLUMNS: Final = (
    Column("state"),
    Column("model", grows=True),
    Column("profile", gives_way=1),
    Column("method", gives_way=3),
    Column("step", right=True),
    Column("age", right=True, gives_way=2),
    Column("job", gives_way=4),
)


class JobsScreen(GoingOn):
    """The list above, the job under its cursor below."""

    MODE = "jobs"
    CSS = stylesheet("jobs")
    BINDINGS: ClassVar[list[BindingType]] = list(bindings_for("jobs"))
    AUTO_FOCUS = "#jobs LineList"
    HELP = """\
# Jobs

A *job* is one training. Jobs run in the engine or at a provider, not in this window: closing it, or losing the \
connection, harms none of them.

Below the list is the job under the cursor. The line is the training loss, the dots ● are the loss on the validation \
side. When the dots rise while the line goes on falling, the model learns by heart: an alert says so, with its rule. \
`m` goes through everything that the run reports, `M` lists it. In the chart ← and → read off a step, + and - zoom \
around it. `tab` goes from the list to the chart and the events, `esc` back to the list; `z` makes one of them fill \
the screen.

*then measure* in the form of a new job measures its model as soon as the training has succeeded, on whatever screen \
you are; if ftwb is closed then, when it is open again. The line *then* says how far that is.

`space` marks jobs: their curves lie over each other, each with its letter at the end. `a` follows a run that was not \
started here, by its files: TensorBoard, trainer_state.json, results.csv or a log with `{'loss': …}` lines; `D` takes \
it off the list.

`C` opens the form filled with the job under the cursor, whatever became of it, to be changed and created again. `v` \
shows what it has left: enter on a checkpoint is a job that goes on from it, at Azure `d` deploys it. `R` brings home \
what a provider is about to switch off.
"""

    def __init__(self, context: Context, project: Project) -> None:
        super().__init__(context, project)
        self._following: str | None = None
        self._problem = ""
        self._again: Timer | None = None
        """When the list is asked for again."""
        self._retry_at = 0.0
        """When a provider that is away is tried again, by the monotonic clock: the one on the wall may jump."""
        self._ticking: Timer | None = None
        """Counts down to it."""
        self._table = Table(COLUMNS, empty="Reading the jobs…", id="jobs")

    def compose_body(self) -> Iterable[Widget]:
        """The list, then the job under its cursor."""
        yield self._table
        yield self._monitor

    def on_screen_resume(self) -> None:
        """Back on screen: look again, follow on."""
        self._following = None
        self.action_refresh()

    def on_screen_suspend(self) -> None:
        """Off screen: ask nobody for what nobody sees."""
        self.workers.cancel_group(self, "follow")
        self.workers.cancel_group(self, "list")
        self.watch_machine(False)

    # The list -------------------------------------------------------------------------------------------------------

    def action_refresh(self) -> None:
        """Our records at once, then what the providers say; one that is waited for is tried now."""
        if self._following is not None and self.view is not None and self.view.outage is not None:
            self.follow(self._following)
        self.list_jobs()
        self.read_wishes()

    @work(exclusive=True, group="list", exit_on_error=False)
    async def list_jobs(self) -> None:
        """Read our records, then ask all profiles."""
        from workbench.workflow.job_records import recorded_jobs
        from workbench.workflow.train import JobList, list_jobs

        def recorded() -> JobList:
            jobs = [recorded.job for recorded in recorded_jobs(self.context).values()]
            return JobList(tuple(sorted(jobs, key=lambda job: (job.created_at or 0, job.id), reverse=True)), ())

        self.post_message(JobsListed(await aside_sync(recorded), asked=False))
        listed = await aside(list_jobs(self.context))
        self.post_message(JobsListed(listed, asked=True))

    @on(JobsListed)
    def show_jobs(self, message: JobsListed) -> None:
        """Show the list, the cursor on the job it was on."""
        if not message.asked and self.jobs:
            return
        here = self.job.id if self.job is not None else None
        self.tell_of_ends(self.jobs, message.listed.jobs)
        self.jobs = message.listed.jobs
        self._problem = "; ".join(f"{name} cannot be asked: {why}" for name, why in message.listed.unreachable)
        self._table.list.empty = "No jobs yet: n starts one." if message.asked else "Asking the profiles…"
        ids = [job.id for job in self.jobs]
        self._show_list(cursor=ids.index(here) if here in ids else 0)
        self._show_state()
        self.look_for_stall()
        if self._again is not None:
            self._again.stop()
            self._again = None
        if any(job.status not in ENDED for job in self.jobs):
            self._again = self.set_timer(LIST_AGAIN_S, self.look_again)

    def look_again(self) -> None:
        """Ask for the list again, if somebody is there to see it."""
        if self.is_current:
            self.list_jobs()

    def _show_list(self, cursor: int | None = None) -> None:
        now = clock.now()
        self._table.show_cells([self._cells(job, now) for job in self.jobs], cursor=cursor)

    def _cells(self, job: Job, now: float) -> list[Piece]:
        view = self._views.get(job.id)
        step = NOTHING
        if view is not None and view.step is not None:
            step = f"{view.step:,} / {view.total_steps:,}" if view.total_steps else f"{view.step:,}"
        return [
            state_piece(job.status),
            Piece(f"{'◆ ' if job.id in self.marked else ''}{visible_line(job.fine_tuned_model or job.model)}"),
            Piece(visible_line(job.profile), "muted"),
            Piece(visible_line(job.method), "muted"),
            Piece(step),
            Piece(age(job.created_at, now), "muted"),
            Piece(visible_line(job.id), "muted"),
        ]

    @property
    def job(self) -> Job | None:
        """The job under the cursor, as last seen."""
        row = self._table.list.cursor
        return self.jobs[row] if row < len(self.jobs) else None

    @on(LineList.Moved, "#jobs LineList")
    def job_under_cursor(self, message: LineList.Moved) -> None:
        """Show and follow the job that the cursor came to."""
        job = self.job
        if job is None:
            self._following, self.view = None, None
            self.show_view()
        elif job.id != self._following:
            self._following = job.id
            self.view = self._views.get(job.id)
            self.show_view()
            self.follow(job.id)

    @on(LineList.Chosen, "#jobs LineList")
    def job_chosen(self) -> None:
        """Keys go to the chart."""
        self._monitor.chart.focus()

    def action_back(self) -> None:
        """Keys go to the list again."""
        self._table.list.focus()

    # The job --------------------------------------------------------------------------------------------------------

    @work(exclusive=True, group="follow", exit_on_error=False)
    async def follow(self, job_id: str) -> None:
        """Hand on views of the job until it ends, a few a second at most."""
        from workbench.workflow.alerts import alerts
        from workbench.workflow.follow import follow

        await asyncio.sleep(SETTLE_S)
        hertz = updates_per_second(self.context.environ)
        pace: Pace[tuple[JobView, SoFar | None]] = Pace(
            lambda seen: self.post_message(JobChanged(seen[0], alerts(seen[0], now=clock.now()), seen[1])), hertz
        )

        async def views() -> None:
            import numpy  # noqa: F401 - the chart needs it; here its import holds nobody up

            reckon: Reckoning | None = None
            async for view in follow(self.context, job_id, interval_s=max(1.0, 2.0 / hertz)):
                pace.offer((view, None if reckon is None else reckon(view)))
                if reckon is None and not view.ended:  # the curve first: counting the data may take a while
                    reckon = await asyncio.to_thread(self._reckoning, job_id)
                    pace.offer((view, await asyncio.to_thread(reckon, view)))

        try:
            await aside(views())
        except WorkbenchError as error:
            self.post_message(FollowFailed(job_id, str(error)))
        finally:
            pace.flush()

    def _reckoning(self, job_id: str) -> Reckoning:
        from workbench.workflow.so_far import Reckoning

        return Reckoning(self.context, self.project.document.costs, job_id)

    @on(JobChanged)
    def show_job(self, message: JobChanged) -> None:
        """Show the view; the row in the list too where it says something else now."""
        view = message.view
        before = self._views.get(view.job.id)
        self._views[view.job.id], self._found[view.job.id] = view, message.alerts
        self._so_far[view.job.id] = message.so_far
        self.tell_of_ends(self.jobs, [view.job])
        self.jobs = tuple(view.job if job.id == view.job.id else job for job in self.jobs)
        with self.app.batch_update():
            if before is None or (before.job.status, before.step) != (view.job.status, view.step):
                self._show_list()
            if view.job.id == self._following:
                self.view = view
                self._retry_at = time.monotonic() + (view.outage.wait_s if view.outage is not None else 0.0)
                self.show_view()
            elif view.job.id in self.marked:
                self.show_view()
        if before is not None and view.ended and not before.ended:
            self.find_next_step()

    @on(FollowFailed)
    def show_follow_failed(self, message: FollowFailed) -> None:
        """Say it where the job stands; no dialog for what a wire does now and then."""
        if message.job_id == self._following:
            self._problem = message.why
            self._show_state()

    def show_view(self) -> None:
        """The job, and what is allowed with it now."""
        super().show_view()
        self._show_state()
        job = self.job
        self.watch_machine(job is not None and job.status == "running" and self._trains_here(job))
        self.refresh_bindings()

    def _trains_here(self, job: Job) -> bool:
        known = self.context.profiles().get(job.profile)
        return known is not None and known.capabilities.own_machine

    def _show_state(self) -> None:
        """How the job stands; while its provider is away, counting down to the next try."""
        from workbench.workflow.outage import outage_text

        outage, problem = self.view.outage if self.view is not None else None, self._problem
        if self._ticking is not None:
            self._ticking.stop()
            self._ticking = None
        if outage is not None and self.is_current:
            left = self._retry_at - time.monotonic()
            problem = outage_text(outage, left, now=clock.now())
            self._ticking = self.set_timer(tick_s(self.context.environ), self._show_state) if left > 0 else None
        self._monitor.show_state(self.job, problem, self._so_far.get(self._following or ""))

    def marks_changed(self) -> None:
        """The list shows marks too."""
        self._show_list()
        super().marks_changed()

    # What a person can do -------------------------------------------------------------------------------------------

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Only what the job under the cursor allows now."""
        if action not in ("pause", "resume", "cancel", "lineage", "detach", "clone", "checkpoints"):
            return True
        job = self.job
        if job is None or (job.profile == ATTACHED) != (action == "detach"):
            return False
        match action:
            case "pause":
                return job.status in ("running", "queued") and self._can_pause(job)
            case "resume":
                return job.status == "paused"
            case "cancel":
                return job.status not in ENDED
        return True

    def _can_pause(self, job: Job) -> bool:
        try:
            return self.context.profile(job.profile).capabilities.pause
        except WorkbenchError:
            return False

    def action_pause(self) -> None:
        """Pause it."""
        if self.job is not None:
            self.act(self.job.id, "pause")

    def action_resume(self) -> None:
        """Resume it."""
        if self.job is not None:
            self.act(self.job.id, "resume")

    def action_cancel(self) -> None:
        """Cancel it, after a yes."""
        from workbench.screens.dialogs.confirm_command import ConfirmCommandDialog
        from workbench.workflow.same_by_azd import acting_by_azd

        job = self.job
        if job is None:
            return
        lost = "What it has learned so far is discarded. To go on later, pause it instead."
        commands = acting_by_azd(self.context, job.profile, "cancel", job.id)
        dialog = ConfirmCommandDialog(f"Cancel {job.id}?", lost, commands)

        def answered(yes: bool | None) -> None:
            if yes:
                self.act(job.id, "cancel")

        self.app.push_screen(dialog, answered)

    @work(group="act", exit_on_error=False)
    async def act(self, job_id: str, action: JobAction) -> None:
        """Ask the provider for it."""
        from workbench.workflow.train import job_action

        self.post_message(JobActed(await aside(job_action(self.context, job_id, action)), action))

    @on(JobActed)
    def show_acted(self, message: JobActed) -> None:
        """The list as it is now, and the job followed on; at Azure with the command that does the same."""
        from workbench.workflow.same_by_azd import acting_by_azd

        for command in acting_by_azd(self.context, message.job.profile, message.action, message.job.id):
            self.notify(visible_line(f"The same: {command}"), markup=False)
        self._following = None
        self.jobs = tuple(message.job if job.id == message.job.id else job for job in self.jobs)
        self._show_list()
        self.list_jobs()

    def arrive(self, candidates: Sequence[str]) -> None:
        """Somebody comes from another mode to train."""
        self.action_new()

    def action_new(self) -> None:
        """Ask what to train, and start it."""
        from workbench.screens.dialogs.new_job import NewJobDialog

        self.app.push_screen(NewJobDialog(self.context, self.project), self.job_created)

    def job_created(self, job: Job | None) -> None:
        """Put the cursor on the new job."""
        if job is None:
            return
        self.read_wishes()
        self.jobs = (job, *self.jobs)
        self._following = None
        self._show_list(cursor=0)
        self.list_jobs()

    @on(Attached)
    def show_attached(self, message: Attached) -> None:
        """Put the cursor on the run."""
        self.jobs = tuple(job for job in self.jobs if job.id != message.job.id)
        self.job_created(message.job)

    @on(Detached)
    def show_detached(self, message: Detached) -> None:
        """Without it; the cursor on what stands there now."""
        self._views.pop(message.job_id, None)
        self.marked.pop(message.job_id, None)
        self.jobs = tuple(job for job in self.jobs if job.id != message.job_id)
        self._following, self.view = None, None
        self._show_list()
        self.list_jobs()

    def action_lineage(self) -> None:
        """What made the model of the job under the cursor."""
        if self.job is not None:
            self.find_lineage(self.job.id)

    @work(exclusive=True, group="lineage", exit_on_error=False)
    async def find_lineage(self, job_id: str) -> None:
        """Ask the engine for its manifest, and our records."""
        import json

        from workbench.workflow.train import lineage

        found = await aside(lineage(self.context, job_id))
        self.post_message(LineageFound(job_id, json.dumps(found, ensure_ascii=False, indent=2, default=str)))

    @on(LineageFound)
    def show_lineage(self, message: LineageFound) -> None:
        """As it is recorded."""
        from workbench.screens.dialogs.text import TextDialog

        self.app.push_screen(TextDialog(f"What made {message.job_id}", message.text))

    def text_to_copy(self) -> str:
        """The event under the cursor, else the tuned model's name or the job's id."""
        if self.focused is self._monitor.events and self._monitor.events.current is not None:
            return self._monitor.events.current.message
        return (self.job.fine_tuned_model or self.job.id) if self.job is not None else ""
