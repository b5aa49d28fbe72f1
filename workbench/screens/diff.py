"""What differs between two versions of a file, record by record."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, ClassVar

from textual import on, work
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.worker import get_current_worker

from workbench.screens.changed_text import change_lines
from workbench.screens.dialogs.review import ReviewDialog
from workbench.terminal.escape import visible, visible_line
from workbench.widgets.pace import NORMAL_HZ, Pace
from workbench.widgets.textline import Line, Piece, wrap

if TYPE_CHECKING:
    from workbench.dataset.diff import Diff, Side
    from workbench.dataset.formats import Format

_HEAD = 400
"""Bytes of a record that its line in the list shows."""


class Compared(Message):
    """The differences are known."""

    def __init__(self, old: Side, new: Side, diff: Diff) -> None:
        super().__init__()
        self.old, self.new, self.diff = old, new, diff


class Comparing(Message):
    """How far the comparison is."""

    def __init__(self, done: int, total: int) -> None:
        super().__init__()
        self.done, self.total = done, total

    def can_replace(self, message: Message) -> bool:
        """Only the newest matters."""
        return isinstance(message, Comparing)


class _Left(Exception):
    """Nobody waits for it any more."""


class DiffScreen(ReviewDialog[int]):
    """Closes with the place, from 0, of a record of the new version to go to, or None."""

    HINT = "enter goes to the record · tab reads on · escape closes"
    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter", "go", show=False, priority=True)]

    def __init__(self, title: str, sides: Callable[[], tuple[Side, Side]], fmt: Format) -> None:
        super().__init__()
        self._title = visible_line(title)
        self._sides = sides
        """Opens both versions, old and new; called in a thread."""
        self._format = fmt
        self._found: Compared | None = None
        self._rows: list[tuple[str, int | None, int | None]] = []

    @work(thread=True, exclusive=True, group="review", exit_on_error=False)
    def look(self) -> None:
        """Compare."""
        from workbench.dataset.diff import diff

        worker = get_current_worker()
        pace: Pace[tuple[int, int]] = Pace(lambda far: self.post_message(Comparing(*far)), NORMAL_HZ)

        def progress(done: int, total: int) -> None:
            if worker.is_cancelled:
                raise _Left
            pace.offer((done, total))

        old, new = self._sides()
        try:
            self.post_message(Compared(old, new, diff(old, new, progress=progress)))
        except _Left:
            return

    @on(Comparing)
    def show_comparing(self, message: Comparing) -> None:
        """How far it is."""
        if self._found is None:
            self.say(f"{self._title}: comparing {message.done * 100 // max(message.total, 1)} %…")

    @on(Compared)
    def show_compared(self, message: Compared) -> None:
        """Counts, then what changed, what came and what went."""
        self._found, found = message, message.diff
        self._rows = [("~", pair.old, pair.new) for pair in found.changed]
        self._rows += [("+", None, at) for at in found.added] + [("−", at, None) for at in found.removed]
        parts = [self._title, f"{len(found.changed):,} changed", f"{len(found.added):,} added"]
        parts += [f"{len(found.removed):,} removed", f"{found.same:,} the same"]
        self.say(" · ".join([*parts, *(["in another order"] if found.reordered else [])]))
        self.show_found(len(self._rows), "nothing differs")

    def row(self, row: int) -> Line:
        """A sign, the record's place, its first words."""
        assert self._found is not None
        sign, old, new = self._rows[row]
        raw = self._found.old.raw(old) if new is None and old is not None else self._found.new.raw(new or 0)
        at = new if new is not None else old or 0
        role = {"~": "warning", "+": "good", "−": "bad"}[sign]
        words = visible_line(raw[:_HEAD].decode("utf-8", "replace"))
        return (Piece(f"{sign} ", role), Piece(f"{at + 1:>9,}  ", "muted"), Piece(words))

    def lines(self, row: int, width: int) -> Iterable[Line]:
        """Both versions in one, or the record that came or went."""
        assert self._found is not None
        sign, old, new = self._rows[row]
        if old is not None and new is not None:
            return change_lines(self._found.old.raw(old), self._found.new.raw(new), self._format, width)
        raw = self._found.new.raw(new) if new is not None else self._found.old.raw(old or 0)
        text = visible(raw[:20_000].decode("utf-8", "replace"))
        head = (Piece("added" if sign == "+" else "removed", "good" if sign == "+" else "bad"),)
        return [head, *((Piece(line),) for line in wrap(text, width))]

    def action_go(self) -> None:
        """Close with the record under the cursor, if the new version has it."""
        if self._rows and (new := self._rows[self.list.cursor][2]) is not None:
            self.dismiss(new)
