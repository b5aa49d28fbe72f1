"""Help: what a screen is for, and the keys that work in it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.widget import Widget

import workbench
from workbench.actions import Action, key_name
from workbench.screens.dialogs.dialog import Dialog
from workbench.terminal.escape import visible
from workbench.widgets.reading import Reading
from workbench.widgets.textline import Line, Piece, wrap

_MARKS = re.compile(r"(\*\*|\*|`)(.+?)\1")
"""Emphasis and code, which lines of pieces do without."""


class HelpDialog(Dialog[None]):
    """Markdown of headings, paragraphs and `-` lists, then a table of keys by group."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("q,f1,question_mark", "leave", show=False)]

    def __init__(self, markdown: str, actions: Sequence[Action], keys: dict[str, str]) -> None:
        super().__init__()
        self._markdown, self._actions, self._keys = markdown, actions, keys
        self._reading = Reading()
        # Read now, not at import: tests pin it.
        self.hint = f"escape closes · j k scroll · ftwb {workbench.__version__}"

    def compose_body(self) -> Iterable[Widget]:
        """The text."""
        yield self._reading

    def on_mount(self) -> None:
        """Fill it."""
        self._reading.show_text(self._lines)
        self._reading.focus()

    def _lines(self, width: int) -> list[Line]:
        return [*_prose(self._markdown, width), *_keys(self._actions, self._keys, width)]

    def text_to_copy(self) -> str:
        """All of it."""
        return self._reading.text


def _prose(markdown: str, width: int) -> list[Line]:
    """Headings, paragraphs and list items as lines; a paragraph's line breaks are blanks."""
    lines: list[Line] = []
    for block in _MARKS.sub(r"\2", visible(markdown)).strip().split("\n\n"):
        if not block.strip():
            continue
        if block.startswith("#"):
            lines.append((Piece(block.lstrip("# "), "accent"),))
        elif block.startswith("- "):
            for item in block.removeprefix("- ").split("\n- "):
                first, *rest = wrap(" ".join(item.split()), width - 2)
                lines += [(Piece(f"· {first}"),), *((Piece(f"  {line}"),) for line in rest)]
        else:
            lines += [(Piece(line),) for line in wrap(" ".join(block.split()), width)]
        lines.append(())
    return lines


def _keys(actions: Sequence[Action], keys: dict[str, str], width: int) -> list[Line]:
    """A table of two columns for each group; `keys` holds what a person's keymap changed."""
    lines: list[Line] = []
    for group in dict.fromkeys(action.group for action in actions):
        lines.append((Piece(f"Keys · {group}", "accent"),))
        for action in actions:
            if action.group != group or not (action.keys or action.id in keys):
                continue
            own = keys.get(action.id)
            shown = action.shown_keys if own is None else ", ".join(key_name(key) for key in own.split(","))
            first, *rest = wrap(f"{action.title}: {action.help}", max(20, width - 19))
            lines.append((Piece(f"  {shown:<16} ", "key"), Piece(first)))
            lines += [(Piece(" " * 19 + line),) for line in rest]
        lines.append(())
    return lines
