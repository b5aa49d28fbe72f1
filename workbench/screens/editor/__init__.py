"""The record editor: one screen for a record of any format."""

from __future__ import annotations

from workbench.screens.editor.draft import Edited, OpenedRecord
from workbench.screens.editor.screen import EditorScreen

__all__ = ["Edited", "EditorScreen", "OpenedRecord"]
