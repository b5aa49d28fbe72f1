"""The work of a rescue: saving, answers, stored completions; one at a time, with its progress and a stop."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from textual import on, work
from textual.worker import Worker, WorkerState

from workbench.screens.aside import aside, aside_sync
from workbench.screens.frame import Frame
from workbench.screens.rescue_messages import AnswersRecorded, Priced, Progressed, Saved, StoredWritten
from workbench.terminal.escape import visible_line
from workbench.widgets.pace import NORMAL_HZ, Pace
from workbench.widgets.textline import Piece, TextLine
from workbench.widgets.words import figure_pieces

if TYPE_CHECKING:
    from workbench.catalog.figure import Figure
    from workbench.workflow.context import Context
    from workbench.workflow.project import Project
    from workbench.workflow.rescue import Inventory, TunedModel
    from workbench.workflow.retrain import Retraining

WORK: Final = "work"
"""The group of what `x` stops."""


class RescueWork(Frame):
    """Base of the Rescue screen: what is done with the models that it lists."""

    def __init__(self, context: Context, project: Project, profile: str) -> None:
        super().__init__(context, project)
        self.profile = profile
        self.found: Inventory | None = None
        self.working = False
        self._state = TextLine(id="state")

    @property
    def model(self) -> TunedModel | None:
        """The one under the cursor."""
        raise NotImplementedError

    def action_refresh(self) -> None:
        """Ask the provider for its models and jobs."""
        raise NotImplementedError

    def take(self, found: Inventory, again: Sequence[Retraining]) -> None:
        """Show the models as they are now."""
        raise NotImplementedError

    def _ways(self, profile: str, found: Inventory) -> list[Retraining]:
        from workbench.workflow.retrain import retrainings

        return retrainings(self.context, profile, found.models, found.jobs)

    def _begin(self, text: str) -> None:
        self.working = True
        self._say(text)
        self.refresh_bindings()

    def _end(self, text: str, role: str = "good") -> None:
        self.working = False
        self._say(text, role)
        self.refresh_bindings()

    def _say(self, text: str, role: str = "muted") -> None:
        self._state.show([Piece(f" {visible_line(text)}", role)] if text else [])

    async def _told(self, work: Callable[[Callable[[str], None]], Coroutine[Any, Any, Any]]) -> Any:
        """Run work that tells how far it is, in sentences."""
        pace: Pace[str] = Pace(lambda text: self.post_message(Progressed(text)), NORMAL_HZ)
        try:
            return await aside(work(pace.offer))
        finally:
            pace.flush()

    @on(Progressed)
    def show_progress(self, message: Progressed) -> None:
        """How far it is."""
        if self.working:
            self._say(f"{message.text}   x stops")

    def action_save(self) -> None:
        """Bring home everything that can be had."""
        if self.found is not None:
            self._begin("saving…")
            self.save(self.profile, self.found)

    @work(exclusive=True, group=WORK, exit_on_error=False)
    async def save(self, profile: str, found: Inventory) -> None:
        """Download; what is here already is left."""
        from workbench.workflow.rescue import save_everything
        from workbench.workflow.retrain import write_commands

        saved = await self._told(lambda tell: save_everything(self.context, profile, found, progress=tell))
        again = await aside_sync(lambda: self._ways(profile, saved))
        if again:
            await aside_sync(lambda: write_commands(self.context, profile, again))
        self.post_message(Saved(saved, again))

    @on(Saved)
    def show_saved(self, message: Saved) -> None:
        """What is here now, and what could not be had."""
        self.take(message.found, message.again)
        refused = sum(len(one.missing) for one in message.found.models)
        parts = f"; {refused:,} {'part was' if refused == 1 else 'parts were'} refused, see below" if refused else ""
        jobs = len(message.found.jobs)
        text = f"saved {jobs:,} {'job' if jobs == 1 else 'jobs'} into the workspace{parts}"
        self._end(text, "warning" if refused else "good")

    def action_stop(self) -> None:
        """Let go; what came home stays."""
        self.workers.cancel_group(self, WORK)
        self._end("stopped: what has come home stays, the same key goes on", "warning")
        self.action_refresh()

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        """Work that failed is no longer under way."""
        if event.state is WorkerState.ERROR and event.worker.group == WORK:
            self._end("")
        super().on_worker_state_changed(event)

    # Answers --------------------------------------------------------------------------------------------------------

    def action_answers(self) -> None:
        """Ask for the file with the questions."""
        from workbench.screens.dialogs.path import PathDialog

        def chosen(path: Path | None) -> None:
            if path is not None:
                self.price(path)

        start = str(self.project.task.test or "")
        self.app.push_screen(PathDialog("The questions: a JSONL file", start=start, does="works out the price"), chosen)

    @work(exclusive=True, group="price", exit_on_error=False)
    async def price(self, path: Path) -> None:
        """How many calls, and what they can cost."""
        from workbench.workflow.golden import recording_cost

        alive = [one.id for one in (self.found.models if self.found else ()) if one.answers]
        here = [self.model.id] if self.model is not None and self.model.id in alive else []

        def asked() -> dict[tuple[str, ...], tuple[int, Figure]]:
            wanted = [models for models in (here, alive) if models]
            return {tuple(one): recording_cost(self.context, self.profile, one, path) for one in wanted}

        priced = await aside_sync(asked)
        self.post_message(Priced(path, priced))

    @on(Priced)
    def ask_answers(self, message: Priced) -> None:
        """This model, or all that still answer, each with its price; a letter is the yes."""
        from workbench.screens.dialogs.choice import Answer, ChoiceDialog

        if not message.prices:
            self._say("no model of these answers any more", "warning")
            return
        if not any(calls for calls, _ in message.prices.values()):
            self._say(f"every answer to {message.path.name} is here already", "good")
            return
        several = {"t": "this model", "a": "all that answer"}
        ways = dict(zip(several if len(message.prices) > 1 else ["y"], message.prices.items(), strict=True))
        lines = []
        for key, (models, (calls, cost)) in ways.items():
            price = "".join(piece.text for piece in figure_pieces(cost))
            count = "1 model" if len(models) == 1 else f"{len(models):,} models"
            lines.append(f"{key}  {several.get(key, 'yes')}: {count}, {calls:,} calls, {price}")
        answers = [Answer(key, several.get(key, "yes")) for key in ways]
        dialog = ChoiceDialog(f"Record the answers to {message.path.name}?", "\n".join(lines), answers)

        def chosen(key: str | None) -> None:
            if key is not None:
                self._begin("recording answers…")
                self.record(list(ways[key][0]), message.path)

        self.app.push_screen(dialog, chosen)

    @work(exclusive=True, group=WORK, exit_on_error=False)
    async def record(self, models: list[str], path: Path) -> None:
        """Each question once; each answer kept as it comes."""
        from workbench.workflow.golden import record_answers

        recorded = await self._told(
            lambda tell: record_answers(self.context, self.profile, models, path, progress=tell)
        )
        self.post_message(AnswersRecorded(recorded))

    @on(AnswersRecorded)
    def show_answers(self, message: AnswersRecorded) -> None:
        """How many, and what failed."""
        kept, failed = sum(one.answers for one in message.recorded), sum(one.failed for one in message.recorded)
        why = next((one.why for one in message.recorded if one.why), "")
        text = f"{kept:,} answers are kept"
        self._end(
            f"{text}; {failed:,} failed ({why}): a again asks those" if failed else text,
            "warning" if failed else "good",
        )
        self.action_refresh()

    # Stored completions ---------------------------------------------------------------------------------------------

    def action_stored(self) -> None:
        """Ask for the dataset that they become."""
        from workbench.screens.dialogs.path import PathDialog

        def chosen(path: Path | None) -> None:
            if path is not None and self.found is not None:
                self._begin("asking for stored completions…")
                self.bring_stored([one.id for one in self.found.models], path)

        title = "Stored completions of these models, as a new dataset"
        self.app.push_screen(PathDialog(title, start=f"{self.profile}-stored.jsonl", does="imports"), chosen)

    @work(exclusive=True, group=WORK, exit_on_error=False)
    async def bring_stored(self, models: list[str], path: Path) -> None:
        """Every completion once, then one file."""
        from workbench.workflow.stored import refuse_taken, save_stored, write_dataset

        await aside_sync(lambda: refuse_taken(path))
        stored = await self._told(lambda tell: save_stored(self.context, self.profile, models, progress=tell))
        self.post_message(StoredWritten(path, await aside_sync(lambda: write_dataset(stored, path)), stored))

    @on(StoredWritten)
    def show_stored(self, message: StoredWritten) -> None:
        """Where they are; why there are not more."""
        why = next((one.why_not for one in message.stored if one.why_not), None)
        if not message.records:
            self._end(f"no stored completion came home{f' ({why})' if why else ''}; no file was written", "warning")
            return
        text = f"{message.records:,} records in {message.path}: o in Datasets opens it"
        self._end(f"{text}; not all ({why})" if why else text, "warning" if why else "good")
