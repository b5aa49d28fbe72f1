"""What a change of many records would do, before it is done."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from textual import on, work
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.worker import get_current_worker

from workbench.screens.changed_text import change_lines
from workbench.screens.dialogs.review import ReviewDialog
from workbench.terminal.escape import visible_line
from workbench.widgets.lines import LineList
from workbench.widgets.pace import NORMAL_HZ, Pace
from workbench.widgets.textline import Line, Piece

if TYPE_CHECKING:
    from workbench.dataset.formats import Format
    from workbench.dataset.recipe.replay import Preview
    from workbench.dataset.recipe.steps.base import Services

LOOK_EVERY = 100
"""Records between two looks at the clock."""
_HEAD = 400
"""Bytes of a record that its line in the list shows."""


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
    chosen: Callable[[int], int | None] | None = None
    """Where the records are only some, picked by hand: the position of each, so that a recipe is about the same."""


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


class PreviewScreen(ReviewDialog["Preview"]):
    """Closes with the preview of a step that is to be applied, or None."""

    HINT = "enter applies it, as one undo step · tab reads on · escape changes nothing"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+s", "apply", show=False, priority=True),
        Binding("enter", "apply", show=False),  # an empty list chooses nothing
    ]

    def __init__(self, step: Mapping[str, Any], target: Target) -> None:
        super().__init__()
        self._step = dict(step)
        self._target = target
        self._preview: Preview | None = None

    @work(thread=True, exclusive=True, group="review", exit_on_error=False)
    def look(self) -> None:
        """Apply the step to copies of the records."""
        from workbench.dataset.recipe.replay import preview

        worker, target = get_current_worker(), self._target
        pace: Pace[int] = Pace(lambda done: self.post_message(Looked(done)), NORMAL_HZ)

        def told(records: Iterable[tuple[int, bytes, int | None]]) -> Iterator[tuple[int, bytes, int | None]]:
            for done, record in enumerate(records):
                if done % LOOK_EVERY == 0:
                    if worker.is_cancelled:
                        raise _Left
                    pace.offer(done)
                yield record

        try:
            found = preview(self._step, told(target.records()), target.format, target.services, chosen=target.chosen)
            self.post_message(Previewed(found))
        except _Left:
            return

    @on(Looked)
    def show_looked(self, message: Looked) -> None:
        """How far it is."""
        if self._preview is None:
            self.say(f"looking through {self._target.said}: {message.done:,} of {self._target.count:,}…")

    @on(Previewed)
    def show_preview(self, message: Previewed) -> None:
        """What would change, the first record in full."""
        found = self._preview = message.preview
        parts = [visible_line(found.title)]
        if found.changes or not found.dropped:
            parts.append(f"{len(found.changes):,} of {self._target.count:,} change")
        if found.dropped:
            parts.append(f"{len(found.dropped):,} of {self._target.count:,} go")
        self.say(" · ".join(parts))
        self.show_found(len(found.changes) + len(found.dropped), "nothing would change")

    def row(self, row: int) -> Line:
        """A record that changes, or one that goes and why."""
        assert self._preview is not None
        changes = self._preview.changes
        if row < len(changes):
            key, _, new = changes[row]
            words = visible_line(new[:_HEAD].decode("utf-8", "replace"))
            return (Piece("~ ", "warning"), Piece(f"{_name(key):<12} ", "muted"), Piece(words))
        key, reason = self._preview.dropped[row - len(changes)]
        return (Piece("− ", "bad"), Piece(f"{_name(key):<12} ", "muted"), Piece(visible_line(reason)))

    def lines(self, row: int, width: int) -> Iterable[Line]:
        """The record before and after, or why it goes."""
        assert self._preview is not None
        changes = self._preview.changes
        if row < len(changes):
            _, old, new = changes[row]
            return change_lines(old, new, self._target.format, width)
        reason = self._preview.dropped[row - len(changes)][1]
        return [(Piece("The record goes: ", "bad"), Piece(visible_line(reason)))]

    @on(LineList.Chosen, "#changes")
    def action_apply(self) -> None:
        """Close with what is to be done; where nothing would change, without."""
        if self._preview is not None:
            self.dismiss(self._preview if self._preview.changes or self._preview.dropped else None)


def _name(key: int) -> str:
    return f"row {key + 1:,}" if key >= 0 else "edited"
