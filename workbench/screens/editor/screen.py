"""The record editor: the messages of a record in a list, the text of one to edit, and what the rules say meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, Final

from textual import events, on, work
from textual.app import SuspendNotSupported
from textual.binding import BindingType
from textual.containers import Container, Vertical
from textual.message import Message
from textual.widget import Widget
from textual.widgets import TextArea

from workbench.actions import bindings_for
from workbench.dataset import editing
from workbench.dataset.editing import EditError, Part
from workbench.screens.aside import aside_sync
from workbench.screens.editor.draft import Draft, Edited, OpenedRecord
from workbench.screens.editor.rows import entries_of, findings_lines, known
from workbench.screens.frame import Frame
from workbench.terminal.editor import EditorError, edit_outside
from workbench.terminal.escape import visible_line
from workbench.widgets.lines import LineList
from workbench.widgets.reading import Reading
from workbench.widgets.sections import SectionList
from workbench.widgets.styles import stylesheet
from workbench.widgets.text_editor import PREVIEW, TextEditor
from workbench.widgets.textline import Piece, TextLine

if TYPE_CHECKING:
    from workbench.workflow.context import Context
    from workbench.workflow.project import Project
    from workbench.workflow.record import Looked

PAUSE_S: Final = 0.15
"""How long nothing is typed before the record is looked at again."""


class RecordLooked(Message):
    """The rules and the counter have seen the record."""

    def __init__(self, value: Any, looked: Looked) -> None:
        super().__init__()
        self.value = value
        self.looked = looked


class EditorScreen(Frame):
    """Over the Datasets screen; closes with an `Edited`, or None where nothing is to be applied."""

    MODE = "datasets"
    SHOWS_NEXT_STEP = False
    CSS = stylesheet("editor")
    BINDINGS: ClassVar[list[BindingType]] = list(bindings_for("editor"))
    AUTO_FOCUS = "#parts"
    HELP = """\
# The record editor

Above (left, on a wide screen) are the messages of one record, below is the text of the one under the cursor. `enter` \
or `i` edits the text, `escape` goes back to the list. A record of another format has its fields in the list.

● marks what is trained: `t` switches it by the message's `weight`. ✗ and ! mark what the rules find, and it is found \
anew while you type; the sentences stand at the foot.

Control characters are shown as glyphs (␛ is an escape); what you do not touch is kept exactly, unknown keys and \
images too. Nothing reaches the file before it is saved: `ctrl+s` only hands the record back to the list, as one step \
that can be undone there.
"""

    def __init__(self, context: Context, project: Project, record: OpenedRecord, *, at: int | None = None) -> None:
        """`at` is the message to begin with, as a finding names it."""
        super().__init__(context, project)
        self.record = record
        self.draft = Draft(record)
        self.looked: Looked | None = None
        self._begin_at = at
        self._number = 0
        self._typing = False
        """Whether the next key in the text belongs to the same step as the last one."""
        self._head = TextLine(id="head")
        self._list = SectionList(id="parts")
        self._about_text = TextLine(id="about")
        self._text = TextEditor(id="text")
        self._says = Reading(id="says")

    def compose_body(self) -> Iterable[Widget]:
        """What it is about, the list, the text, what the rules say."""
        yield self._head
        with Container(id="halves"):
            yield self._list
            with Vertical(id="right"):
                yield self._about_text
                yield self._text
        yield self._says

    def on_mount(self) -> None:
        """Show the record and look at it."""
        begin = self.draft.number_of_message(self._begin_at) if self._begin_at is not None else None
        self._show(begin or 0)
        if self.draft.is_text:
            self._text.focus()
            self._text.position = self.draft.fault

    # Showing --------------------------------------------------------------------------------------------------------

    @property
    def part(self) -> Part:
        """The part under the cursor."""
        return self.draft.parts[self._number]

    def _show(self, number: int) -> None:
        """Show the draft as it is now, with the cursor on a part."""
        self._number = number
        self._typing = False
        self._show_list()
        self._list.go_to(str(number))
        self._show_text()
        self._look()

    def _show_list(self) -> None:
        findings = self.looked.findings if self.looked is not None else ()
        self._list.show_entries(entries_of(self.draft.parts, findings))

    def _show_text(self) -> None:
        part = self.part
        self._text.show(part.text, editable=part.editable)
        self._show_head()

    def _show_head(self) -> None:
        about = self.draft.name(self._number) if not self.draft.is_text else "as JSON"
        left = [Piece(f" {visible_line(self.record.title)}", "strong"), Piece(f"  {about}", "muted")]
        self._head.show(left, known(self.looked, self.draft.changed))
        note = self._note()
        self._about_text.show([Piece(f" {note}", "warning")])
        self._about_text.set_class(not note, "-empty")

    def _note(self) -> str:
        """What is to be known about the text that is shown."""
        if self._text.too_large:
            return f"the first {PREVIEW:,} of {len(self.part.text):,} characters: E edits all of them"
        if self.part.empty_section:
            return "no message: a adds one"
        if not self.part.editable:
            return "no text here: m edits the message as JSON"
        return "; ".join(self._text.legend())

    def _look(self) -> None:
        """Look at the record again, unless its text is no JSON yet."""
        value = self.draft.value_now()
        if isinstance(value, EditError):
            self.looked = None
            self._show_findings(f"{value.what}: {value.why}")
        else:
            self.look(value)
        self._show_head()

    @work(exclusive=True, group="look", exit_on_error=False)
    async def look(self, value: Any) -> None:
        """Ask the rules and count, once nothing has changed for a moment."""
        from workbench.workflow.record import look_at_record

        await asyncio.sleep(PAUSE_S)
        record = self.record
        look = partial(look_at_record, self.context, value, record.format, sample=record.raw, line=record.line)
        looked = await aside_sync(partial(look, profile=record.profile, model=record.model))
        self.post_message(RecordLooked(value, looked))

    @on(RecordLooked)
    def show_looked(self, message: RecordLooked) -> None:
        """Marks in the list, sentences at the foot."""
        self.looked = message.looked
        self._show_list()
        self._show_findings("")
        self._show_head()

    def _show_findings(self, why_text: str) -> None:
        findings = self.looked.findings if self.looked is not None else ()
        self._says.show_text(lambda width: findings_lines(findings, why_text, width))
        self._says.set_class(not findings and not why_text, "-empty")

    @on(LineList.Moved, "#parts")
    def show_moved(self) -> None:
        """The text of the part under the cursor."""
        number = int(self._list.key or 0)
        if number != self._number and number < len(self.draft.parts):
            self._number, self._typing = number, False
            self._show_text()

    @on(LineList.Chosen, "#parts")
    def action_write(self) -> None:
        """Keys go to the text."""
        self._text.focus()

    @on(TextArea.Changed, "#text")
    def typed(self) -> None:
        """What was typed is in the draft at once."""
        if self._text.read_only or not self.part.editable:
            return
        if self.draft.type(self._number, self._text.value, same_step=self._typing):
            self._typing = True
            self._show_list()
            self._look()

    def on_descendant_blur(self, event: events.DescendantBlur) -> None:
        """Typing after a look elsewhere is another step."""
        self._typing = False

    # Editing --------------------------------------------------------------------------------------------------------

    def _edit(self, title: str, change: Callable[[Any, Part], Any]) -> None:
        """Do one edit and show it; one that cannot be done is said and changes nothing."""
        try:
            number = self.draft.edit(self._number, f"{title} {self.draft.name(self._number)}", change)
        except EditError as error:
            self.notify(f"{error.message}. {error.hint}".removesuffix(" "), severity="warning", markup=False)
            return
        self._show(number)

    def action_role(self) -> None:
        """The next role of the format."""
        self._edit("role of", lambda value, part: editing.set_role(value, part, editing.next_role(part)))

    def action_trained(self) -> None:
        """Trained or not."""
        self._edit("training of", lambda value, part: editing.toggle_trained(value, self.record.format, part))

    def action_add(self) -> None:
        """A message after this one."""
        self._edit("a message after", lambda value, part: editing.add(value, part))

    def action_add_before(self) -> None:
        """A message before this one."""
        self._edit("a message before", lambda value, part: editing.add(value, part, after=False))

    def action_delete(self) -> None:
        """Without this message."""
        self._edit("delete", editing.delete)

    def action_up(self) -> None:
        """One place up."""
        self._edit("move", lambda value, part: editing.move(value, part, -1))

    def action_down(self) -> None:
        """One place down."""
        self._edit("move", lambda value, part: editing.move(value, part, 1))

    def action_duplicate(self) -> None:
        """A copy after it."""
        self._edit("copy", editing.duplicate)

    def action_split(self) -> None:
        """Two messages, cut at the text's cursor."""
        position = self._text.position
        self._edit("split", lambda value, part: editing.split(value, part, position))

    def action_join(self) -> None:
        """One message of this one and the next."""
        self._edit("join", lambda value, part: editing.join(value, part, "\n"))

    def action_swap(self) -> None:
        """The other answer is preferred."""
        self._edit("swap the answers,", lambda value, part: editing.swap_sides(value, self.record.format))

    def action_undo(self) -> None:
        """One step back."""
        self._step(self.draft.undo(), "Nothing to undo here.")

    def action_redo(self) -> None:
        """One step on again."""
        self._step(self.draft.redo(), "Nothing to do again.")

    def _step(self, number: int | None, nothing: str) -> None:
        if number is None:
            self.notify(nothing, markup=False)
        else:
            self._show(number)

    def action_next_finding(self) -> None:
        """To the next message that has a finding."""
        findings = self.looked.findings if self.looked is not None else ()
        places = (self.draft.number_of_message(one.message_index) for one in findings if one.message_index is not None)
        numbers = sorted({number for number in places if number is not None})
        if not numbers:
            self.notify("No finding names a message.", markup=False)
        else:
            self._list.go_to(str(next((number for number in numbers if number > self._number), numbers[0])))

    # As JSON, in another editor, as the model reads it --------------------------------------------------------------

    def _as_json(self, title: str, text: str, parse: Callable[[str], Any], then: Callable[[Any], None]) -> None:
        from workbench.screens.dialogs.json_text import JsonDialog, Parsed

        def done(parsed: Parsed | None) -> None:
            if parsed is not None:
                then(parsed.value)

        self.app.push_screen(JsonDialog(title, text, parse), done)

    def action_tools(self) -> None:
        """The record's tools as JSON, checked."""
        if self.draft.is_text:
            self.notify("The whole record is edited as JSON.", markup=False)
            return
        tools = editing.tools_of(self.draft.value, self.record.format)
        text = "" if tools is None else editing.to_json(tools)

        def put(tools: Any) -> None:
            self._edit("tools,", lambda value, _: editing.set_tools(value, self.record.format, tools))

        self._as_json("Tools of the record: a list, empty for none", text, editing.parse_tools, put)

    def action_message_json(self) -> None:
        """The message with all its keys as JSON."""
        if self.draft.is_text or self.part.empty_section:
            self.notify("There is no message here.", markup=False)
            return
        text = editing.to_json(editing.at(self.draft.value, self.part.message))

        def put(message: Any) -> None:
            self._edit("JSON of", lambda value, part: editing.set_message(value, part, message))

        self._as_json(
            f"{self.draft.name(self._number)} as JSON", text, partial(self.draft.parse_message, self._number), put
        )

    def action_record_json(self) -> None:
        """The whole record as JSON."""
        if self.draft.is_text:
            self._text.focus()
            return

        def put(value: Any) -> None:
            self._edit("JSON of the record,", lambda _, part: (value, part.message))

        self._as_json("The record as JSON", editing.to_json(self.draft.value), self.draft.parse_record, put)

    def action_external(self) -> None:
        """The text in the person's own editor."""
        part = self.part
        if not part.editable:
            self.notify("This part has no text.", markup=False)
            return
        suffix = ".json" if self.draft.is_text else ".txt"
        try:
            with self.app.suspend():
                text = edit_outside(part.text, self.context.environ, suffix)
        except SuspendNotSupported:
            self.show_error(EditorError("your editor", "needs a real terminal", "edit the text here: enter"))
            return
        if self.draft.type(self._number, text, same_step=False):
            self._show(self._number)
        else:
            self.notify("Nothing was changed. (A graphical editor needs its option to wait.)", markup=False)

    def action_microscope(self) -> None:
        """The record as a model reads it."""
        from workbench.screens.microscope import MicroscopeScreen

        value = self.draft.value_now()
        if isinstance(value, EditError):
            self.show_error(value)
        else:
            title, fmt = self.record.title, self.record.format
            self.app.push_screen(MicroscopeScreen(self.context, self.project, value, fmt, title))

    def action_pair(self) -> None:
        """The two answers and what differs."""
        from workbench.dataset.formats import PAIRS
        from workbench.screens.pair import PairScreen

        if self.record.format not in PAIRS or self.draft.is_text:
            self.notify("This record has one answer, not two to compare.", markup=False)
            return
        args = (self.draft.value, self.record.format, self.record.title)
        self.app.push_screen(PairScreen(self.context, self.project, *args))

    # Leaving --------------------------------------------------------------------------------------------------------

    def action_apply(self) -> None:
        """Hand the record back."""
        try:
            edited = self.draft.result()
        except EditError as error:
            self.show_error(error)
            return
        self.dismiss(edited)

    def action_leave(self) -> None:
        """Out of the text; out of the editor, asking where something would be lost."""
        if self._text.has_focus and not self.draft.is_text:
            self._list.focus()
        elif not self.draft.changed:
            self.dismiss(None)
        else:
            from workbench.screens.dialogs.confirm import ConfirmDialog

            detail = f"{self.unapplied()}. ctrl+s in the editor applies them."
            self.app.push_screen(ConfirmDialog("Leave without these changes?", detail), self._answered)

    def _answered(self, yes: bool | None) -> None:
        if yes:
            self.dismiss(None)

    def unapplied(self) -> str:
        """What was done to the record."""
        steps = self.draft.steps if self.draft.changed else []
        return steps[0] if len(steps) == 1 else f"{len(steps)} edits" if steps else ""

    def text_to_copy(self) -> str:
        """The text of the part."""
        return self.part.text


Result = Edited | None
"""What the screen closes with."""
