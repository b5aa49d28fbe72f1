"""A yes that shows the command which would do the same, to copy."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.binding import Binding, BindingType

from workbench.screens.dialogs.confirm import ConfirmDialog


class ConfirmCommandDialog(ConfirmDialog):
    """True for yes; `c` copies the commands."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("c", "copy", "Copy", show=False)]

    def __init__(self, question: str, detail: str, commands: Sequence[str]) -> None:
        self._commands = tuple(commands)
        shown = "\n\nThe same by Azure's own tool:\n" + "\n".join(self._commands) if self._commands else ""
        super().__init__(question, detail + shown)
        if self._commands:
            self.hint = f"{self.HINT} · c copies {'the command' if len(self._commands) == 1 else 'the commands'}"

    def text_to_copy(self) -> str:
        """The commands, one a line."""
        return "\n".join(self._commands)
