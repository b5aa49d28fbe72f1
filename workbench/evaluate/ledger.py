"""What was already answered: a run's `items.jsonl`, and the cache of answers that all runs share."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from workbench.errors import WorkbenchError
from workbench.evaluate.results import ItemResult

if TYPE_CHECKING:
    from io import BufferedRandom

ITEMS = "items.jsonl"


class Answer(BaseModel):
    """What a candidate's model said to one prompt, and what that took."""

    model_config = ConfigDict(extra="allow")

    text: str
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    latency_s: float | None = None
    first_token_s: float | None = None
    cost: float | None = None
    """US dollars: measured tokens times price; None where no price is known."""
    fingerprint: str | None = None
    cached_tokens: int | None = None
    """Prompt tokens that the provider billed as cached; None where it does not say."""
    busy_s: float | None = None
    """This call's share of the time in which the server was busy: calls in flight together share their seconds. None
    for a call that may have waited for the model to be loaded."""


def read_rows(run_dir: Path) -> list[ItemResult]:
    """The rows of a run, one for each candidate, item and repeat: the last one counts. A torn last line is dropped."""
    rows: dict[tuple[str, int, int], ItemResult] = {}
    for row in _lines(run_dir / ITEMS):
        rows[row.candidate, row.index, row.repeat] = row
    return list(rows.values())


def _lines(path: Path) -> Iterator[ItemResult]:
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return
    for line in data.split(b"\n")[:-1]:
        # A line that is no row was torn by a crash of the machine: its answer is in the cache, or is asked again.
        with contextlib.suppress(ValidationError):
            yield ItemResult.model_validate_json(line)


class Ledger:
    """Appends rows to `items.jsonl`; what `append` returned from has reached the disk."""

    def __init__(self, run_dir: Path) -> None:
        run_dir.mkdir(parents=True, exist_ok=True)
        self._path = run_dir / ITEMS
        self._file: BufferedRandom | None = None

    def __enter__(self) -> Self:
        self._path.touch()
        self._file = self._path.open("r+b")
        # A torn last line would swallow the next one.
        self._file.truncate(self._path.read_bytes().rfind(b"\n") + 1)
        self._file.seek(0, os.SEEK_END)
        return self

    def append(self, row: ItemResult) -> None:
        """Write one row and wait for the disk."""
        assert self._file is not None
        try:
            self._file.write(row.model_dump_json().encode("utf-8", "surrogatepass") + b"\n")
            self._file.flush()
            os.fsync(self._file.fileno())
        except OSError as error:
            raise cannot_write(self._path, error) from error

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._file is not None:
            self._file.close()


class AnswerCache:
    """Answers by key, a file each; a broken file counts as missing, failed calls are never kept."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def _path(self, key: str) -> Path:
        return self._folder / key[:2] / f"{key}.json"

    def get(self, key: str) -> Answer | None:
        """The answer, if this very call was made before."""
        try:
            return Answer.model_validate_json(self._path(key).read_bytes())
        except (OSError, ValidationError):
            return None

    def put(self, key: str, answer: Answer) -> None:
        """Keep an answer: complete on disk, or not there."""
        path = self._path(key)
        try:
            self._write(path, answer)
        except OSError as error:
            raise cannot_write(path, error) from error

    @staticmethod
    def _write(path: Path, answer: Answer) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=".tmp")
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(answer.model_dump_json().encode("utf-8", "surrogatepass"))
                file.flush()
                os.fsync(file.fileno())
            Path(name).replace(path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise


class DiskError(WorkbenchError):
    """Answers cannot be kept: nothing more may be asked."""

    code = "disk"


def cannot_write(path: Path, error: OSError) -> DiskError:
    """The sentence for a file of ours that cannot be written."""
    why = f"cannot be written ({(error.strerror or 'input/output error').lower()})"
    return DiskError(str(path), why, "make room or rights and start again: what was answered is kept")
