"""What a change of many records would do, before it is done."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from textual import on, work
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.widget import Widget
from textual.worker import Worker, WorkerState, get_current_worker

from workbench.errors import WorkbenchError
from workbench.screens.changed_text import change_lines
from workbench.screens.dialogs.dialog import Dialog
from workbench.terminal.escape import visible_line
from workbench.widgets.lines import LineList
from workbench.widgets.pace import NORMAL_HZ, Pace
from workbench.widgets.reading import Reading
from workbench.widgets.styles import stylesheet
from workbench.widgets.textline import Line, Piece, TextLine

if TYPE_CHECKING:
    from workbench.dataset.formats import Format
    from workbench.dataset.recipe.replay import Preview
    from workbench.dataset.recipe.steps.base import Services


LOOK_EVERY = 100
"""Records between two looks at the clock."""


@dataclass(frozen=True, slots=True)
class Target:
    """The records that a change is about."""

    records: Callable[[], Iterable[tuple[int, bytes, int | None]]]
    """Row, its bytes, its line; walked in a thread."""
    count: int
    said: str
    """As in `the 12 chosen records`."""
    format: Format
    services: Services


class Previewed(Message):
    """What the change would do is known."""

    def __init__(self, preview: Preview) -> None:
        super().__init__()
        self.preview = preview


class Looked(Message):
    """How many records were looked at so far."""

    def __init__(self, done: int) -> None:
        super().__init__()
        self.done = done

    def can_replace(self, message: Message) -> bool:
        """Only the newest matters."""
        return isinstance(message, Looked)


class _Left(Exception):
    """Nobody waits for the preview any more."""


class PreviewScreen(Dialog["Preview"]):
    """Closes with the preview of a step that is to be applied, or None."""

    CSS = stylesheet("preview")
    HINT = "enter applies it, one undo step · tab reads on · escape leaves everything as it is"
    BINDINGS: ClassVar[list[BindingType]] = [Binding("ctrl+s", "apply", show=False, priority=True)]

    def __init__(self, step: Mapping[str, Any], target: Target) -> None:
        super().__init__()
        self._step = dict(step)
        self._target = target
        self._preview: Preview | None = None
        self._head = TextLine(classes="title")
        self._list = LineList(id="changes", empty="looking…")
        self._change = Reading(id="change")

    def compose_body(self) -> Iterable[Widget]:
        """Counts, the records that change, the one under the cursor before and after."""
        yield self._head
        yield self._list
        yield self._change

    def on_mount(self) -> None:
        """Look through the records."""
        self._list.focus()
        self._say(f"looking through {self._target.said}…")
        self.look()

    @work(thread=True, exclusive=True, group="preview", exit_on_error=False)
    def look(self) -> None:
        """Apply the step to copies of the records."""
        from workbench.dataset.recipe.replay import preview

        worker = get_current_worker()
        pace: Pace[int] = Pace(lambda done: self.post_message(Looked(done)), NORMAL_HZ)

        def told(records: Iterable[tuple[int, bytes, int | None]]) -> Iterator[tuple[int, bytes, int | None]]:
            for done, record in enumerate(records):
                if done % LOOK_EVERY == 0:
                    if worker.is_cancelled:
                        raise _Left
                    pace.offer(done)
                yield record

        try:
            target = self._target
            self.post_message(Previewed(preview(self._step, told(target.records()), target.format, target.services)))
        except _Left:
            return

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        """What cannot be done is said here; nothing was changed."""
        if event.worker.group != "preview" or event.state is not WorkerState.ERROR:
            return
        error = event.worker.error
        text = error.message if isinstance(error, WorkbenchError) else f"{type(error).__name__}: {error}"
        self._list.empty = ""
        self._list.show_rows(0, self._row)
        self._say(f"✗ {visible_line(text)}", "bad")

    @on(Looked)
    def show_looked(self, message: Looked) -> None:
        """How far it is."""
        if self._preview is None:
            self._say(f"looking through {self._target.said}: {message.done:,} of {self._target.count:,}…")

    @on(Previewed)
    def show_preview(self, message: Previewed) -> None:
        """What would change, the first record in full."""
        found = self._preview = message.preview
        parts = [visible_line(found.title)]
        if found.changes or not found.dropped:
            parts.append(f"{len(found.changes):,} of {self._target.count:,} change")
        if found.dropped:
            parts.append(f"{len(found.dropped):,} of {self._target.count:,} go")
        self._say(" · ".join(parts))
        self._list.empty = "nothing would change"
        self._list.show_rows(len(found.changes) + len(found.dropped), self._row, cursor=0)

    def _say(self, text: str, role: str = "strong") -> None:
        self._head.show([Piece(text, role)])

    def _row(self, row: int) -> Line:
        assert self._preview is not None
        changes = self._preview.changes
        if row < len(changes):
            key, _, new = changes[row]
            return (Piece("~ ", "warning"), Piece(f"{_name(key):<10} ", "muted"), Piece(_words(new)))
        key, reason = self._preview.dropped[row - len(changes)]
        return (Piece("− ", "bad"), Piece(f"{_name(key):<10} ", "muted"), Piece(visible_line(reason)))

    @on(LineList.Moved, "#changes")
    def show_change(self, message: LineList.Moved) -> None:
        """The record under the cursor, before and after."""
        found, row = self._preview, message.row
        if found is None or row is None:
            self._change.show_text(lambda width: ())
        elif row < len(found.changes):
            _, old, new = found.changes[row]
            self._change.show_text(lambda width: change_lines(old, new, self._target.format, width))
        else:
            reason = found.dropped[row - len(found.changes)][1]
            self._change.show_text(lambda width: [(Piece("The record goes: ", "bad"), Piece(visible_line(reason)))])

    @on(LineList.Chosen, "#changes")
    def action_apply(self) -> None:
        """Close with what is to be done, if there is anything."""
        if self._preview is not None and (self._preview.changes or self._preview.dropped):
            self.dismiss(self._preview)

    def text_to_copy(self) -> str:
        """The change that is shown."""
        return self._change.text


def _name(key: int) -> str:
    return f"row {key + 1:,}" if key >= 0 else "edited"


def _words(raw: bytes) -> str:
    return visible_line(raw[:400].decode("utf-8", "replace"))
