"""`import`: the first step of a recipe whose input is no file of records yet: columns become records."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field

from workbench.dataset.formats import Format
from workbench.dataset.recipe.entry import Entry
from workbench.dataset.recipe.steps.base import Step, StepRun
from workbench.errors import WorkbenchError

if TYPE_CHECKING:
    from workbench.dataset.sources import ColumnMapping, Source


class Import(Step):
    """A template that says which columns become what; here, or in a file of its own."""

    KIND: ClassVar[str] = "import"

    mapping: dict[str, Any] = Field(default_factory=dict)
    """The template's keys, as `dataset/sources/mapping.py` has them."""
    template: str = ""
    """Instead: the template's file; a relative path is relative to the recipe."""

    @property
    def title(self) -> str:
        """As `import by crm.toml`."""
        return f"import by {self.template or 'the template here'}"

    def read(self, folder: Path | None) -> ColumnMapping:
        """The template; raises WorkbenchError for one that is missing or wrong."""
        import tomli_w

        from workbench.dataset.sources import parse_mapping, read_mapping

        if self.template:
            path = Path(self.template)
            return read_mapping(path if path.is_absolute() or folder is None else folder / path)
        if not self.mapping:
            raise WorkbenchError("import", "has no template", "give `mapping` or `template`", code="bad_step")
        return parse_mapping(tomli_w.dumps(self.mapping), "the recipe's import template")

    def apply(self, entries: Iterable[Entry], run: StepRun) -> Iterator[Entry]:
        """Nothing to do among records: an import is where they come from."""
        raise WorkbenchError(
            f"step {run.number} (import)", "is not the first step", "an import can only begin a recipe", code="bad_step"
        )

    def records(self, path: Path, run: StepRun, folder: Path | None) -> tuple[Format, Iterator[Entry]]:
        """The format, and the records of a file of rows; rows that find no place are dropped with the reason.

        Raises WorkbenchError for a template that does not fit the file: a column that is not there any more is named.
        """
        from workbench.dataset.sources import check_columns, open_source

        mapping = self.read(folder)
        source = open_source(path, mapping.source)
        check_columns(mapping, [column.name for column in source.columns])
        return mapping.format, self._placed(source, mapping, run)

    def _placed(self, source: Source, mapping: ColumnMapping, run: StepRun) -> Iterator[Entry]:
        from workbench.dataset.sources import Unplaced, place_rows

        for placed in place_rows(source, mapping):
            if isinstance(placed, Unplaced):
                run.seen += 1
                run.lose(placed.line, placed.reason)
                continue
            run.seen += len(placed.numbers)
            entry = Entry(run.touched, placed.numbers[0], run.shelf.put(_json(placed.value)), run.shelf)
            entry.changed = True
            run.touched += 1
            yield entry


def _json(value: dict[str, Any]) -> bytes:
    try:
        return json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:  # half a surrogate pair can only be written as an escape
        return json.dumps(value).encode()
