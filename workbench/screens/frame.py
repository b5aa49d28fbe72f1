"""What every mode's screen is made of: the modes above, the next step, a body of its own, the keys below."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding
from textual.message import Message
from textual.screen import Screen
from textual.widget import Widget
from textual.worker import Worker, WorkerState

from workbench.errors import WorkbenchError
from workbench.terminal.escape import visible_line
from workbench.widgets.chrome import KeyLine, ModeLine
from workbench.widgets.textline import ROLE_CLASSES, Piece, TextLine

if TYPE_CHECKING:
    from workbench.workflow.context import Context
    from workbench.workflow.project import Project
    from workbench.workflow.wish import Wish

log = logging.getLogger("workbench")

NEXT_STEP = "next-step"
"""The group of the workers that look for the next step."""
NEXT_STEP_AFTER_S = 0.2
"""The next step needs half of the rooms imported: the screen's own contents come first."""

LONG_LIVED = frozenset({"follow", "machine", "after", "ends"})
"""Groups of workers that run as long as their screen or the app; `wait_idle` of the tests does not wait for them."""


class NextStepFound(Message):
    """What to do next, in one line."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.text = text


class Frame(Screen[Any]):
    """A mode's screen. It gets its services as arguments and can be mounted in another app.

    Subclasses set `MODE` and `HELP`, take their bindings from the registry and yield their widgets in `compose_body`.
    Work over about 20 ms goes to a worker (`exit_on_error=False`); an error in it becomes a message here.
    """

    MODE: ClassVar[str]
    SHOWS_NEXT_STEP: ClassVar[bool] = True
    """Whether the line below the modes says what to do next; a screen about one thing says there what it is about."""
    COMPONENT_CLASSES: ClassVar[set[str]] = set(ROLE_CLASSES)
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (100, "-wide")]  # noqa: RUF012 - Textual has it unannotated for mypy
    ALLOW_IN_MAXIMIZED_VIEW = "KeyLine, ModeLine"

    def __init__(self, context: Context, project: Project) -> None:
        super().__init__()
        self.context = context
        self.project = project
        self._next_step = TextLine(classes="next-step")
        self.shown_in = self.MODE
        """The mode that it stands in."""
        self.awaits_next_step = False
        """Whether the line about the next step is still to come."""

    def compose(self) -> ComposeResult:
        """The frame around the body."""
        yield ModeLine(self.project.title, self.shown_in)
        if self.SHOWS_NEXT_STEP:
            yield self._next_step
        yield from self.compose_body()
        yield KeyLine()

    def compose_body(self) -> Iterable[Widget]:
        """The screen's own widgets."""
        return ()

    @property
    def place(self) -> str:
        """The registry's scope of this screen: that of its own bindings, or its mode's."""
        ids = (binding.id or "" for binding in self.BINDINGS if isinstance(binding, Binding))
        return next((action_id.partition(".")[0] for action_id in ids if action_id), self.MODE)

    def on_screen_resume(self) -> None:
        """The next step may be another one after a while on another screen."""
        if not self.SHOWS_NEXT_STEP:
            return
        self.awaits_next_step = True
        self.set_timer(NEXT_STEP_AFTER_S, self.find_next_step)

    @work(thread=True, exclusive=True, group=NEXT_STEP, exit_on_error=False)
    def find_next_step(self) -> None:
        """Ask the project what to do next."""
        from workbench.workflow.guide import next_step

        self.post_message(NextStepFound(next_step(self.context, self.project)))

    @on(NextStepFound)
    def show_next_step(self, message: NextStepFound) -> None:
        """Show it in its line."""
        self.awaits_next_step = False
        self._next_step.show([Piece(" next  ", "muted"), Piece(visible_line(message.text))])

    def after_moved(self, wish: Wish) -> None:
        """What was asked to follow a training is further: a run, a verdict may have come."""
        if self.SHOWS_NEXT_STEP and wish.project == self.project.slug:
            self.find_next_step()

    def last_words(self) -> str:
        """What a person who leaves is told; empty as a rule."""
        return ""

    def unapplied(self) -> str:
        """What would be lost if the app ended now; empty as a rule.

        A screen that has something has an action `apply`, which hands it over and closes, or says why it cannot.
        """
        return ""

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        """A worker that failed says so where the person is."""
        if event.state is not WorkerState.ERROR or event.worker.error is None:
            return
        if event.worker.group == NEXT_STEP:
            # It is asked for at every look at the screen: a dialog each time would be in the way.
            self.awaits_next_step = False
            log.warning("no next step", exc_info=event.worker.error)
            self._next_step.show([Piece(f" ✗ {visible_line(str(event.worker.error))}", "bad")])
        else:
            self.show_error(event.worker.error)

    def show_error(self, error: BaseException) -> None:
        """Show a failure: what, why and the way out; of an unforeseen one the trace goes to the log only."""
        from workbench.screens.dialogs.message import MessageDialog

        if not isinstance(error, WorkbenchError):
            log.error("unforeseen", exc_info=error)
            error = WorkbenchError(
                "This step",
                f"failed unexpectedly ({type(error).__name__})",
                "the trace is in the log (`ftwb doctor` says where)",
            )
        self.app.push_screen(MessageDialog.of(error))

    def action_zoom(self) -> None:
        """The focused part fills the screen, or goes back."""
        if self.maximized is not None:
            self.minimize()
        elif self.focused is not None:
            self.maximize(self.focused)

    def action_copy(self) -> None:
        """Copy the selection, else what the screen says is under the cursor."""
        text = self.get_selected_text() or self.text_to_copy()
        if text:
            self.app.copy_to_clipboard(text)

    def text_to_copy(self) -> str:
        """What `y` copies when nothing is selected."""
        return ""
