"""A job's model and checkpoints: one to go on from, or to let answer."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Final, Literal

from textual import on
from textual.binding import Binding, BindingType
from textual.widget import Widget
from textual.widgets import Static

from workbench.screens.dialogs.dialog import Dialog
from workbench.terminal.escape import visible_line
from workbench.widgets.lines import LineList
from workbench.widgets.table import cut_middle
from workbench.widgets.textline import Line, Piece
from workbench.widgets.words import NOTHING

if TYPE_CHECKING:
    from workbench.providers.jobs import Checkpoint

_NAME: Final = 34
"""Cells of a model's name; its ends differ."""
_METRICS: Final = {"train": ("train_loss",), "valid": ("full_valid_loss", "valid_loss")}
"""What is said of a checkpoint, and the losses that say it, the better one first."""

Use = Literal["continue", "deploy"]


@dataclass(frozen=True, slots=True)
class State:
    """One state of the model that a job left."""

    title: str
    model: str
    """What is asked for, and what a job goes on from."""
    deploys: str
    """What a deployment is made of; Azure names checkpoints otherwise there."""
    numbers: str = ""


def states_of(model: str | None, checkpoints: Sequence[Checkpoint]) -> list[State]:
    """The finished model first, then the checkpoints, the newest first."""
    found = [State("the model", model, model)] if model else []
    for one in checkpoints:
        name = one.fine_tuned_model_checkpoint or one.id
        numbers = "  ".join(_losses(one))
        step = NOTHING if one.step_number is None else f"{one.step_number:,}"
        found.append(State(f"step {step}", name, one.id if one.id.startswith("ftchkpt-") else name, numbers))
    return found


def _losses(checkpoint: Checkpoint) -> Iterator[str]:
    for title, keys in _METRICS.items():
        values = [checkpoint.metrics[key] for key in keys if isinstance(checkpoint.metrics.get(key), (int, float))]
        if values:
            yield f"{title} {values[0]:.3f}"


class CheckpointsDialog(Dialog[tuple[Use, State]]):
    """Closes with a state and what is to be done with it."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("d", "deploy", show=False)]

    def __init__(self, title: str, states: Sequence[State], *, no_continue: str = "", deploys: bool = False) -> None:
        super().__init__()
        self._title, self._states = title, states
        self._no_continue = no_continue
        """Why no job can go on from here; empty where one can."""
        self._deploys = deploys
        keys = [] if no_continue else ["enter goes on from it"]
        keys += [*(["d deploys it"] if deploys else []), "y copies"]
        self.hint = " · ".join([*(keys if states else []), "escape closes"])
        self._list = LineList(empty="nothing so far: checkpoints come while a job trains")

    def compose_body(self) -> Iterable[Widget]:
        """The list, and why one cannot go on."""
        yield Static(visible_line(self._title), classes="title", markup=False)
        yield self._list
        if self._no_continue:
            yield Static(visible_line(self._no_continue), markup=False)

    def on_mount(self) -> None:
        """Stand on the finished model."""
        self._list.show_rows(len(self._states), self._row, cursor=0)
        self._list.focus()

    def _row(self, row: int) -> Line:
        one = self._states[row]
        name = cut_middle(visible_line(one.model), _NAME)
        return (Piece(f"{one.title:<11}"), Piece(f"{visible_line(one.numbers):<26}", "muted"), Piece(name))

    @property
    def state(self) -> State | None:
        """The one under the cursor."""
        return self._states[self._list.cursor] if self._states else None

    @on(LineList.Chosen)
    def choose(self, message: LineList.Chosen) -> None:
        """A job that goes on from it."""
        if message.row is not None and not self._no_continue:
            self.dismiss(("continue", self._states[message.row]))

    def action_deploy(self) -> None:
        """A deployment of it."""
        if self._deploys and self.state is not None:
            self.dismiss(("deploy", self.state))

    def text_to_copy(self) -> str:
        """Its name."""
        return self.state.model if self.state is not None else ""
