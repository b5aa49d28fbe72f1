"""Where training data comes from: files and datasets as streams of rows, and how rows become records."""

from __future__ import annotations

from workbench.dataset.sources.apply import Unplaced, apply
from workbench.dataset.sources.guess import Guessed, guess
from workbench.dataset.sources.mapping import ColumnMapping, check_columns, dump_mapping, parse_mapping, read_mapping
from workbench.dataset.sources.open import open_source
from workbench.dataset.sources.place import Placed, place_rows
from workbench.dataset.sources.source import Column, Progress, Sniffed, Source, SourceOptions, SourceRow

__all__ = [
    "Column",
    "ColumnMapping",
    "Guessed",
    "Placed",
    "Progress",
    "Sniffed",
    "Source",
    "SourceOptions",
    "SourceRow",
    "Unplaced",
    "apply",
    "check_columns",
    "dump_mapping",
    "guess",
    "open_source",
    "parse_mapping",
    "place_rows",
    "read_mapping",
]
