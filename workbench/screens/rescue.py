"""The rescue: a provider's fine-tuned models with the days they have left, and everything of them brought home."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar, Final

from textual import on, work
from textual.binding import BindingType
from textual.widget import Widget

from workbench.actions import bindings_for
from workbench.errors import WorkbenchError
from workbench.screens.aside import aside, aside_sync
from workbench.screens.rescue_messages import (
    InventoryFound,
    Unasked,
)
from workbench.screens.rescue_rows import COLUMNS, cells, detail
from workbench.screens.rescue_working import RescueWork
from workbench.terminal.escape import visible_line
from workbench.widgets.lines import LineList
from workbench.widgets.reading import Reading
from workbench.widgets.styles import stylesheet
from workbench.widgets.table import Table
from workbench.widgets.textline import Line, Piece, TextLine, wrap

if TYPE_CHECKING:
    from workbench.providers.jobs import Job
    from workbench.workflow.context import Context
    from workbench.workflow.project import Project
    from workbench.workflow.rescue import Inventory, TunedModel
    from workbench.workflow.retrain import Retraining, Where

_WHERE: Final[dict[str, Where]] = {"h": "local", "a": "azure"}


class RescueScreen(RescueWork):
    """Over whatever was on screen; escape goes back."""

    MODE = "jobs"
    SHOWS_NEXT_STEP = False
    CSS = stylesheet("rescue")
    BINDINGS: ClassVar[list[BindingType]] = list(bindings_for("rescue"))
    AUTO_FOCUS = "#models LineList"
    HELP = """\
# Rescue

Providers switch fine-tuned models off. Here are yours, the most urgent first, with the days they have left: by the \
provider's own word, else by a dated catalogue.

`s` brings home jobs, events, checkpoints, result files, training and validation files of all of them. At the provider \
it only reads. What is here is not fetched again, so a rescue that was stopped goes on.

`a` records what the models answer to the questions of a file: what a successor is held against. It costs, so the \
price comes first. `i` makes a dataset of stored completions. `t` fills the form of a job that trains the model again, \
here or at Azure, with what was saved.
"""

    def __init__(self, context: Context, project: Project, profile: str | None = None) -> None:
        self._profiles = hosted_profiles(context)
        super().__init__(context, project, profile or self._profiles[0])
        self._again: dict[str, Retraining] = {}
        """How each model is trained again."""
        self._why = ""
        """Why its provider could not be asked."""
        self._about = TextLine(id="about")
        self._table = Table(COLUMNS, id="models")
        self._detail = Reading(id="detail")

    def compose_body(self) -> Iterable[Widget]:
        """Whose models, the models, the one under the cursor, the work."""
        yield self._about
        yield self._table
        yield self._detail
        yield self._state

    def on_mount(self) -> None:
        """Ask at once."""
        self.action_refresh()

    # The models -----------------------------------------------------------------------------------------------------

    def action_refresh(self) -> None:
        """Ask the provider for its models and jobs."""
        self._about.show([Piece(" models of ", "muted"), Piece(visible_line(self.profile), "accent")])
        self._table.list.empty, self._why = f"Asking {self.profile}…", ""
        if self.found is None:
            self._show_models()
        self.ask(self.profile)

    @work(exclusive=True, group="inventory", exit_on_error=False)
    async def ask(self, profile: str) -> None:
        """Two lists; nothing is downloaded."""
        from workbench.workflow.rescue import inventory

        try:
            found = await aside(inventory(self.context, profile))
        except WorkbenchError as error:
            self.post_message(Unasked(profile, error))
            return
        self.post_message(InventoryFound(profile, found, await aside_sync(lambda: self._ways(profile, found))))

    @on(InventoryFound)
    def show_inventory(self, message: InventoryFound) -> None:
        """The list as it is now; a sentence for what could not be asked."""
        if message.profile != self.profile:
            return
        self.take(message.found, message.again)
        models, jobs = len(message.found.models), len(message.found.jobs)
        urgent = sum(one.days_left is not None and 0 < one.days_left < 90 for one in message.found.models)
        told = f"{_count(models, 'fine-tuned model')} · {_count(jobs, 'job')}"
        told += f" · {urgent:,} end{'s' if urgent == 1 else ''} within 90 days" if urgent else ""
        mark = [Piece("recorded ", "warning")] if self.context.profile(self.profile).replay else []
        name = Piece(visible_line(self.profile), "accent")
        self._about.show([Piece(" models of ", "muted"), name, Piece(f"  {told}", "muted")], mark)
        if message.found.notes and not self.working:
            self._say("; ".join(message.found.notes), "warning")

    @on(Unasked)
    def show_unasked(self, message: Unasked) -> None:
        """Below the empty list, in full: what is missing, and the way out."""
        if message.profile != self.profile:
            return
        self.found, self._again, self._why = None, {}, str(message.error)
        self._table.list.empty = f"{self.profile} cannot be asked. p: the next profile"
        self._show_models()

    def take(self, found: Inventory, again: Sequence[Retraining]) -> None:
        """Show the models as they are now, the cursor where it was."""
        here = self.model.id if self.model is not None else None
        self.found, self._again = found, {one.model: one for one in again}
        ids = [one.id for one in found.models]
        self._table.list.empty = f"{self.profile} has no fine-tuned model of yours. p: the next profile"
        self._show_models(cursor=ids.index(here) if here in ids else 0)

    def _show_models(self, cursor: int = 0) -> None:
        models = self.found.models if self.found is not None else ()
        self._table.show_cells([cells(one) for one in models], cursor=cursor)
        self.show_model()
        self.refresh_bindings()

    @property
    def model(self) -> TunedModel | None:
        """The one under the cursor."""
        models = self.found.models if self.found is not None else ()
        row = self._table.list.cursor
        return models[row] if row < len(models) else None

    @on(LineList.Moved, "#models LineList")
    def show_model(self) -> None:
        """In full; without one why there is none."""
        model, why = self.model, visible_line(self._why)
        again = self._again.get(model.id) if model is not None else None

        def lines(width: int) -> list[Line]:
            if model is not None:
                return detail(model, again, width)
            return [(Piece(text, "warning"),) for text in wrap(why, width)] if why else []

        self._detail.show_text(lines)

    def action_profile(self) -> None:
        """The next provider's models."""
        if len(self._profiles) < 2:
            self._say("there is no other profile; `ftwb profile add` makes one")
            return
        at = self._profiles.index(self.profile) if self.profile in self._profiles else -1
        self.profile, self.found = self._profiles[(at + 1) % len(self._profiles)], None
        self._again = {}
        self._say("")
        self.action_refresh()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Only what makes sense now."""
        match action:
            case "stop":
                return self.working
            case "save" | "answers" | "stored":
                return not self.working and bool(self.found and (self.found.models or self.found.jobs))
            case "train":
                return self.model is not None
            case "profile":
                return not self.working
        return True

    # Training again -------------------------------------------------------------------------------------------------

    def action_train(self) -> None:
        """Here or at Azure; where both ways are closed, say why."""
        from workbench.screens.dialogs.choice import Answer, ChoiceDialog

        model = self.model
        again = self._again.get(model.id) if model is not None else None
        if model is None:
            return
        if again is None or not (again.local or again.azure):
            why = "; ".join(again.why_not) if again is not None else "no job of it is listed any more"
            self.show_error(
                WorkbenchError(f"model {model.id}", f"cannot be trained again from here ({why})", "s saves first")
            )
            return
        ways = [Answer("h", "here")] if again.local else []
        ways += [Answer("a", "at Azure")] if again.azure else []
        detail_text = "\n".join(["The form is filled with what was saved; nothing is created yet.", *again.why_not])

        def chosen(key: str | None) -> None:
            if key is not None:
                self.fill_form(model, _WHERE[key])

        self.app.push_screen(ChoiceDialog(f"Train {model.id} again?", detail_text, ways), chosen)

    def fill_form(self, model: TunedModel, where: Where) -> None:
        """The form of a new job."""
        from workbench.screens.dialogs.new_job import NewJobDialog
        from workbench.workflow.retrain import retrain_pattern

        job = next((one for one in (self.found.jobs if self.found else ()) if one.id == model.job), None)
        if job is None:
            return
        try:
            pattern = retrain_pattern(self.context, self.profile, model, job, where)
        except WorkbenchError as error:
            self.show_error(error)
            return
        known = self.context.profiles()
        if pattern.profile not in known:
            pattern = replace(pattern, profile=self.profile)

        def created(job: Job | None) -> None:
            if job is not None:
                self._say(f"job {job.id} is created: 4 shows it", "good")

        dialog = NewJobDialog(self.context, self.project, pattern, f"Train {model.id} again")
        self.app.push_screen(dialog, created)

    # Leaving --------------------------------------------------------------------------------------------------------

    def action_back(self) -> None:
        """Back; work that is under way is let go."""
        self.app.pop_screen()

    def text_to_copy(self) -> str:
        """The model's name."""
        return self.model.id if self.model is not None else ""


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def hosted_profiles(context: Context) -> list[str]:
    """The profiles that others run, those that lack nothing first; OpenAI's own before others."""
    from workbench.providers.profiles import missing

    hosted = [(name, one) for name, one in context.profiles().items() if not one.capabilities.own_machine]
    return [
        name
        for name, _ in sorted(
            hosted, key=lambda pair: (missing(pair[1], context.environ) is not None, pair[1].kind != "openai", pair[0])
        )
    ]
