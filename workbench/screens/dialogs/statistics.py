"""Figures about a dataset: how its tokens spread, what is over the limit, what training would bill."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, ClassVar

from textual import on, work
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.worker import Worker, WorkerState, get_current_worker

from workbench.errors import WorkbenchError
from workbench.screens.dialogs.dialog import Dialog
from workbench.terminal.escape import visible_line
from workbench.widgets.pace import NORMAL_HZ, Pace
from workbench.widgets.reading import Reading
from workbench.widgets.textline import Line, Piece, wrap
from workbench.widgets.words import figure_pieces

if TYPE_CHECKING:
    from collections.abc import Iterable

    from textual.widget import Widget

    from workbench.dataset.stats import Distribution, Stats

BLOCKS = " ▏▎▍▌▋▊▉█"
"""Eighths of a cell."""


class Counted(Message):
    """The figures are known."""

    def __init__(self, stats: Stats) -> None:
        super().__init__()
        self.stats = stats


class Counting(Message):
    """How far the counting is."""

    def __init__(self, percent: int) -> None:
        super().__init__()
        self.percent = percent

    def can_replace(self, message: Message) -> bool:
        """Only the newest matters."""
        return isinstance(message, Counting)


class _Left(Exception):
    """Nobody waits for the figures any more."""


class StatisticsDialog(Dialog[None]):
    """Counts in a thread when it is opened; `count(progress)` gives the figures."""

    TITLE_TEXT = "Statistics"
    HINT = "↑ ↓ scroll · y copies · escape closes"
    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter,q", "leave", show=False)]
    CSS = "#figures { height: auto; max-height: 60vh; }"

    def __init__(self, count: Callable[[Callable[[int, int], None]], Stats]) -> None:
        super().__init__()
        self._count = count
        self._figures = Reading(id="figures")

    def compose_body(self) -> Iterable[Widget]:
        """The figures."""
        yield self._figures

    def on_mount(self) -> None:
        """Begin to count."""
        self._figures.focus()
        self._say("counting…", "muted")
        self.count_tokens()

    @work(thread=True, exclusive=True, group="statistics", exit_on_error=False)
    def count_tokens(self) -> None:
        """Count."""
        worker = get_current_worker()
        pace: Pace[int] = Pace(lambda percent: self.post_message(Counting(percent)), NORMAL_HZ)

        def progress(done: int, total: int) -> None:
            if worker.is_cancelled:
                raise _Left
            pace.offer(done * 100 // max(total, 1))

        try:
            self.post_message(Counted(self._count(progress)))
        except _Left:
            return

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        """Why there are none."""
        if event.worker.group == "statistics" and event.state is WorkerState.ERROR:
            error = event.worker.error
            text = str(error) if isinstance(error, WorkbenchError) else f"{type(error).__name__}: {error}"
            self._say(f"✗ {text}", "bad")

    def _say(self, text: str, role: str) -> None:
        self._figures.show_text(lambda width: [(Piece(line, role),) for line in wrap(visible_line(text), width)])

    @on(Counting)
    def show_counting(self, message: Counting) -> None:
        """How far it is."""
        self._say(f"counting {message.percent} %…", "muted")

    @on(Counted)
    def show_counted(self, message: Counted) -> None:
        """Show the figures."""
        self._figures.show_text(lambda width: list(stats_lines(message.stats, width)))

    def text_to_copy(self) -> str:
        """All figures."""
        return self._figures.text


def stats_lines(stats: Stats, width: int) -> Iterator[Line]:
    """The figures as lines; a histogram by eighths of cells."""
    exact = "exact" if stats.exact else "an estimate"
    yield (
        Piece(f"{stats.records:,} {stats.format} records", "strong"),
        Piece(f" · {stats.encoding}, {exact}", "muted"),
    )
    for line in wrap(visible_line(stats.note), width) if stats.note else ():
        yield (Piece(line, "muted"),)
    yield ()
    yield (Piece(f"{'':<18}{'min':>8}{'median':>9}{'mean':>9}{'p95':>9}{'max':>9}", "muted"),)
    for name, spread in (
        ("tokens", stats.tokens), ("of the assistant", stats.assistant_tokens), ("messages", stats.messages),
    ):  # fmt: skip
        yield (Piece(f"{name:<18}"), Piece(_spread(spread)))
    yield ()
    most = max((one.records for one in stats.histogram), default=1)
    for one in stats.histogram:
        label = f"{one.least:>7,} … {one.most:<7,}"
        yield (Piece(label, "muted"), Piece(_bar(one.records / most, width - 30), "accent"), Piece(f" {one.records:,}"))
    yield ()
    limit = f"over {stats.max_tokens:,} tokens" if stats.max_tokens is not None else "over the limit"
    yield (Piece(f"{limit:<26}"), Piece(f"{stats.over_limit:,}", "warning" if stats.over_limit else ""))
    yield (Piece(f"{'without a system prompt':<26}{stats.missing_system:,}"),)
    yield (Piece(f"{'without a user message':<26}{stats.missing_user:,}"),)
    yield (Piece(f"{'epochs, cookbook’s rule':<26}{stats.n_epochs}"),)
    yield (Piece(f"{'billed tokens':<26}{stats.billable_tokens:,}"),)
    yield (Piece(f"{'training costs':<26}"), *figure_pieces(stats.cost))


def _spread(spread: Distribution) -> str:
    return f"{spread.min:>8,}{spread.median:>9,.0f}{spread.mean:>9,.0f}{spread.p95:>9,.0f}{spread.max:>9,}"


def _bar(share: float, width: int) -> str:
    """A bar of at most `width` cells; something that is there shows at least an eighth."""
    eighths = max(round(share * width * 8), 1 if share else 0)
    return "█" * (eighths // 8) + (BLOCKS[eighths % 8].strip() if eighths % 8 else "")
