"""The Datasets screen: a file's records as a list, what is wrong with them, and the edits that put it right."""

from __future__ import annotations

from workbench.screens.datasets.screen import DatasetsScreen

__all__ = ["DatasetsScreen"]
