"""The form for a new training job: what it would cost and use is shown while it is filled in."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, ClassVar

from textual import on, work
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.suggester import Suggester, SuggestFromList
from textual.widget import Widget
from textual.widgets import Input, Select, Static
from textual.worker import Worker, WorkerState

from workbench.errors import WorkbenchError
from workbench.providers.hyperparameters import EFFORTS
from workbench.screens.aside import aside
from workbench.screens.dialogs.dialog import Dialog
from workbench.screens.dialogs.job_quote import quote_lines, warning_lines
from workbench.screens.dialogs.new_job_messages import (
    AfterQuoted,
    Created,
    Fetching,
    MethodsFound,
    Quoted,
    Refused,
)
from workbench.screens.dialogs.path import PathSuggester
from workbench.screens.job_form import (
    AFTER,
    FIELDS_OF,
    NOTHING_AFTER,
    JobForm,
    form_for,
    form_of,
    request_of,
    tiers_known,
    wish_of_form,
)
from workbench.terminal.escape import visible_line
from workbench.terminal.workarounds import still_cursor
from workbench.widgets.reading import Reading
from workbench.widgets.styles import stylesheet
from workbench.widgets.textline import Line, Piece, wrap
from workbench.widgets.words import figure_pieces

if TYPE_CHECKING:
    from workbench.providers.jobs import Job
    from workbench.providers.request import JobRequest
    from workbench.workflow.context import Context
    from workbench.workflow.like import Pattern
    from workbench.workflow.measure import RunQuote
    from workbench.workflow.project import Project
    from workbench.workflow.quoting import Quote
    from workbench.workflow.wish import Wish

FULL = 11
"""Rows of fields that leave less room for the quote."""
QUOTE_AFTER_S = 0.4
"""Rest after a keystroke before the engine or the price table is asked."""
_ROWS: tuple[tuple[tuple[str, str], ...], ...] = (
    (("profile", "profile"), ("method", "method")),
    (("model", "model"),),
    (("train", "training file"),),
    (("validation", "validation"),),
    (("epochs", "epochs"), ("batch", "batch size")),
    (("rate", "learning rate"), ("seed", "seed")),
    (("suffix", "suffix"), ("tier", "training tier"), ("wandb", "report to W&B")),
    (("beta", "beta"),),
    (("grader", "grader file"), ("effort", "reasoning")),
    (("more", "more settings"),),
    (("then", "then measure"), ("items", "items at most")),
    (("questions", "own questions"), ("ceiling", "USD at most")),
)
_PLACEHOLDERS = {
    "train": "path of a JSONL file",
    "validation": "none",
    "more": "name=value name=value",
    "suffix": "none",
    "seed": "0",
    "grader": "JSON, or a .py file",
    "wandb": "team/project",
    "items": "all",
    "questions": "bundled",
    "ceiling": "its price",
}
_TIERS = (("default", ""),)
_HINT = "tab next field · ctrl+s creates the job · escape {}"


OURS_TO_FETCH = "starter"
"""The base model that is fetched on first need."""
MODEL_MISSING = "model_not_found"
"""The engine's code for a base model that is not here."""


class NewJobDialog(Dialog["Job"]):
    """Closes with the created job, or None."""

    CSS = stylesheet("new_job")
    HINT = _HINT.format("closes")
    CSS_CLASSES = "form"
    BINDINGS: ClassVar[list[BindingType]] = [Binding("ctrl+s,f9", "create", "Create", show=False, priority=True)]

    def __init__(
        self, context: Context, project: Project, pattern: Pattern | None = None, title: str = "New job"
    ) -> None:
        super().__init__()
        self.context = context
        self.project = project
        self._form = form_of(pattern, tiers_known(context)) if pattern is not None else form_for(context, project)
        self._title = title
        self._missing = pattern.missing if pattern is not None else None
        """Why the data of an earlier job is not here."""
        self._quote: Quote | None = None
        self._refused: WorkbenchError | None = None
        """Why there is no quote, nor will be until something is changed."""
        self._after: RunQuote | None = None
        self._creating = False
        self._stoppable = False
        """It is on its way, and nothing that cannot be taken back has been asked for."""
        self._says = Reading(id="quote")

    def compose_body(self) -> Iterable[Widget]:
        """Two columns of fields, the quote below."""
        yield Static(visible_line(self._title), classes="title", markup=False)
        for row in _ROWS:
            with Horizontal(classes="fields", id=f"row-{row[0][0]}"):
                for name, title in row:
                    yield Static(title, classes="field-name", markup=False, id=f"name-{name}")
                    yield self._field(name)
        with Vertical(classes="quote"):
            yield self._says

    def _field(self, name: str) -> Widget:
        value = getattr(self._form, name)
        if name == "profile":
            names = [(visible_line(each), each) for each in sorted(self.context.profiles())]
            return Select(names, value=value, allow_blank=False, compact=True, id=name)
        if name == "tier":
            return Select(
                [*_TIERS, *tiers_known(self.context).items()],
                value=value,
                allow_blank=False,
                compact=True,
                id=name,
            )
        if name == "effort":
            return Select([(each, each) for each in EFFORTS], value=value, allow_blank=False, compact=True, id=name)
        if name == "method":
            methods = [(each, each) for each in self._methods()]
            return Select(methods, value=value, allow_blank=False, compact=True, id=name)
        if name == "then":
            return Select(list(AFTER), value=value, allow_blank=False, compact=True, id=name)
        suggester: Suggester | None = None
        if name in ("train", "validation", "grader", "questions"):
            suggester = PathSuggester()
        elif name == "model":
            suggester = SuggestFromList(_models_of(self.context, self.project))
        placeholder = _PLACEHOLDERS.get(name, "default")
        field = Input(value, placeholder=placeholder, suggester=suggester, select_on_focus=False, compact=True, id=name)
        still_cursor(field)
        return field

    def _methods(self) -> list[str]:
        known = list(self.context.profile(self._form.profile).capabilities.methods)
        return known if self._form.method in known else [self._form.method, *known]

    def on_mount(self) -> None:
        """Quote what would be trained as it is."""
        self.query_one("#model", Input).focus()
        self._show_fields()
        self.find_methods(self._form.profile)
        self.quote()

    # What a profile and a method have -------------------------------------------------------------------------------

    def _show_fields(self) -> None:
        """Only what this method of this profile takes."""
        shown = FIELDS_OF.get(self._form.method, ())
        for name in ("beta", "grader"):
            self.query_one(f"#row-{name}").display = name in shown
        able = self.context.profile(self._form.profile).capabilities
        for name, there in (("wandb", able.integrations), ("tier", able.tiers)):
            for part in (f"#name-{name}", f"#{name}"):
                self.query_one(part).display = bool(there)
        measures = self._form.then != NOTHING_AFTER
        for part in ("#name-items", "#items"):
            self.query_one(part).visible = measures  # its place is kept: the choice beside it stays as wide as it is
        self.query_one("#row-questions").display = measures
        self.set_class(sum(row.display for row in self.query(".fields")) >= FULL, "-full")

    @work(exclusive=True, group="methods", exit_on_error=False)
    async def find_methods(self, profile: str) -> None:
        """Ask what it trains with."""
        from workbench.workflow.train import methods_of

        try:
            self.post_message(MethodsFound(profile, await aside(methods_of(self.context, profile))))
        except WorkbenchError:
            return  # the quote says why the profile cannot be asked

    @on(MethodsFound)
    def show_methods(self, message: MethodsFound) -> None:
        """Offer them, the one that was chosen still chosen where it is among them."""
        if message.profile != self._form.profile or not message.methods:
            return
        choice: Select[str] = self.query_one("#method", Select)
        kept = self._form.method if self._form.method in message.methods else message.methods[0]
        with self.prevent(Select.Changed):
            choice.set_options([(visible_line(each), each) for each in message.methods])
            choice.value = kept
        self.changed()

    # What the form says ---------------------------------------------------------------------------------------------

    def _read(self) -> JobForm:
        values: dict[str, Any] = {field.id: field.value for field in self.query(Input) if field.id}
        values |= {choice.id: str(choice.value) for choice in self.query(Select) if choice.id}
        return JobForm(**values)

    @on(Input.Changed)
    @on(Select.Changed)
    def changed(self) -> None:
        """Another job: another quote."""
        if self._read() == self._form or self._creating:
            return
        before, self._form = self._form, self._read()
        self._quote = self._after = self._refused = None
        self._show_fields()
        if before.profile != self._form.profile:
            self.find_methods(self._form.profile)
        self.quote()

    @work(exclusive=True, group="quote", exit_on_error=False)
    async def quote(self) -> None:
        """Ask what the job would cost and use, once the typing rests."""
        from workbench.workflow.after_quote import agreed_ceiling, quote_after
        from workbench.workflow.quoting import quote_job

        self._tell([Piece("Working out cost, memory and time…", "muted")])
        await asyncio.sleep(QUOTE_AFTER_S)
        try:
            request = request_of(self._form, self.context)
            if (wish := wish_of_form(self._form, self.project)) is not None:
                asked = quote_after(self.context, self.project, wish, profile=request.profile, model=request.model)
                after = await aside(asked)
                agreed_ceiling(after, wish.max_cost)  # said now, not after a yes
                self.post_message(AfterQuoted(after))
            self.post_message(Quoted(await aside(quote_job(self.context, request))))
        except WorkbenchError as error:
            self.post_message(Refused(error))

    @on(AfterQuoted)
    def keep_after(self, message: AfterQuoted) -> None:
        """Shown with the job's own price."""
        self._after = message.after

    @on(Quoted)
    def show_quote(self, message: Quoted) -> None:
        """Cost, memory, time, and what would endanger the job."""
        quote, after = message.quote, self._after
        self._quote, self._refused = quote, None
        self._says.show_text(lambda width: quote_lines(quote, after, width))

    @on(Refused)
    def show_refused(self, message: Refused) -> None:
        """What is wrong, where it was typed."""
        self._creating = False
        self._refused = message.error if self._quote is None else None
        if message.error.code == MODEL_MISSING and self._form.model == OURS_TO_FETCH:
            about = f"{OURS_TO_FETCH} is not on this machine yet: ctrl+s fetches it, then creates the job. "
            self._says.show_text(
                lambda width: warning_lines([about + "What it needs is known when it is here."], width)
            )
            return
        self._show_hint()
        told = message.error
        if self._missing is not None and not self._form.train.strip():
            told = WorkbenchError("training file", self._missing, "give the path of a JSONL file")
        text, way_out = visible_line(told.message), visible_line(told.hint)
        self._says.show_text(
            lambda width: [
                *((Piece(line, "bad"),) for line in wrap(f"✗ {text}", width)),
                *((Piece(line),) for line in wrap(f"→ {way_out}", width) if way_out),
            ]
        )

    def _tell(self, line: Line) -> None:
        self._says.show_text(lambda width: [line])

    # Creating -------------------------------------------------------------------------------------------------------

    def action_create(self) -> None:
        """Create the job; where it can cost money, after a yes."""
        if self._creating:
            return
        from workbench.workflow.after_quote import agreed_ceiling

        try:
            request = request_of(self._form, self.context)
            billed = not self.context.profile(request.profile).capabilities.own_machine
            wish, after = wish_of_form(self._form, self.project), self._after
            if wish is not None and after is None:
                self._tell([Piece("Wait until it is known what measuring takes.", "warning")])
                return
            if wish is not None and after is not None:
                wish = wish.model_copy(update={"max_cost": agreed_ceiling(after, wish.max_cost)})
        except WorkbenchError as error:
            self.post_message(Refused(error))
            return
        if billed and self._refused is not None:
            self.post_message(Refused(self._refused))
            return
        if billed and self._quote is None:
            self._tell([Piece("Wait for the price: this job can cost money.", "warning")])
            return
        prices = []
        if billed and self._quote is not None:
            price = "".join(piece.text for piece in figure_pieces(self._quote.cost))
            spends = "It can cost money" if self._quote.needs_yes else "A recording answers, so nothing is spent"
            prices.append(f"{spends}: {price}.")
            if (hosting := self._quote.hosting) is not None and hosting.value is not None:
                prices.append(f"Its model costs {figure_pieces(hosting)[0].text} more while it is deployed.")
            if self._quote.eligibility.eligible is False:
                prices.insert(0, f"It will probably be refused: {self._quote.warnings[0]}.")
        if wish is not None and after is not None and after.needs_yes:
            prices.append(f"Measuring its model then stops at ${wish.max_cost:,.4f}.")
        if not prices:
            self._start(request, wish)
            return
        from workbench.screens.dialogs.confirm_command import ConfirmCommandDialog
        from workbench.workflow.same_by_azd import submitting_by_azd

        commands = submitting_by_azd(self.context, request)
        dialog = ConfirmCommandDialog(f"Create a job on {request.profile}?", " ".join(prices), commands)
        self.app.push_screen(dialog, lambda yes: self._start(request, wish) if yes else None)

    def _start(self, request: JobRequest, wish: Wish | None) -> None:
        self._creating = self._stoppable = True
        self._show_hint()
        self.workers.cancel_group(self, "quote")
        self._tell([Piece("Creating the job…")])
        self.create(request, wish)

    def _show_hint(self) -> None:
        self.query_one(".hint", Static).update(_HINT.format("stops" if self._creating else "closes"))

    @work(group="create", exit_on_error=False)
    async def create(self, request: JobRequest, wish: Wish | None) -> None:
        """Fetch the base model where it is ours to fetch, then create; once."""
        from workbench.workflow.answering import ensure_model
        from workbench.workflow.quickstart import pull_notice
        from workbench.workflow.train import CREATING, create_job
        from workbench.workflow.wish import ask

        def also(job: Job) -> None:
            if wish is not None:
                ask(self.context, job, wish)

        def fetching(line: Any) -> None:
            notice = pull_notice("model", line)
            done = f", {notice.fraction:.0%}" if notice.fraction is not None else ""
            self.post_message(Fetching(f"{notice.text}{done}"))

        def uploading(text: str) -> None:
            self.post_message(Fetching(text, stoppable=text != CREATING))

        try:
            if self.context.profile(request.profile).capabilities.own_machine:
                await aside(ensure_model(self.context, request.model, fetching))
            creating = create_job(self.context, request, project=self.project.slug, also=also, progress=uploading)
            self.post_message(Created(await aside(creating)))
        except WorkbenchError as error:
            self.post_message(Refused(error))

    @on(Fetching)
    def show_fetching(self, message: Fetching) -> None:
        """How far the base model, or the upload, is."""
        if self._creating:
            self._stoppable = message.stoppable
            self._tell([Piece(visible_line(message.text))])

    @on(Created)
    def created(self, message: Created) -> None:
        """Close with the job."""
        self.dismiss(message.job)

    def action_leave(self) -> None:
        """Close; stop what is on its way; but not while the job is being created, which cannot be taken back."""
        if not self._creating:
            self.dismiss(None)
        elif self._stoppable:
            self.workers.cancel_group(self, "create")
            self._creating = self._stoppable = False
            self._show_hint()
            self._tell([Piece("Stopped; no job was created. What has arrived is not sent again.", "warning")])

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        """An unforeseen failure is told like any other."""
        if event.state is WorkerState.ERROR and event.worker.error is not None:
            why = f"failed unexpectedly ({type(event.worker.error).__name__})"
            self.post_message(Refused(WorkbenchError("This step", why, "the trace is in the log")))


def _models_of(context: Context, project: Project) -> list[str]:
    """Names worth completing: the project's base and the models that its jobs made."""
    from workbench.workflow.job_records import recorded_jobs

    made = [one.job.fine_tuned_model for one in recorded_jobs(context).values() if one.job.fine_tuned_model]
    return [project.document.training.model, "starter", *made]
