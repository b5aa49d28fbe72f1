"""A few fields to fill in: text and choices, with a sentence about what is wrong or what would come of it."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Generic, TypeVar

from textual import on
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.suggester import Suggester
from textual.widget import Widget
from textual.widgets import Input, Select, Static

from workbench.errors import WorkbenchError
from workbench.screens.dialogs.dialog import Dialog
from workbench.terminal.escape import visible_line
from workbench.terminal.workarounds import still_cursor
from workbench.widgets.reading import Reading
from workbench.widgets.styles import stylesheet
from workbench.widgets.textline import Line, Piece, wrap

AnswerT = TypeVar("AnswerT")


@dataclass(frozen=True, slots=True)
class Field:
    """One field."""

    name: str
    title: str
    value: str = ""
    placeholder: str = ""
    choices: Sequence[tuple[str, str]] = ()
    """(what is shown, value): a choice instead of a line to type in."""
    suggester: Suggester | None = None


class FormDialog(Dialog[AnswerT], Generic[AnswerT]):
    """Closes with what `answer` makes of the fields; what it raises is shown, and the form stays.

    Enter in a line that is typed, or ctrl+s anywhere, is the end of it.
    """

    CSS = stylesheet("form")
    CSS_CLASSES = "form"
    HINT = "tab next field · enter {does} · escape closes"
    DOES: ClassVar[str] = "goes on"
    BINDINGS: ClassVar[list[BindingType]] = [Binding("ctrl+s,f9", "submit", show=False, priority=True)]

    def __init__(self, fields: Sequence[Field], *, title: str, about: str = "") -> None:
        super().__init__()
        self.hint = self.HINT.format(does=self.DOES)
        self._fields = tuple(fields)
        self._title = title
        self._about = about
        self._says = Reading(id="says")

    def compose_body(self) -> Iterable[Widget]:
        """One row a field, a sentence below."""
        yield Static(self._title, classes="title", markup=False)
        if self._about:
            yield Static(visible_line(self._about), classes="about", markup=False)
        for field in self._fields:
            with Horizontal(classes="fields"):
                yield Static(field.title, classes="field-name", markup=False)
                yield _widget(field)
        yield self._says

    def on_mount(self) -> None:
        """Keys go to the first field."""
        self.query("Input, Select").first().focus()
        self.changed()

    @property
    def values(self) -> dict[str, str]:
        """What the fields hold."""
        values = {field.id: field.value for field in self.query(Input) if field.id}
        return values | {choice.id: str(choice.value) for choice in self.query(Select) if choice.id}

    def answer(self, values: Mapping[str, str]) -> AnswerT:
        """What the form is for. Raises WorkbenchError for what cannot be meant."""
        raise NotImplementedError

    def fields_without_use(self, values: Mapping[str, str]) -> Container[str]:
        """Fields that say nothing beside these values, and are hidden; none as a rule."""
        return ()

    def comment(self, values: Mapping[str, str]) -> str:
        """A sentence about what is filled in now; empty where there is nothing to say."""
        return ""

    @on(Input.Changed)
    @on(Select.Changed)
    def changed(self) -> None:
        """Say what would come of it."""
        hidden = self.fields_without_use(self.values)
        for field in self._fields:
            row = self.query_one(f"#{field.name}").parent
            if row is not None:
                row.display = field.name not in hidden
        text = self.comment(self.values)
        self._tell([(text, "muted")] if text else [])

    @on(Input.Submitted)
    def submitted(self, message: Input.Submitted) -> None:
        """Enter ends the form."""
        message.stop()
        self.action_submit()

    def action_submit(self) -> None:
        """Close with the answer, or say what is wrong."""
        try:
            answer = self.answer(self.values)
        except WorkbenchError as error:
            hint = [(f"→ {error.hint}", "")] if error.hint else []
            self._tell([(f"✗ {error.message}", "bad"), *hint])
            return
        self.dismiss(answer)

    def _tell(self, sentences: Sequence[tuple[str, str]]) -> None:
        def lines(width: int) -> list[Line]:
            return [(Piece(line, role),) for text, role in sentences for line in wrap(visible_line(text), width)]

        self._says.show_text(lines)


def _widget(field: Field) -> Widget:
    if field.choices:
        return Select(list(field.choices), value=field.value, allow_blank=False, compact=True, id=field.name)
    made = Input(
        field.value,
        placeholder=field.placeholder,
        suggester=field.suggester,
        select_on_focus=False,
        compact=True,
        id=field.name,
    )
    still_cursor(made)
    return made
