"""The filter language: which records of a file, in one line that can be typed and kept in a recipe."""

from __future__ import annotations

from workbench.dataset.query.language import Query, QueryError, parse_query
from workbench.dataset.query.row import QueryRow
from workbench.dataset.query.select import Known, Selected, select

__all__ = ["Known", "Query", "QueryError", "QueryRow", "Selected", "parse_query", "select"]
