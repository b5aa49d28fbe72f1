"""Choose a model of any profile for one side of the playground."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar

from textual import on, work
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.widget import Widget

from workbench.errors import WorkbenchError
from workbench.screens.aside import aside
from workbench.screens.dialogs.dialog import Dialog
from workbench.terminal.escape import visible_line
from workbench.widgets.lines import LineList
from workbench.widgets.textline import Line, Piece, TextLine

if TYPE_CHECKING:
    from workbench.workflow.context import Context
    from workbench.workflow.project import Project


class ModelsFound(Message):
    """The models of one profile."""

    def __init__(self, models: Sequence[tuple[str, str]], trouble: str) -> None:
        super().__init__()
        self.models = tuple(models)
        """(`PROFILE/MODEL`, kind)"""
        self.trouble = trouble


class ModelsDialog(Dialog[tuple[str, str]]):
    """Closes with a side and a `PROFILE/MODEL`."""

    TITLE_TEXT = "Models"
    HINT = "l on the left · r or enter on the right · escape closes"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("l", "choose('left')", "Left", show=False),
        Binding("r", "choose('right')", "Right", show=False),
    ]

    def __init__(self, context: Context, project: Project, present: Mapping[str, str]) -> None:
        super().__init__()
        self.context, self.project, self._present = context, project, present
        self._models: dict[str, str] = dict.fromkeys(present.values(), "")
        self._list = LineList(empty="no model answers here")
        self._says = TextLine()

    def compose_body(self) -> Iterable[Widget]:
        """The models, and whom nobody could ask."""
        yield self._list
        yield self._says

    def on_mount(self) -> None:
        """Those that are known at once, then those of all profiles."""
        self._show()
        self._list.focus()
        self._says.show([Piece("asking the profiles…", "muted")])
        self.find_models()

    def _show(self) -> None:
        models = list(self._models.items())

        def row(number: int) -> Line:
            model, kind = models[number]
            sides = "  ".join(side for side, each in self._present.items() if each == model)
            return (Piece(visible_line(model)), Piece(f"  {kind}", "muted"), Piece(f"  {sides}", "good"))

        self._list.show_rows(len(models), row)

    @work(exclusive=True, group="models", exit_on_error=False)
    async def find_models(self) -> None:
        """Ask every profile that is configured."""
        from workbench.providers.profiles import missing

        names = [name for name, each in self.context.profiles().items() if not missing(each, self.context.environ)]
        for name in names:
            try:
                self.post_message(ModelsFound(await aside(self._models_of(name)), ""))
            except WorkbenchError as error:
                self.post_message(ModelsFound((), error.message))

    async def _models_of(self, name: str) -> list[tuple[str, str]]:
        from workbench.providers.models import list_models

        profile = self.context.profile(name)
        async with await self.context.client(name) as client:
            return [(f"{name}/{model.id}", model.kind) for model in await list_models(client, profile)]

    @on(ModelsFound)
    def add_models(self, message: ModelsFound) -> None:
        """Add them to the list."""
        self._models |= dict(message.models)
        self._says.show([Piece(visible_line(message.trouble), "warning")] if message.trouble else [])
        self._show()

    @on(LineList.Chosen)
    def chosen(self) -> None:
        """Enter puts it on the right."""
        self.action_choose("right")

    def action_choose(self, side: str) -> None:
        """Close with the model under the cursor."""
        if self._models:
            self.dismiss((side, list(self._models)[self._list.cursor]))
