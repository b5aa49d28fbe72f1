"""Ask for a file by its path."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from textual import on
from textual.suggester import Suggester
from textual.widget import Widget
from textual.widgets import Input

from workbench.screens.dialogs.dialog import Dialog
from workbench.terminal.escape import visible


class PathSuggester(Suggester):
    """The first name in the folder that goes on from what is typed."""

    def __init__(self) -> None:
        super().__init__(use_cache=False, case_sensitive=True)

    async def get_suggestion(self, value: str) -> str | None:
        """A longer path that exists, or None."""
        folder, _, start = value.rpartition("/")
        place = Path(os.path.expanduser(folder or ("/" if value.startswith("/") else ".")))  # noqa: ASYNC240, PTH111
        try:
            names = sorted(entry.name + ("/" if entry.is_dir() else "") for entry in os.scandir(place))
        except OSError:
            return None
        fitting = (name for name in names if start and name.startswith(start) and visible(name) == name)
        found = next(fitting, None)
        return None if found is None else value[: len(value) - len(start)] + found


class PathDialog(Dialog[Path]):
    """Closes with the path as typed, `~` expanded; whether it can be read is the opener's to say."""

    HINT = "enter opens · → completes · escape closes"

    def __init__(self, title: str) -> None:
        super().__init__()
        self._title = title

    def compose_body(self) -> Iterable[Widget]:
        """One line to type in."""
        field = Input(placeholder="path to a .jsonl file", suggester=PathSuggester())
        field.border_title = self._title
        yield field

    @on(Input.Submitted)
    def done(self, message: Input.Submitted) -> None:
        """Close with the path."""
        if message.value.strip():
            self.dismiss(Path(message.value.strip()).expanduser())
