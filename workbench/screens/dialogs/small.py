"""What stands in a terminal that is too small for the app."""

from __future__ import annotations

from textual import events
from textual.app import ComposeResult
from textual.screen import ModalScreen
from textual.widgets import Static

from workbench.terminal.size import too_small


class TooSmallScreen(ModalScreen[None]):
    """A calm notice over everything; it goes when the terminal grows."""

    DEFAULT_CSS = """
    TooSmallScreen { align: center middle; background: $background; }
    TooSmallScreen > Static { width: 100%; text-align: center; }
    """

    def compose(self) -> ComposeResult:
        """The notice."""
        yield Static(markup=False)

    def on_resize(self, event: events.Resize) -> None:
        """With the size as it is now."""
        self.query_one(Static).update(too_small(event.size.width, event.size.height) or "")
