"""Textual's bugs and habits that we work around, each with its reason and a test that fails when it may go.

Checked against Textual 8.2.8.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from textual.app import App
from textual.widget import Widget


def repaint_after_resume(app: App[Any]) -> None:
    """Repaint when the shell brings the app back (ctrl+z, `fg`).

    Textual enters the alternate screen again but draws nothing (issue 6298): the screen stays blank until a key.
    """
    app.app_resume_signal.subscribe(app, lambda _: app.refresh(layout=True))


def still_cursor(widget: Widget) -> None:
    """Stop the text cursor of an input from blinking.

    A blinking cursor writes about 520 bytes a second over SSH for ever; Textual blinks by default, its command palette
    included, and has no global switch.
    """
    if hasattr(widget, "cursor_blink"):
        widget.cursor_blink = False


def terminal_writer(app: App[Any]) -> Callable[[str], object] | None:
    """What writes past Textual: neither a bell nor a notification is drawn. None where there is no terminal.

    Textual rings the bell, but has no call for a sequence of one's own.
    """
    driver = app._driver
    return None if driver is None or app.is_headless else driver.write
