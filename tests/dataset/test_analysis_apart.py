"""An analysis that a process of its own conducts: the same result, in memory of both."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import psutil
import pytest

from tests.benchmarks.make_records import write
from tests.dataset.test_analysis import same
from tests.processes import children, running
from workbench.dataset.analysis import AnalysisCancelled, Before, Chunk, Columns, Spec, analyse, analyse_apart
from workbench.dataset.analysis import apart as apart_module
from workbench.dataset.analysis.columns import TYPES
from workbench.dataset.analysis.shared import columns_in, memory_for
from workbench.dataset.analysis.tasks import SMALL_BYTES
from workbench.dataset.formats import Format
from workbench.dataset.rows import open_document, open_rows
from workbench.errors import WorkbenchError

CHAT = Spec(Format.CHAT)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Chat records with mistakes and copies, more of them than are looked at in the app."""
    path = tmp_path_factory.mktemp("made") / "chats.jsonl"
    write(path, 9000, 7, broken=0.02, duplicates=0.03, near=0.01, secrets=0.01)
    assert path.stat().st_size > 2 * SMALL_BYTES
    return path


def conductors(parent: psutil.Process | None = None) -> list[psutil.Process]:
    """The processes that conduct an analysis for `parent`."""
    return running("workbench.dataset.analysis.conductor", parent)


def test_it_finds_what_an_analysis_finds_here(made: Path, tmp_path: Path) -> None:
    """All of it, row after row as it becomes known; from the cache too, then at once."""
    chunks: list[Chunk] = []
    seen: list[tuple[int, int]] = []
    with open_rows(made) as rows:
        here = analyse(rows, CHAT, workers=0)
        for _ in range(2):
            there = analyse_apart(
                rows,
                CHAT,
                cache=tmp_path,
                on_chunk=chunks.append,
                progress=lambda done, size: seen.append((done, size)),
            )
            same(there, here)
            assert conductors() == []
        assert [chunk.first_row for chunk in chunks] == np.cumsum([0, *[len(chunk.columns) for chunk in chunks]])[
            :-1
        ].tolist()
        assert sum(len(chunk.columns) for chunk in chunks) == len(rows)
        assert all(chunk.file is chunks[0].file for chunk in chunks)
        assert sum(len(chunk.findings) for chunk in chunks) > 0
        assert seen[-1] == (rows.size, rows.size)
    assert not there.columns.flags.flags.writeable


def test_what_is_known_of_a_file_before_it_was_saved_is_carried(made: Path, tmp_path: Path) -> None:
    """In the other process as here: only the row that was written is looked at."""
    path = tmp_path / "chats.jsonl"
    path.write_bytes(made.read_bytes())
    with open_document(path, tmp_path / "journals") as document:
        document.index_rest()
        analyse_apart(document.rows, CHAT, cache=tmp_path / "cache")
        document.delete([document.id_at(5)], title="")
        document.replace({document.id_at(40): document.raw(document.id_at(3))}, title="")
        saved = document.save()
        chunks: list[Chunk] = []
        there = analyse_apart(
            document.rows, CHAT, cache=tmp_path / "cache", before=Before.of(saved), on_chunk=chunks.append
        )
        assert chunks == []  # all rows at once
        same(there, analyse(path, CHAT, workers=0))


def test_cancelling_ends_it(made: Path) -> None:
    """Neither the process nor its workers are left."""
    with open_rows(made) as rows:
        there: list[psutil.Process] = []

        def cancelled() -> bool:
            for conductor in conductors():
                there[:] = [conductor, *children(conductor)]
            return len(there) > 1

        with pytest.raises(AnalysisCancelled):
            analyse_apart(rows, CHAT, cancelled=cancelled)
    assert psutil.wait_procs(there, timeout=20)[1] == []


def test_what_stops_it_is_told_as_it_would_be_here(made: Path, tmp_path: Path) -> None:
    """A file that is written meanwhile."""
    path = tmp_path / "chats.jsonl"
    path.write_bytes(made.read_bytes())

    def touch(_: int, __: int) -> None:
        os.utime(path, ns=(1, 1))

    with open_rows(path) as rows, pytest.raises(WorkbenchError, match="was changed while it was analysed") as error:
        analyse_apart(rows, CHAT, progress=touch, on_chunk=lambda _: touch(0, 0))
    assert error.value.code == "changed_on_disk"


def test_a_process_that_is_killed_is_told_in_one_sentence(made: Path) -> None:
    """With the way out."""

    def kill(_: int, __: int) -> None:
        for conductor in conductors():
            conductor.kill()

    with open_rows(made) as rows, pytest.raises(WorkbenchError) as error:
        analyse_apart(rows, CHAT, progress=kill)
    assert error.value.code == "worker_died"
    said = "the process that conducts its analysis was ended by SIGKILL; free some memory and try again"
    assert str(error.value).endswith(said)


def test_it_does_not_outlive_the_app(made: Path) -> None:
    """Which may be killed at any moment."""
    program = (
        "import sys, time; from pathlib import Path; from workbench.dataset.analysis import Spec, analyse_apart;"
        "from workbench.dataset.formats import Format; from workbench.dataset.rows import open_rows\n"
        "stop = lambda *_: (print('begun', flush=True), time.sleep(600))\n"
        "analyse_apart(open_rows(Path(sys.argv[1])), Spec(Format.CHAT), progress=stop)"
    )
    with subprocess.Popen([sys.executable, "-c", program, str(made)], stdout=subprocess.PIPE) as app:
        assert app.stdout is not None and app.stdout.readline() == b"begun\n"
        there = conductors(psutil.Process(app.pid))
        there += [worker for conductor in there for worker in children(conductor)]
        assert there
        app.send_signal(signal.SIGKILL)
    assert psutil.wait_procs(there, timeout=20)[1] == []


def test_a_small_file_takes_no_process(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It would be through before one had started."""
    path = tmp_path / "chats.jsonl"
    path.write_bytes(b"".join(made.read_bytes().splitlines(keepends=True)[:20]))
    monkeypatch.setattr(apart_module, "Process", None)
    with open_rows(path) as rows:
        same(analyse_apart(rows, CHAT), analyse(rows, CHAT))


@pytest.mark.parametrize("anonymous", [True, False])
def test_two_see_the_same_columns(anonymous: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each column has its place in the memory, also once its descriptor is closed, and with what every system has."""
    if not anonymous:
        monkeypatch.delattr(os, "memfd_create", raising=False)
    memory = memory_for(7)
    ours, theirs = columns_in(memory, 7, writable=True), columns_in(memory, 7)
    os.close(memory)
    for number, column in enumerate(ours.arrays().values()):
        column[:] = np.arange(7) + number
    for number, (name, column) in enumerate(theirs.arrays().items()):
        assert column.dtype == np.dtype(TYPES[name])
        assert column.tolist() == list(range(number, number + 7)), name


def test_no_memory_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not a traceback; and nothing stays open."""

    def refuse(*_: object) -> None:
        raise OSError(12, "Cannot allocate memory")

    monkeypatch.setattr(os, "truncate", refuse)
    before = psutil.Process().num_fds()
    with pytest.raises(WorkbenchError, match=r"gets no memory for 9 rows \(Cannot allocate memory\); free some memory"):
        memory_for(9)
    assert psutil.Process().num_fds() == before


def test_columns_are_those_of_the_analysis() -> None:
    """All of them are shared."""
    memory = memory_for(1)
    try:
        assert set(columns_in(memory, 1).arrays()) == set(Columns.__dataclass_fields__) == set(TYPES)
    finally:
        os.close(memory)
