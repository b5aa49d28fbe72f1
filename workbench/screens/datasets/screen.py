"""Datasets: the records of a file, the one under the cursor as people read it, and what is wrong with them."""

from __future__ import annotations

from typing import ClassVar

from textual.binding import BindingType

from workbench.actions import bindings_for
from workbench.screens.datasets.arranging import Arranging
from workbench.screens.datasets.changing import Changing
from workbench.screens.datasets.exchanging import Exchanging
from workbench.screens.datasets.filtering import Filtering, FilterInput
from workbench.screens.datasets.marking import Marking
from workbench.screens.datasets.problems import Problems
from workbench.screens.datasets.saving import Saving
from workbench.widgets.styles import stylesheet


class DatasetsScreen(Changing, Arranging, Exchanging, Saving, Filtering, Marking, Problems):
    """The project's files, one at a time."""

    MODE = "datasets"
    CSS = stylesheet("datasets")
    BINDINGS: ClassVar[list[BindingType]] = list(bindings_for("datasets"))
    AUTO_FOCUS = "#records"
    HELP = """\
# Datasets

A *record* is one training example: a conversation whose assistant's messages the model learns. On the left are the \
records of one file, on the right the one under the cursor; tab goes there, `enter` opens it in the editor.

The letters before a record are its roles in order: s system, u user, a assistant, t tool. A message marked ● is \
trained; the others are only read by the model. ✗ marks an error, ! a warning; what it is stands above the record, `w` \
lists all of them by rule. A line number in another colour is that of an edited record, ◆ stands before a marked one.

Edits are kept in a journal as they are made and can be undone; the file on disk stays as it is until `ctrl+s`.

# Filters

Words are looked for in the texts, case aside; several in one record. The rest is as in these:

- `"two words"` together; `/refund(ed)?/i` a regular expression; `user:refund`, `assistant:"I cannot"` in one role
- `tokens>4096`, `turns>=3`, `size>100k`, `line:100-200`
- `role:tool` a message of that role; `label:refund` the last answer is that
- `has:secret`, and personal, tools, image, weight, error, warning, duplicate, broken, edited
- `rule:M003` or its name; `severity:error`
- `-x` or `not x`, `x or y`, parentheses
"""

    def action_focus_records(self) -> None:
        """Keys go to the list."""
        self.records.focus()

    def action_next_record(self) -> None:
        """One record on."""
        self.records.cursor += 1

    def action_previous_record(self) -> None:
        """One record back."""
        self.records.cursor -= 1

    def action_clear_filter(self) -> None:
        """Take back what was chosen: a range, marks, then filter, order and sample."""
        if not self.unmark():
            self.show_all()
        self.refresh_bindings()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Escape means something only while there is something to take back."""
        if action == "clear_filter":
            marked = self.view is not None and bool(self.view.marked)
            return bool(self.query(FilterInput)) or not self.wanted.is_all or marked or self.range_from is not None
        return super().check_action(action, parameters)

    def text_to_copy(self) -> str:
        """The record under the cursor, as it stands in the file."""
        if self.file is None or self.row is None:
            return ""
        return self.file.document.raw(self.row).decode("utf-8", "replace")
