"""Another package called `workbench`: one exists on the index, and whichever comes first on the path wins."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from workbench.errors import WorkbenchError

_OURS = Path(__file__).resolve().parent.parent


def foreign_package(search_path: Sequence[str] | None = None, ours: Path = _OURS) -> Path | None:
    """Where a foreign `workbench` stands on the import path or among our own files, or None.

    Only folders are looked at: nothing is imported and no metadata is parsed, so that it can run at every start.
    """
    for entry in sys.path if search_path is None else search_path:
        folder = Path(entry or ".")
        for candidate in (folder / "workbench" / "__init__.py", folder / "workbench.py"):
            if candidate.is_file() and candidate.resolve().parent != ours:
                return candidate
    return next(iter(ours.parent.glob("workbench-*.dist-info")), None)


def refuse_foreign_package(search_path: Sequence[str] | None = None, ours: Path = _OURS) -> None:
    """Raise WorkbenchError where another package could be imported in place of ours, or is mixed into it."""
    found = foreign_package(search_path, ours)
    if found is not None:
        raise WorkbenchError(
            f"another Python package named `workbench` ({found})",
            "collides with ftwb's",
            "install ftwb in a virtual environment of its own, or uninstall the other package",
            code="foreign_package",
        )
