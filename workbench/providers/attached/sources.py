"""Which reader fits a path."""

from __future__ import annotations

from pathlib import Path

from workbench.errors import WorkbenchError
from workbench.providers.attached.log_lines import LogLines
from workbench.providers.attached.reading import Source
from workbench.providers.attached.results_csv import ResultsCsv
from workbench.providers.attached.tail import cannot_read
from workbench.providers.attached.tfevents import EventFiles
from workbench.providers.attached.trainer_state import TrainerState, states_in

_EVENTS = "*.tfevents.*"
_RESULTS = ("results.csv", "result.csv")
_LOGS = ("*.log", "*.out", "*.txt")


def open_source(path: Path) -> Source:
    """The run at `path`: one of its files, or its folder, where what tells most is taken.

    Raises WorkbenchError where nothing there can be followed.
    """
    try:
        path = path.expanduser().resolve(strict=True)
        if path.is_dir():
            return _in_folder(path)
        with path.open("rb") as file:
            start = file.read(4096)
    except OSError as error:
        raise cannot_read(path, error) from error
    if ".tfevents." in path.name:
        return EventFiles(path)
    if path.suffix == ".json":
        return TrainerState(path)
    if path.suffix == ".csv" or start.lstrip(b"\xef\xbb\xbf").startswith(b"step,"):
        return ResultsCsv(path)
    if b"\0" in start:
        raise WorkbenchError(
            str(path), "is a binary file of no kind that is known", _ANY_OF, code="not_a_run", exit_code=2
        )
    return LogLines(path)


_ANY_OF = "give TensorBoard files, trainer_state.json, results.csv, a log with {'loss': …}, or their folder"


def _in_folder(folder: Path) -> Source:
    events = sorted((*folder.glob(_EVENTS), *folder.glob(f"*/{_EVENTS}"), *folder.glob(f"*/*/{_EVENTS}")), key=_time)
    if events:  # a folder is a run to TensorBoard: of several the newest is followed
        return EventFiles(events[-1].parent)
    if states_in(folder):
        return TrainerState(folder)
    for name in _RESULTS:
        if (folder / name).is_file():
            return ResultsCsv(folder / name)
    logs = sorted((log for pattern in _LOGS for log in folder.glob(pattern)), key=_time)
    if logs:
        return LogLines(logs[-1])
    raise WorkbenchError(str(folder), "holds nothing that can be followed", _ANY_OF, code="not_a_run", exit_code=2)


def _time(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:  # it went away between the two looks
        return 0.0
