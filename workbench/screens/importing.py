"""Bringing a table in: the template on one side, on the other the records that it makes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from textual import on, work
from textual.binding import Binding, BindingType
from textual.containers import Container
from textual.message import Message
from textual.timer import Timer
from textual.widget import Widget
from textual.widgets import TextArea
from textual.worker import Worker, WorkerState, get_current_worker

from workbench.errors import WorkbenchError
from workbench.screens.dialogs.dialog import Dialog
from workbench.terminal.escape import visible, visible_line
from workbench.terminal.workarounds import still_cursor
from workbench.widgets.pace import NORMAL_HZ, Pace
from workbench.widgets.reading import Reading
from workbench.widgets.styles import stylesheet
from workbench.widgets.textline import Line, Piece, TextLine, wrap

if TYPE_CHECKING:
    from workbench.dataset.sources import Placed, Source, Unplaced
    from workbench.workflow.importing import Imported, Preview

REST_S = 0.4
"""How long the typing rests before the preview is made anew."""
SHOWN_RECORDS = 20
SHOWN_UNPLACED = 5

TEMPLATE_HELP = """\
A template says which columns become what. Columns stand in braces: "Title: {title}".

format = "chat"            chat, prompt-completion, text, preference, trl-preference, unpaired …
system = "…"               a system prompt for every record
[[messages]]               one message of every record, in order
role = "user"              system, user or assistant
text = "{question}"        a brace itself is written twice: {{
when = "column"            left out where that column is empty
weight = 0                 an assistant's message that is not trained

prompt = "{q}"  completion = "{a}"          for prompt-completion
prompt = "{q}"  chosen = "{a}"  rejected = "{b}"     for pairs
conversation = "column"    a column that holds a list of messages as JSON

[grouping]                 one row a message: rows become conversations
conversation = "ticket"    what is the same in all rows of a conversation
author = "from"            who says it; [roles] says who is who
order = "time"             what orders the rows
text = "{body}"
merge = "\\n\\n"             what joins neighbouring turns of one role; false leaves them apart
train = "all"              or "last", or a list of authors

[roles]
customer = "user"
agent = "assistant"

[source]                   what was sniffed, told otherwise
encoding = "cp1252"
delimiter = ";"
"""


@dataclass(frozen=True, slots=True)
class ImportedFile:
    """What an import made."""

    path: Path
    template: str
    """The template that was used, as TOML."""
    result: Imported


class Previewed(Message):
    """What the first rows would become."""

    def __init__(self, preview: Preview) -> None:
        super().__init__()
        self.preview = preview


class Refused(Message):
    """The template, or the source, cannot be used as it is."""

    def __init__(self, error: WorkbenchError) -> None:
        super().__init__()
        self.error = error


class Progressed(Message):
    """How far the import is."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.text = text

    def can_replace(self, message: Message) -> bool:
        """Only the newest matters."""
        return isinstance(message, Progressed)


class Done(Message):
    """The file is written."""

    def __init__(self, made: ImportedFile) -> None:
        super().__init__()
        self.made = made


class _Left(Exception):
    """Nobody waits for the import any more."""


class ImportScreen(Dialog[ImportedFile]):
    """Closes with what was imported, or None."""

    CSS = stylesheet("importing")
    HINT = "ctrl+s imports · tab reads on · F1 explains the template · escape closes"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+s,f9", "import_all", show=False, priority=True),
        Binding("f1", "explain", show=False, priority=True),
        Binding("tab", "app.focus_next", show=False, priority=True),
    ]

    def __init__(self, spec: str, template: str = "") -> None:
        super().__init__()
        self._spec = spec
        self._template = template
        self._timer: Timer | None = None
        self._ready = False
        """Whether the template as it stands makes records."""
        self._head = TextLine(classes="title")
        self._sniffed = TextLine(classes="sniffed")
        self._state = TextLine(classes="state")
        self._area = TextArea(template, id="template", soft_wrap=True, tab_behavior="focus")
        self._records = Reading(id="records")

    def compose_body(self) -> Iterable[Widget]:
        """What it is, what was sniffed, template and records, what would come of it."""
        yield self._head
        yield self._sniffed
        with Container(id="halves"):
            yield self._area
            yield self._records
        yield self._state

    def on_mount(self) -> None:
        """Look at the source; a template is guessed where none is given."""
        still_cursor(self._area)
        self._head.show([Piece("Import ", "strong"), Piece(visible_line(self._spec), "accent")])
        self._say("reading…")
        self._area.focus()
        self.preview(self._template)

    def on_resize(self) -> None:
        """Side by side where there is room."""
        self.set_class(self.size.width >= 100, "-wide")

    # The preview ----------------------------------------------------------------------------------------------------

    @on(TextArea.Changed, "#template")
    def typed(self) -> None:
        """Make the preview anew once the typing rests."""
        if self._area.text == self._template:
            return
        self._template, self._ready = self._area.text, False
        if self._timer is not None:
            self._timer.stop()
        self._timer = self.set_timer(REST_S, lambda: self.preview(self._template))

    @work(thread=True, exclusive=True, group="preview", exit_on_error=False)
    def preview(self, template: str) -> None:
        """What the first rows would become."""
        from workbench.dataset.sources import parse_mapping
        from workbench.workflow.importing import preview_import

        try:
            mapping = parse_mapping(template) if template.strip() else None
            self.post_message(Previewed(preview_import(self._spec, mapping, SHOWN_RECORDS)))
        except WorkbenchError as error:
            self.post_message(Refused(error))

    @on(Previewed)
    def show_preview(self, message: Previewed) -> None:
        """The records, and what was found out about the source."""
        from workbench.dataset.sources import dump_mapping

        found = message.preview
        told = " · ".join(f"{one.what} {one.value} ({one.why})" for one in found.described)
        self._sniffed.show([Piece(visible_line(told), "muted")])
        if not self._template.strip():
            self._template = dump_mapping(found.mapping) if found.mapping is not None else _skeleton(found)
            self._area.text = self._template
        self._ready = found.mapping is not None and bool(found.records)
        counted = f"{len(found.records)} records from the first rows"
        places = f"{len(found.unplaced):,} rows find no place" if found.unplaced else "every row finds a place"
        guessed = f" · guessed: {found.reason}" if found.reason else ""
        if found.mapping is None:
            self._say("no template could be guessed: write one, F1 explains how", "warning")
        else:
            self._say(f"{counted}, {places}{guessed}", "warning" if found.unplaced else "good")
        self._records.show_text(lambda width: list(_preview_lines(found, width)))

    @on(Refused)
    def show_refused(self, message: Refused) -> None:
        """What is wrong, and the way out."""
        self._ready = False
        error = message.error
        self._say(f"✗ {error.message}", "bad")
        # The line above is one line: here the whole sentence stands, and the way out.
        told = [(f"✗ {error.message}", "bad"), *([(f"→ {error.hint}", "")] if error.hint else [])]
        self._records.show_text(
            lambda width: [(Piece(line, role),) for text, role in told for line in wrap(visible_line(text), width)]
        )

    def _say(self, text: str, role: str = "muted") -> None:
        self._state.show([Piece(visible_line(text), role)])

    # The import -----------------------------------------------------------------------------------------------------

    def action_import_all(self) -> None:
        """Ask where to, then import."""
        from workbench.screens.dialogs.path import PathDialog

        if not self._ready:
            self._say("✗ the template makes no record yet", "bad")
            return
        stem = Path(self._spec.removeprefix("hf:").replace(":", "-")).name.split(".")[0] or "imported"
        folder = str(Path(self._spec).parent) if "/" in self._spec and not self._spec.startswith("hf:") else "."
        start = f"{'' if folder == '.' else folder + '/'}{stem}.jsonl"

        def chosen(path: Path | None) -> None:
            if path is not None:
                self.write(path, self._template)

        self.app.push_screen(PathDialog("Import into", start=start, does="imports"), chosen)

    @work(thread=True, exclusive=True, group="import", exit_on_error=False)
    def write(self, path: Path, template: str) -> None:
        """Import all rows."""
        from workbench.dataset.sources import open_source, parse_mapping
        from workbench.workflow.importing import import_dataset

        worker = get_current_worker()
        pace: Pace[str] = Pace(lambda text: self.post_message(Progressed(text)), NORMAL_HZ)

        def progress(done: int, total: int | None) -> None:
            if worker.is_cancelled:
                raise _Left
            pace.offer(f"importing {done * 100 // total} %…" if total else f"importing, {done:,} rows…")

        mapping = parse_mapping(template)
        try:
            source: Source = open_source(self._spec, mapping.source)
            result = import_dataset(source, mapping, path, progress)
            self.post_message(Done(ImportedFile(path, template, result)))
        except _Left:
            return
        except WorkbenchError as error:
            self.post_message(Refused(error))

    @on(Progressed)
    def show_progress(self, message: Progressed) -> None:
        """How far it is."""
        self._say(message.text)

    @on(Done)
    def close_done(self, message: Done) -> None:
        """Close with what was made; where nothing was, say why and stay."""
        if message.made.result.written:
            self.dismiss(message.made)
        else:
            reason = message.made.result.unplaced[0].reason if message.made.result.unplaced else "there is no row"
            self._say(f"✗ no row became a record: {reason}", "bad")

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        """A failure that nobody foresaw is said too."""
        if event.state is WorkerState.ERROR and event.worker.error is not None:
            self._say(f"✗ {type(event.worker.error).__name__}: {event.worker.error}", "bad")

    def action_explain(self) -> None:
        """What a template can say."""
        from workbench.screens.dialogs.text import TextDialog

        self.app.push_screen(TextDialog("Templates", TEMPLATE_HELP))

    def text_to_copy(self) -> str:
        """The template."""
        return self._area.text


def _skeleton(found: Preview) -> str:
    """A template to begin with, where none can be guessed: the columns, and the first two as question and answer."""
    listed = "".join(
        f"# {{{column.name}}}  {visible_line(', '.join(map(str, column.examples)))[:60]}\n" for column in found.columns
    )
    question, answer = [*(column.name for column in found.columns), "question", "answer"][:2]
    return (
        f'# Columns:\n{listed}\nformat = "chat"\n\n[[messages]]\nrole = "user"\ntext = "{{{question}}}"\n\n'
        f'[[messages]]\nrole = "assistant"\ntext = "{{{answer}}}"\n'
    )


def _preview_lines(found: Preview, width: int) -> Iterator[Line]:
    for unplaced in found.unplaced[:SHOWN_UNPLACED]:
        yield from _unplaced(unplaced, width)
    if len(found.unplaced) > SHOWN_UNPLACED:
        yield (Piece(f"! and {len(found.unplaced) - SHOWN_UNPLACED:,} more rows", "warning"),)
    for number, placed in enumerate(found.records, 1):
        yield (Piece(f"record {number}", "muted"), Piece(f" · row {_rows(placed)}", "muted"))
        yield from _record(placed, found, width)
        yield ()


def _unplaced(one: Unplaced, width: int) -> Iterator[Line]:
    place = f"line {one.line}" if one.line is not None else f"row {one.number}"
    for text in wrap(visible_line(f"! {place}: {one.reason}"), width):
        yield (Piece(text, "warning"),)


def _rows(placed: Placed) -> str:
    first, last = placed.numbers[0], placed.numbers[-1]
    return f"{first}" if first == last else f"{first} to {last}"


def _record(placed: Placed, found: Preview, width: int) -> Iterator[Line]:
    from workbench.dataset.formats import RecordError
    from workbench.screens.record_text import pretty, turns_of

    assert found.mapping is not None
    try:
        turns = turns_of(placed.value, found.mapping.format)
    except RecordError:
        for text in wrap(visible(pretty(placed.value)), width):
            yield (Piece(text),)
        return
    for turn in turns:
        yield (Piece(turn.role, "strong"), Piece(" ● trained" if turn.trained else "", "trained"))
        for text in wrap(turn.text, width - 2):
            yield (Piece("┃ " if turn.trained else "  ", "trained"), Piece(text))
