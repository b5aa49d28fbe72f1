"""Rows of a file on disk, untouched until the person saves."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from workbench.dataset.rows.decode import DecodeError, decode
from workbench.dataset.rows.open import Encoding, Rows, open_rows
from workbench.dataset.rows.style import dump_like

if TYPE_CHECKING:
    from workbench.dataset.rows.changes import Change, RowId
    from workbench.dataset.rows.document import Document, open_document
    from workbench.dataset.rows.outside import OutsideChange
    from workbench.dataset.rows.saving import Saved

# Reading needs neither the journal nor what it stands on: that is loaded when somebody edits.
_EDITING = {
    "Change": "changes",
    "Document": "document",
    "OutsideChange": "outside",
    "RowId": "changes",
    "Saved": "saving",
    "open_document": "document",
}

__all__ = [
    "Change",
    "DecodeError",
    "Document",
    "Encoding",
    "OutsideChange",
    "RowId",
    "Rows",
    "Saved",
    "decode",
    "dump_like",
    "open_document",
    "open_rows",
]


def __getattr__(name: str) -> object:
    """What editing needs, when it is asked for."""
    if name in _EDITING:
        return getattr(importlib.import_module(f"{__name__}.{_EDITING[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
