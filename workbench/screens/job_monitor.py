"""One job, or several over each other: how far it is, what is wrong, its curves and its events."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Final

from textual.containers import Vertical
from textual.widget import Widget
from textual.widgets import Static

from workbench.screens.metric_groups import LOSS, Group, groups_of
from workbench.terminal.escape import visible_line
from workbench.widgets.chart import SeriesChart
from workbench.widgets.event_list import EventList
from workbench.widgets.part_lines import PartLines
from workbench.widgets.plot import Point
from workbench.widgets.textline import Piece, TextLine, title, width_of
from workbench.widgets.words import amount, duration, state_piece

if TYPE_CHECKING:
    from workbench.providers.jobs import Job
    from workbench.workflow.alerts import Alert
    from workbench.workflow.follow import JobView
    from workbench.workflow.so_far import SoFar
    from workbench.workflow.wish import Wish

ROLES: Final = {"asked": "muted", "running": "accent", "done": "good", "could-not": "bad", "dropped": "warning"}
"""How the states of what follows a job look."""
SMOOTHINGS: Final = (0.0, 0.6, 0.9, 0.97)
"""What `s` goes through: weights of the moving average."""
MACHINE_LINES: Final = 3
"""Of processors and GPUs; a machine with more of them is counted in the last one."""


class JobMonitor(Vertical):
    """Shows what it is given; asks nobody."""

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self._state = TextLine(id="state")
        self._trouble, self._below = Static(id="trouble", classes="-none", markup=False), ""
        self._alert = TextLine(id="alert")
        self._machine = PartLines(MACHINE_LINES, id="machine")
        self._after = TextLine(id="after", classes="-none")
        self.chart = SeriesChart(id="chart")
        self.events = EventList(id="events")
        self._view: JobView | None = None
        self._others: Mapping[str, JobView] = {}
        self._title = LOSS.title
        """Of the chart that is shown; kept from job to job."""

    def compose(self) -> Iterable[Widget]:
        """The lines, the chart, the events."""
        yield self._state
        yield self._trouble
        yield self._after
        yield self._alert
        yield self._machine
        yield self.chart
        yield self.events

    @property
    def group(self) -> Group:
        """The series that are charted now."""
        groups = self._groups()
        return next((group for group in groups if group.title == self._title), groups[0] if groups else LOSS)

    def _groups(self) -> list[Group]:
        names: dict[str, None] = {}
        for view in (self._view, *self._others.values()):
            names |= dict.fromkeys(view.series if view is not None else ())
        return groups_of(names)

    def show(self, job: Job | None, view: JobView | None, others: Mapping[str, JobView]) -> None:
        """Show a job as it was last seen; `others` by their legend lie over it, its own included."""
        self._view, self._others = view, others
        group, chart = self.group, self.chart
        chart.overlay = len(others) > 1
        if chart.overlay:
            name = {title: self._lead(other, group) for title, other in others.items()}
            chart.series = {title: self._points(other, name[title]) for title, other in others.items()}
        else:
            chart.series = {title: self._points(view, key) for key, title in group.series.items()}
        chart.last_step = view.total_steps if view is not None and not view.ended and not chart.overlay else None
        chart.empty_text = f"no {group.title} reported yet" if job is not None else ""
        if chart.by_time and view is not None and not any(chart.series.values()) and view.times:
            chart.empty_text = "its files do not say when each step was: t goes back to steps"
        chart.caption = self._caption(group)
        self.events.show_events(view.events if view is not None else ())
        self.border_title = title(f"{job.model} · {job.id}") if job is not None else ""

    def _caption(self, group: Group) -> str:
        """Which chart it is, and of how many."""
        groups = self._groups()
        if len(groups) < 2:
            return group.title if self.chart.overlay else ""
        return f"{group.title} {groups.index(group) + 1}/{len(groups)}"

    def _lead(self, view: JobView, group: Group) -> str:
        """The series of a group that stands for the job: the first that it has."""
        return next((name for name in group.series if view.series.get(name)), "")

    def _points(self, view: JobView | None, name: str) -> Sequence[Point]:
        points = view.series.get(name, ()) if view is not None else ()
        if view is None or not self.chart.by_time:
            return points
        times = dict(view.times)
        start = min(times.values(), default=0.0)
        if len(times) > 1 and max(times.values()) == start:  # a file without times: all of it was read at one moment
            return ()
        return sorted((times[step] - start, value) for step, value in points if step in times)

    def show_state(self, job: Job | None, problem: str, so_far: SoFar | None = None) -> None:
        """How far it is and what it has cost; on the right, or below it, what is in the way of knowing."""
        view = self._view
        if job is None:
            self._state.show([Piece(f" {visible_line(problem)}", "warning")] if problem else [])
            self._say_below("")
            return
        parts = []
        if view is not None and view.step is not None and view.total_steps:
            parts.append(f"step {view.step:,} of {view.total_steps:,}")
        elif view is not None and view.step is not None:
            parts.append(f"step {view.step:,}")
        spent = f"{duration(view.elapsed_s)} so far" if view is not None and view.elapsed_s is not None else ""
        if spent:
            parts.append(spent)
        if view is not None and view.eta_s is not None:
            parts.append(f"{duration(view.eta_s)} left")
        tokens, about = _tokens(job, view), ""
        if tokens is None and so_far is not None and so_far.tokens.value is not None and not job.ended:
            tokens, about = int(so_far.tokens.value), "≈ "
        if tokens:
            parts.append(f"{about}{tokens:,} tokens")
        if so_far is not None and so_far.cost.value is not None and not job.ended:
            parts.append(f"≈ {amount(so_far.cost.value, so_far.cost.unit)}")
        if job.replay:
            parts.append("recorded")
        left = [Piece(" "), state_piece(job.status), Piece("  " + " · ".join(parts))]
        if spent and self.size.width and width_of(left) > self.size.width:  # what is left says more
            left[-1] = Piece("  " + " · ".join(part for part in parts if part != spent))
        error = job.error.message if job.error else None
        if job.status == "failed" and error:
            left = [Piece(" "), state_piece(job.status), Piece(f"  {visible_line(str(error))}", "bad")]
        if view is not None and view.outage is None:
            problem = problem or view.trouble or ""
        right = [Piece(f"  {visible_line(problem)} ", "warning")] if problem else []
        fits = not self.size.width or width_of(left) + width_of(right) <= self.size.width
        self._state.show(left, right if fits else ())
        self._say_below("" if fits else visible_line(problem))

    def _say_below(self, problem: str) -> None:
        """In lines of its own: a long sentence beside the state would hide it."""
        if problem != self._below:  # else everything would be laid out anew, and the list's bar sent again
            self._below = problem
            self._trouble.set_class(not problem, "-none")
            self._trouble.update(problem)

    def show_alerts(self, alerts: Sequence[Alert]) -> None:
        """The worst one in a line; no line where nothing is wrong."""
        self._alert.set_class(not alerts, "-none")
        if not alerts:
            self._alert.show()
            return
        more = f"  (and {len(alerts) - 1} more)" if len(alerts) > 1 else ""
        left = [Piece(f" ! {alerts[0].name} ", "warning"), Piece(visible_line(alerts[0].text))]
        self._alert.show(left, [Piece(f"{more}  w: rule ", "muted")])

    def show_after(self, wish: Wish | None) -> None:
        """What was asked to follow the job, and how far that is; no line where nothing was."""
        from workbench.workflow.wish import in_words

        self._after.set_class(wish is None, "-none")
        if wish is None:
            self._after.show()
            return
        state, _, rest = in_words(wish).partition(":")
        self._after.show([Piece(" then ", "muted"), Piece(state, ROLES[wish.state]), Piece(f": {visible_line(rest)}")])

    def show_machine(self, parts: Iterable[str]) -> None:
        """How busy the machine is that trains; no line where it is another one's."""
        self._machine.parts = tuple(map(visible_line, parts))

    # How it is looked at --------------------------------------------------------------------------------------------

    def next_metric(self) -> None:
        """Another chart of those that arrived."""
        titles = [group.title for group in self._groups()]
        if titles:
            self._title = titles[(titles.index(self.group.title) + 1) % len(titles)]
        self.chart.cursor = None

    def choices(self) -> tuple[list[Group], Mapping[str, Sequence[Point]]]:
        """Every chart that can be shown, and the series of the job."""
        return self._groups(), self._view.series if self._view is not None else {}

    def show_metric(self, name: str) -> None:
        """The chart of that title."""
        self._title, self.chart.cursor = name, None

    def next_smoothing(self) -> None:
        """More smoothing, and none again."""
        at = SMOOTHINGS.index(self.chart.smoothing) if self.chart.smoothing in SMOOTHINGS else 0
        self.chart.smoothing = SMOOTHINGS[(at + 1) % len(SMOOTHINGS)]

    def turn_time(self) -> None:
        """Over time, or over steps again."""
        self.chart.by_time = not self.chart.by_time
        self.chart.cursor = None


def _tokens(job: Job, view: JobView | None) -> int | None:
    """Tokens trained on: the provider's count, else the newest that an event told."""
    if job.trained_tokens:
        return job.trained_tokens
    points = view.series.get("tokens") if view is not None else None
    return int(points[-1][1]) if points else None
