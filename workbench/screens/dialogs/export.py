"""Where records are exported to, and in which format."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from workbench.errors import WorkbenchError
from workbench.screens.dialogs.form import Field, FormDialog
from workbench.screens.dialogs.path import PathSuggester

_PLAIN, _AUTOTRAIN, _BOM = "as they are", "AutoTrain's columns", "with a byte order mark (Azure)"


@dataclass(frozen=True, slots=True)
class ExportRequest:
    """What was asked for."""

    path: Path
    format: str
    lossy: bool
    """Whether what the format cannot hold may be left out."""
    autotrain: bool
    bom: bool


class ExportDialog(FormDialog[ExportRequest]):
    """Closes with a request, or None."""

    DOES = "exports"

    def __init__(self, records: int, path: str, fmt: str, formats: Sequence[str]) -> None:
        held = (("is named, nothing is written", ""), ("is left out", "lossy"))
        layouts = tuple((name, name) for name in (_PLAIN, _AUTOTRAIN, _BOM))
        super().__init__(
            [
                Field("path", "file", path, suggester=PathSuggester()),
                Field("format", "format", fmt, choices=[(name, name) for name in formats]),
                Field("lossy", "what it cannot hold", "", choices=held),
                Field("layout", "written", _PLAIN, choices=layouts),
            ],
            title=f"Export {records:,} records",
            about="The name's end says what kind of file: .jsonl, .jsonl.gz, .jsonl.zst, .csv, .tsv, .parquet",
        )

    def answer(self, values: Mapping[str, str]) -> ExportRequest:
        """The request."""
        path = values["path"].strip()
        if not path:
            raise WorkbenchError("file", "is empty", "name the file to write")
        layout = values["layout"]
        return ExportRequest(
            Path(path).expanduser(), values["format"], values["lossy"] == "lossy", layout == _AUTOTRAIN, layout == _BOM
        )
