"""`results.csv` of a finished job: plain at Azure, base64 at OpenAI, their columns spelt in two ways."""

from __future__ import annotations

import base64
import binascii
import csv
import io
from pathlib import Path

from workbench.errors import WorkbenchError
from workbench.providers.attached.reading import Reading, number, our_name
from workbench.providers.attached.tail import cannot_read, changed_at

_ACCURACIES = {"train_accuracy": "train_mean_token_accuracy", "valid_accuracy": "valid_mean_token_accuracy"}
"""OpenAI's file names the training side so, and beside it `valid_mean_token_accuracy`."""


class ResultsCsv:
    """A file of results, also one that still grows."""

    kind = "results.csv"

    def __init__(self, path: Path) -> None:
        self.path = path
        self.finished = True
        self._told = 0
        self._stamp: tuple[int, int] | None = None

    def read_new(self) -> list[Reading]:
        """The rows that are new."""
        try:
            stat = self.path.stat()
            if (stat.st_mtime_ns, stat.st_size) == self._stamp:
                return []
            data = self.path.read_bytes()
        except OSError as error:
            raise cannot_read(self.path, error) from error
        rows = results(data, str(self.path), at=stat.st_mtime)
        self._stamp = (stat.st_mtime_ns, stat.st_size)
        if len(rows) < self._told:
            self._told = 0
        new, self._told = rows[self._told :], len(rows)
        return new

    def changed_at(self) -> float:
        """When it was written."""
        return changed_at([self.path])


def results(data: bytes, place: str, *, at: float = 0.0) -> list[Reading]:
    """The rows of a result file's bytes. Raises WorkbenchError where they are no such file; `place` names it."""
    text = _decoded(data)
    if text is None:
        why = "has no column `step`: it is no file of results"
        raise WorkbenchError(place, why, "give the results.csv of a job", code="unreadable")
    whole = text[: text.rfind("\n") + 1] or text
    found = []
    for row in csv.DictReader(io.StringIO(whole)):
        step = number(row.get("step"))
        if step is None or step != step or step in (float("inf"), float("-inf")):
            continue
        values = {}
        for name, told in row.items():
            value = number(told) if name and name != "step" and told else None
            if value is not None:
                values[_ACCURACIES.get(name) or our_name(name)] = value
        if values:
            found.append(Reading(int(step), values, at))
    return found


def _decoded(data: bytes) -> str | None:
    """The CSV text, out of base64 where it is that; None where neither starts with a column `step`."""
    for held in (data, _unpacked(data)):
        if held is None:
            continue
        text = held.decode("utf-8-sig", "replace").lstrip()
        if "step" in [name.strip().strip('"') for name in text.partition("\n")[0].split(",")]:
            return text
    return None


def _unpacked(data: bytes) -> bytes | None:
    try:
        return base64.b64decode(b"".join(data.split()), validate=True)
    except (binascii.Error, ValueError):
        return None
