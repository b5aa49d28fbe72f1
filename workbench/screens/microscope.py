"""The microscope: a record as a model reads it, token by token."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, ClassVar

from textual import on, work
from textual.binding import BindingType
from textual.message import Message
from textual.widget import Widget

from workbench.actions import bindings_for
from workbench.dataset.formats import PAIRS, Format
from workbench.errors import WorkbenchError
from workbench.screens.aside import aside
from workbench.screens.frame import Frame
from workbench.terminal.escape import visible_line
from workbench.widgets.flow import flow
from workbench.widgets.reading import Reading
from workbench.widgets.styles import stylesheet
from workbench.widgets.textline import Line, Piece, TextLine, wrap

if TYPE_CHECKING:
    from workbench.workflow.context import Context
    from workbench.workflow.microscope import Magnified
    from workbench.workflow.project import Project

_ROLES = {"special": "accent", "bar": "muted"}
_LINE_ROLES = {"trained": "trained", "lost": "muted", "note": "warning"}


class Seen(Message):
    """The record through the lens that was asked for, or why not."""

    def __init__(self, magnified: Magnified | None, error: WorkbenchError | None) -> None:
        super().__init__()
        self.magnified = magnified
        self.error = error


class MicroscopeScreen(Frame):
    """Over the record; escape goes back."""

    MODE = "datasets"
    SHOWS_NEXT_STEP = False
    CSS = stylesheet("microscope")
    BINDINGS: ClassVar[list[BindingType]] = list(bindings_for("microscope"))
    AUTO_FOCUS = "#tokens"
    HELP = """\
# The microscope

The record as the chat template renders it: exactly the text that is cut into tokens. `▌` at the edge marks what is \
trained; what stands without it is only read. Tokens in ⟨ ⟩ are special ones of the model, ⏎ is a line end. `░` marks \
what is beyond the limit and would be cut off.

With the model's own template this is what the engine hands to the trainer. OpenAI publishes no template: its models \
are shown with chatml, as an estimate.
"""

    def __init__(
        self, context: Context, project: Project, value: Any, fmt: Format, title: str, model: str | None = None
    ) -> None:
        """`model` as `PROFILE/MODEL`; by default the one that the project trains."""
        super().__init__(context, project)
        training = project.document.training
        self.model: str | None = model or f"{training.profile}/{training.model}"
        self.template: str | None = None
        """None: the lens' first choice."""
        self.limit: int | None = None
        self.boundaries = False
        self.other_side = False
        self.magnified: Magnified | None = None
        self._value, self._format, self._title = value, fmt, title
        self._error: WorkbenchError | None = None
        self._head = TextLine(id="head")
        self._about = TextLine(id="about")
        self._tokens = Reading(id="tokens")

    def compose_body(self) -> Iterable[Widget]:
        """What it is about, the rendering."""
        yield self._head
        yield self._about
        yield self._tokens

    def on_mount(self) -> None:
        """Look."""
        self._ask()

    def _ask(self) -> None:
        self._head.show([Piece(f" {visible_line(self._title)}", "strong")], [Piece("looking… ", "muted")])
        self.magnify()

    @work(exclusive=True, group="microscope", exit_on_error=False)
    async def magnify(self) -> None:
        """Load the tokenizer, render, cut."""
        try:
            self.post_message(Seen(await aside(self._magnified()), None))
        except WorkbenchError as error:
            self.post_message(Seen(None, error))

    async def _magnified(self) -> Magnified:
        from workbench.workflow.microscope import lens_of, magnify

        lens = await lens_of(self.context, self.model, self.template, self.limit)
        return magnify(self._value, self._format, lens, other_side=self.other_side)

    @on(Seen)
    def show_seen(self, message: Seen) -> None:
        """Show it, or the sentence."""
        self.magnified, self._error = message.magnified, message.error
        self._show()

    def _show(self) -> None:
        side = "  the other answer" if self.other_side else ""
        left = [Piece(f" {visible_line(self._title)}", "strong"), Piece(side, "warning")]
        seen = self.magnified
        if seen is None:
            self._head.show(left, [Piece("✗ cannot be shown ", "bad")])
            named = visible_line(self.model or "no model")
            self._about.show([Piece(f" {named}  template {self.template or 'own'}", "muted")])
        else:
            role = "warning" if seen.cut_at is not None or not seen.trained else "muted"
            self._head.show(left, [Piece(f"{seen.summary} ", role)])
            lens = seen.lens
            about = f" {visible_line(lens.model)}  template {lens.template}  limit {lens.limit:,}"
            self._about.show([Piece(about, "muted"), Piece(f"  {lens.note}", "warning")])
        self._tokens.show_text(self._lines, keep_place=True)

    def _lines(self, width: int) -> list[Line]:
        return list(self._error_lines(width) if self.magnified is None else self._token_lines(self.magnified, width))

    def _error_lines(self, width: int) -> Iterator[Line]:
        if self._error is None:
            return
        for line in wrap(f"✗ {visible_line(self._error.message)}", width):
            yield (Piece(line, "bad"),)
        if self._error.hint:
            yield from ((Piece(line),) for line in wrap(f"→ {visible_line(self._error.hint)}", width))

    def _token_lines(self, magnified: Magnified, width: int) -> Iterator[Line]:
        from workbench.workflow.microscope import GUTTERS, strips

        for strip in strips(magnified, boundaries=self.boundaries):
            role = _LINE_ROLES.get(strip.kind, "")
            pieces = [Piece(text, _ROLES.get(kind, role)) for text, kind in strip.pieces]
            yield from flow(pieces, width, Piece(GUTTERS[strip.kind], role))

    def action_template(self) -> None:
        """The next template."""
        from workbench.workflow.microscope import OWN, TEMPLATES

        lens = self.magnified.lens if self.magnified is not None else None
        now = self.template or (lens.template if lens is not None else OWN)
        # A hosted model's own template is not published: there is nothing to show.
        offered = TEMPLATES if lens is None or lens.exact else TEMPLATES[1:]
        self.template = offered[(offered.index(now) + 1) % len(offered)] if now in offered else offered[0]
        self._ask()

    def action_model(self) -> None:
        """Ask for another model."""
        from workbench.screens.dialogs.line import LineDialog

        def chosen(text: str | None) -> None:
            if text is not None:
                self.model, self.template, self.limit = text.strip() or None, None, None
                self._ask()

        hint = "PROFILE/MODEL, as local/starter; empty for OpenAI's encoding"
        self.app.push_screen(LineDialog("The model that reads the record", self.model or "", hint), chosen)

    def action_limit(self) -> None:
        """Ask for another limit."""
        from workbench.screens.dialogs.number import NumberDialog

        def chosen(number: int | None) -> None:
            if number is not None:
                self.limit = number or None
                self._ask()

        now = self.magnified.lens.limit if self.magnified is not None else None
        self.app.push_screen(NumberDialog("The limit", now, "Tokens after which a record is cut."), chosen)

    def action_boundaries(self) -> None:
        """Bars between tokens, or none."""
        self.boundaries = not self.boundaries
        self._show()

    def action_side(self) -> None:
        """The other answer of a pair."""
        if self._format not in PAIRS:
            self.notify("This record has one answer.", markup=False)
            return
        self.other_side = not self.other_side
        self._ask()

    def action_back(self) -> None:
        """Back to the record."""
        self.dismiss()

    def text_to_copy(self) -> str:
        """The rendered text itself, as the tokenizer gets it."""
        return "".join(token.text for token in self.magnified.tokens) if self.magnified is not None else ""
