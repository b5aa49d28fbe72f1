"""A bulk rewrite by a model: what it is told, what that costs, then the asking."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, ClassVar

from textual import on, work
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.message import Message
from textual.suggester import SuggestFromList
from textual.widget import Widget
from textual.widgets import Input, Select, Static, TextArea
from textual.worker import Worker, WorkerState

from workbench.errors import WorkbenchError
from workbench.screens.aside import aside
from workbench.screens.dialogs.dialog import Dialog
from workbench.terminal.escape import visible_line
from workbench.terminal.workarounds import still_cursor
from workbench.widgets.pace import NORMAL_HZ, Pace
from workbench.widgets.reading import Reading
from workbench.widgets.styles import stylesheet
from workbench.widgets.textline import Line, Piece, wrap
from workbench.widgets.words import figure_pieces

if TYPE_CHECKING:
    from workbench.screens.preview import Target
    from workbench.workflow.context import Context
    from workbench.workflow.rewrite import RewritePlan, Rewrote

ROLES = (("the assistant's", "assistant"), ("the user's", "user"), ("the system's", "system"))
PROMPT = "Correct spelling and grammar. Keep the meaning and the language. Answer with the corrected text alone."


class Planned(Message):
    """What would be asked, and what it would cost."""

    def __init__(self, plan: RewritePlan) -> None:
        super().__init__()
        self.plan = plan


class Asked(Message):
    """How many texts were asked about."""

    def __init__(self, done: int, total: int, failed: int) -> None:
        super().__init__()
        self.done, self.total, self.failed = done, total, failed

    def can_replace(self, message: Message) -> bool:
        """Only the newest matters."""
        return isinstance(message, Asked)


class Answered(Message):
    """All were asked."""

    def __init__(self, result: Rewrote) -> None:
        super().__init__()
        self.result = result


class Refused(Message):
    """It cannot be done as it is."""

    def __init__(self, error: WorkbenchError) -> None:
        super().__init__()
        self.error = error


class RewriteDialog(Dialog[dict[str, Any]]):
    """Closes with a `rewrite` step that holds all answers, or None. Nothing is asked before the price was shown."""

    TITLE_TEXT = "Rewrite by a model"
    HINT = "ctrl+s the price, again: asks · tab next field · escape closes"
    CSS = stylesheet("rewriting")
    CSS_CLASSES = "form"
    BINDINGS: ClassVar[list[BindingType]] = [Binding("ctrl+s,f9", "go_on", show=False, priority=True)]

    def __init__(self, context: Context, target: Target, model: str = "local/starter") -> None:
        super().__init__()
        self.context = context
        self._target = target
        self._model = model
        self._plan: RewritePlan | None = None
        self._asking = False
        self._says = Reading(id="says")

    def compose_body(self) -> Iterable[Widget]:
        """Who, whose texts, what it is told, and what comes of it."""
        names = [f"{name}/" for name in sorted(self.context.profiles())]
        with Horizontal(classes="fields"):
            yield Static("model", classes="field-name", markup=False)
            field = Input(
                self._model, suggester=SuggestFromList(names), select_on_focus=False, compact=True, id="model"
            )
            still_cursor(field)
            yield field
        with Horizontal(classes="fields"):
            yield Static("texts that are", classes="field-name", markup=False)
            yield Select(list(ROLES), value="assistant", allow_blank=False, compact=True, id="role")
        yield Static(
            "What it is told; {text} stands for the text, {conversation} for what was said before it",
            classes="about", markup=False,
        )  # fmt: skip
        yield TextArea(PROMPT, id="prompt", soft_wrap=True, tab_behavior="focus")
        yield self._says

    def on_mount(self) -> None:
        """Keys go to the prompt."""
        still_cursor(self.query_one(TextArea))
        self.query_one(TextArea).focus()
        self._tell([(f"{self._target.count:,} records: {self._target.said}", "muted")])

    @on(Input.Changed)
    @on(Select.Changed)
    @on(TextArea.Changed)
    def changed(self) -> None:
        """Another question has another price."""
        if not self._asking:
            self._plan = None

    def action_go_on(self) -> None:
        """The price; then, when it was shown, the asking."""
        if self._asking:
            return
        if self._plan is None:
            self._tell([("counting…", "muted")])
            self.plan(self.query_one(Input).value.strip(), str(self.query_one(Select).value))
        else:
            self._asking = True
            self._tell([("asking…", "muted")])
            self.ask(self._plan)

    @work(thread=True, exclusive=True, group="plan", exit_on_error=False)
    def plan(self, model: str, role: str) -> None:
        """Count what would be asked."""
        from workbench.workflow.rewrite import plan_rewrite

        profile, slash, name = model.partition("/")
        if not slash or not name:
            hint = "write PROFILE/MODEL, like local/starter"
            self.post_message(Refused(WorkbenchError("model", f"{model!r} names no model of a profile", hint)))
            return
        records = ((row, raw) for row, raw, _ in self._target.records())
        prompt = self.query_one(TextArea).text
        try:
            made = plan_rewrite(
                self.context, records, self._target.format, profile=profile, model=name, prompt=prompt, role=role
            )
            self.post_message(Planned(made))
        except WorkbenchError as error:
            self.post_message(Refused(error))

    @on(Planned)
    def show_plan(self, message: Planned) -> None:
        """The price, before anything is spent."""
        plan = self._plan = message.plan
        title = (Piece(f"{len(plan.requests):,} texts in {plan.records:,} records"),)
        rows = (("tokens in", plan.prompt_tokens), ("tokens out", plan.completion_tokens), ("cost", plan.cost))
        lines: list[Line] = [(Piece(f"{name:<12}", "muted"), *figure_pieces(figure)) for name, figure in rows]
        self._says.show_text(lambda width: [title, *lines, (Piece("ctrl+s asks the model", "accent"),)])

    @work(exclusive=True, group="ask", exit_on_error=False)
    async def ask(self, plan: RewritePlan) -> None:
        """Ask the model for every text."""
        from workbench.workflow.rewrite import run_rewrite

        pace: Pace[tuple[int, int, int]] = Pace(lambda far: self.post_message(Asked(*far)), NORMAL_HZ)
        try:
            done = run_rewrite(self.context, plan, progress=lambda *far: pace.offer(far))
            self.post_message(Answered(await aside(done)))
        except WorkbenchError as error:
            self.post_message(Refused(error))

    @on(Asked)
    def show_asked(self, message: Asked) -> None:
        """How far it is."""
        failed = f", {message.failed:,} failed" if message.failed else ""
        self._tell([(f"{message.done:,} of {message.total:,} texts{failed}…", "muted")])

    @on(Answered)
    def close_answered(self, message: Answered) -> None:
        """Close with the answers; what failed is told, and stays as it was."""
        if failures := message.result.failures:
            why = visible_line(failures[0].why)
            self.notify(f"{len(failures):,} texts stay as they are: {why}", severity="warning", markup=False)
        self.dismiss(message.result.step)

    @on(Refused)
    def show_refused(self, message: Refused) -> None:
        """What is wrong; nothing was changed."""
        self._asking, self._plan = False, None
        error = message.error
        self._tell([(f"✗ {error.message}", "bad"), *([(f"→ {error.hint}", "")] if error.hint else [])])

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        """A failure that nobody foresaw is said too."""
        if event.state is WorkerState.ERROR and event.worker.error is not None:
            self._asking = False
            self._tell([(f"✗ {type(event.worker.error).__name__}: {event.worker.error}", "bad")])

    def _tell(self, sentences: Iterable[tuple[str, str]]) -> None:
        told = list(sentences)
        self._says.show_text(
            lambda width: [(Piece(line, role),) for text, role in told for line in wrap(visible_line(text), width)]
        )
