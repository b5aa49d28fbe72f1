"""Rows of a file on disk, untouched until the person saves."""

from __future__ import annotations

from workbench.dataset.rows.changes import Change, RowId
from workbench.dataset.rows.decode import DecodeError, decode
from workbench.dataset.rows.document import Document, open_document
from workbench.dataset.rows.open import Encoding, Rows, open_rows
from workbench.dataset.rows.outside import OutsideChange
from workbench.dataset.rows.saving import Saved
from workbench.dataset.rows.style import dump_like

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
