"""Rows of a file on disk, untouched until the person saves."""

from __future__ import annotations

from workbench.dataset.rows.decode import DecodeError, decode
from workbench.dataset.rows.open import Encoding, Rows, open_rows

__all__ = ["DecodeError", "Encoding", "Rows", "decode", "open_rows"]
