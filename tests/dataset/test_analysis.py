"""A whole file looked at: in worker processes or here, with the same result, kept by content."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter as Tally
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest

from tests.benchmarks.make_records import write
from tests.processes import running
from workbench.dataset.analysis import (
    DUPLICATE,
    SECRET,
    Analysis,
    AnalysisCancelled,
    Chunk,
    Spec,
    analyse,
    facts_of,
)
from workbench.dataset.analysis.pool import Pool
from workbench.dataset.analysis.tasks import tasks_of
from workbench.dataset.analysis.worker import NICENESS
from workbench.dataset.counting import Counting, counting_of
from workbench.dataset.formats import Format
from workbench.dataset.rows import open_rows
from workbench.dataset.rows.open import open_first
from workbench.dataset.rules import check, find_rule
from workbench.dataset.stats import stats
from workbench.dataset.tokens import FormulaCounter, encoding_counter
from workbench.errors import WorkbenchError

CHAT = Spec(Format.CHAT, ignore=("X",))
TINY = 64 * 1024  # bytes of a part: many parts of a small file


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Chat records with one mistake in twenty."""
    path = tmp_path_factory.mktemp("made") / "chats.jsonl"
    write(path, 2000, 7, broken=0.05, duplicates=0.03, near=0.01, secrets=0.01)
    return path


def truth(path: Path) -> Tally[tuple[int | None, str]]:
    """What was planted: (line, code), as often as it is there."""
    planted = [json.loads(line) for line in path.with_name(path.name + ".truth").read_text().splitlines()]
    return Tally((plant["line"], code) for plant in planted for code in plant["codes"])


def found(analysis: Analysis) -> Tally[tuple[int | None, str]]:
    return Tally({(finding.line, finding.code) for finding in analysis.findings})


def same(one: Analysis, other: Analysis) -> None:
    """Assert that two analyses are equal."""
    for name, column in one.columns.arrays().items():
        assert np.array_equal(column, other.columns.arrays()[name]), name
    assert list(one.findings) == list(other.findings)
    assert (
        one.places.lines(np.arange(len(one.columns))).tolist()
        == other.places.lines(np.arange(len(other.columns))).tolist()
    )


def test_planted_mistakes_are_all_found_at_their_line(tmp_path: Path) -> None:
    """Twenty thousand lines, a hundredth of them copies: every mistake, at its line, and no other."""
    path = tmp_path / "chats.jsonl"
    write(path, 20_000, 1, broken=0.005, duplicates=0.01, near=0.01, secrets=0.0)
    analysis = analyse(path, Spec(Format.CHAT), workers=2)
    assert found(analysis) == truth(path)
    assert analysis.places.blank_lines.tolist() == [line for line, code in truth(path) if code == "J002"]


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_planted_mistakes_are_found_in_a_million_lines(tmp_path: Path) -> None:
    """A gigabyte: every mistake at its line, no other, and no worker that needs more than 250 MB."""
    path = tmp_path / "chats.jsonl"
    write(path, 1_000_000, 2, broken=0.001, duplicates=0.01, near=0.01, secrets=0.0)
    largest = 0

    def watch(chunk: Chunk) -> None:
        nonlocal largest
        largest = max(largest, *(child.memory_info().rss for child in workers_now()))

    counting = Counting("o200k_base", True, cache=str(tmp_path))
    analysis = analyse(path, Spec(Format.CHAT, counting=counting, scan=True), on_chunk=watch)
    assert found(analysis) == truth(path)
    assert largest < 250e6


def variants(made: Path, folder: Path) -> Iterator[Path]:
    """The same records in files that are written in other ways."""
    lines = made.read_bytes().splitlines()[:400]
    good = [line for line in lines if line.startswith(b"{") and line.endswith(b"}")]
    for name, data in {
        "crlf": b"\r\n".join(lines),
        "bom": b"\xef\xbb\xbf" + b"\n".join(lines) + b"\n",
        "blank": b"\n\n \n".join(lines) + b"\n\n\t",
        "array": b"[" + b",\n".join(good) + b"]",
        "array-on-one-line": b"[" + b",".join(good[:40] + good[:3]) + b"] x",
        "cut-array": b"[" + b",\n".join(good),
    }.items():
        (folder / name).write_bytes(data)
        yield folder / name


def test_workers_find_what_a_check_finds(made: Path, tmp_path: Path) -> None:
    """Cut into parts, in other processes: the report of a small file and of a large one are equal."""
    counter = encoding_counter("cl100k_base", tmp_path)
    for path in (made, *variants(made, tmp_path)):
        with open_rows(path) as rows:
            here = check(rows, profile="openai", model="starter", counter=counter, workers=0)
        spec = Spec(here.format, "openai", "starter", counting=counting_of(counter), tokens=False)
        analysis = analyse(path, spec, workers=0, counter=counter, part_bytes=TINY)
        assert list(analysis.findings) == here.findings, path.name
        assert len(analysis.columns) == here.records
    with open_rows(made) as rows:
        by_workers = check(rows, profile="openai", model="starter", counter=counter, workers=2)
        assert by_workers == check(rows, profile="openai", model="starter", counter=counter, workers=0)


def test_workers_count_what_statistics_count(made: Path, tmp_path: Path) -> None:
    """Totals, percentiles, the lines over the limit: equal, whoever counts."""
    counter = encoding_counter("cl100k_base", tmp_path)
    with open_rows(made) as rows:
        here = stats(rows, None, 300, counter=counter, workers=0)
        assert stats(rows, None, 300, counter=counter, workers=1) == here
    assert here.over_limit_lines


def test_a_counter_that_no_other_process_can_make_counts_here(made: Path) -> None:
    """Nothing is silently counted with another vocabulary."""
    words = FormulaCounter("words", True, lambda text: len(text.split()))
    assert counting_of(words) is None
    with open_rows(made) as rows:
        assert stats(rows, counter=words, workers=2) == stats(rows, counter=words, workers=0)
        assert check(rows, counter=words, model="starter", workers=2) == check(
            rows, counter=words, model="starter", workers=0
        )


def test_parts_come_in_the_order_of_the_file(made: Path) -> None:
    """Rows become known from the first on, without a gap, and are those of the whole."""
    chunks: list[Chunk] = []
    analysis = analyse(made, CHAT, workers=2, part_bytes=TINY, on_chunk=chunks.append)
    assert len(chunks) > 10
    at = 0
    for chunk in chunks:
        assert chunk.first_row == at
        at += len(chunk.columns)
        for finding, row in zip(chunk.findings, chunk.findings.row.tolist(), strict=True):
            assert finding in analysis.findings.of(row)
    assert at == len(analysis.columns)
    same(analysis, analyse(made, CHAT, workers=0, part_bytes=10 * TINY))


def test_parts_are_whole_lines_and_all_of_them(tmp_path: Path) -> None:
    """Wherever the cuts fall."""
    path = tmp_path / "lines.jsonl"
    path.write_bytes(b'{"a":1}\n' * 3 + b'{"long":"' + b"x" * 200_000 + b'"}\n' + b"\n" * 5 + b'{"b":2}')
    with open_first(path) as rows:
        for size in (1, 7, 8, 9, 100, 65_536, 200_030, 10**6):
            data = b""
            for number, task in enumerate(tasks_of(rows, size)):
                assert task.number == number and task.first == len(data)
                data += rows.bytes_at(task.first, task.last)
                assert data.endswith(b"\n") or task.last == rows.size
            assert data == path.read_bytes()


def test_columns_say_what_the_record_is(made: Path, tmp_path: Path) -> None:
    """One row looked at after an edit has the numbers that the file's analysis gave it."""
    spec = Spec(Format.CHAT, counting=Counting("cl100k_base", True, cache=str(tmp_path)), scan=True)
    analysis = analyse(made, spec, workers=0)
    with open_rows(made) as rows:
        for row in range(0, 400, 3):
            facts = facts_of(rows.raw(row), spec, line=rows.line(row))
            flags = int(analysis.columns.flags[row])
            assert facts.flags == flags & ~DUPLICATE
            for name in ("turns", "roles", "tokens", "answer_tokens", "size"):
                assert getattr(facts, name) == int(analysis.columns.arrays()[name][row]), name
            assert [finding for finding in analysis.findings.of(row) if not is_about_file(finding)] == list(
                facts.findings
            )
    secrets = [plant["line"] for plant in plants(made) if plant["kind"] == "secret" and plant["line"] % 3 != 1]
    assert set(secrets) <= set(analysis.places.lines(np.flatnonzero(analysis.columns.flags & SECRET)).tolist())


def is_about_file(finding: Any) -> bool:
    return find_rule(finding.code).check_file is not None


def plants(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.with_name(path.name + ".truth").read_text().splitlines()]


def test_copies_are_found_in_whatever_style_they_are_written(tmp_path: Path) -> None:
    """Spacing, the order of keys and escapes make no other record; a bool makes another than a number."""
    records = [
        b'{"messages": [{"role": "user", "content": "\xc3\xa9"}, {"role": "assistant", "content": "b"}], "n": 1}',
        b'{"n":1,"messages":[{"content":"\\u00e9","role":"user"},{"content":"b","role":"assistant"}]}',
        b'{"n":1.0,"messages":[{"content":"\xc3\xa9","role":"user"},{"content":"b","role":"assistant"}]}',
        b'{"n":true,"messages":[{"content":"\xc3\xa9","role":"user"},{"content":"b","role":"assistant"}]}',
        b'{"n":NaN,"messages":[]}',
        b'{"n":null,"messages":[]}',
        b'{"n": NaN, "messages": []}',
        b'{"n":"\\ud83d"}',
        b'{"n": "\\uD83D"}',
        b"{",
        b"{",
    ]
    path = tmp_path / "copies.jsonl"
    path.write_bytes(b"\n\n".join(records))
    analysis = analyse(path, Spec(Format.CHAT, select=("D001",)), workers=0)
    assert [(finding.line, finding.text) for finding in analysis.findings] == [
        (3, "the same record as line 1"),
        (13, "the same record as line 9"),
        (17, "the same record as line 15"),
    ]
    assert np.flatnonzero(analysis.columns.flags & DUPLICATE).tolist() == [1, 6, 8]
    assert analysis.columns.severity.tolist() == [0, 1, 0, 0, 0, 0, 1, 0, 1, 0, 0]


def test_findings_can_be_asked_for_by_row_and_by_rule(made: Path) -> None:
    """What a list of rows needs to filter and to jump."""
    analysis = analyse(made, CHAT, workers=0)
    findings = analysis.findings
    counts = Tally(finding.code for finding in findings)
    assert findings.counts() == counts
    rows = findings.rows_of(["W001", "M003"]).tolist()
    assert rows == sorted({row for row in range(2000) if {"W001", "M003"} & {f.code for f in findings.of(row)}})
    assert [finding.code for finding in findings.about_file()] == ["S001"] + ["J002"] * counts["J002"]
    worst = {row: max(f.severity.value == "error" for f in findings.of(row)) for row in rows}
    assert all(int(analysis.columns.severity[row]) == 1 + worst[row] for row in rows)


# Life of the processes.


def workers_now() -> list[psutil.Process]:
    """The worker processes of this one."""
    return running("workbench.dataset.analysis.worker")


def test_cancelling_ends_the_workers(made: Path) -> None:
    """Nobody works on when nobody waits."""
    seen: list[Chunk] = []
    with pytest.raises(AnalysisCancelled):
        analyse(made, CHAT, workers=2, part_bytes=TINY, on_chunk=seen.append, cancelled=lambda: bool(seen))
    assert seen and not workers_now()


def test_a_worker_starts_without_what_few_files_need() -> None:
    """Each of them pays for what it imports before it looks at its first row."""
    code = (
        "import sys, workbench.dataset.analysis.worker\n"
        "print('LOADED', [name for name in ('jinja2', 'tokenizers', 'tiktoken', 'workbench.dataset.stats') "
        "if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.splitlines() == ["LOADED []"]


def test_a_worker_that_is_killed_is_replaced(made: Path) -> None:
    """Its part is done by another, and the result is whole."""
    killed = []

    def kill(chunk: Chunk) -> None:
        if not killed:
            killed.extend(workers_now())
            assert killed[0].nice() >= min(NICENESS, os.nice(0) + NICENESS)
            killed[0].send_signal(signal.SIGKILL)

    analysis = analyse(made, CHAT, workers=1, part_bytes=TINY, on_chunk=kill)
    assert killed
    same(analysis, analyse(made, CHAT, workers=0))


def test_a_worker_that_dies_twice_on_a_part_is_told_in_one_sentence(
    made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With what it said last, and what to do about it."""
    python = tmp_path / "python"
    python.write_text("#!/bin/sh\necho first >&2; echo out of order >&2; exit 7\n")
    python.chmod(0o755)
    monkeypatch.setattr("sys.executable", str(python))
    told = r"bytes 0 to [\d,]+ ended with status 7 \(out of order\), twice; try again$"
    with pytest.raises(WorkbenchError, match=told) as error:
        analyse(made, CHAT, workers=1)
    assert error.value.code == "worker_died"
    assert not workers_now()


def test_what_a_worker_cannot_do_is_told_as_its_own_error(made: Path) -> None:
    """A tokenizer that is gone, say: the sentence comes from where it failed."""
    spec = Spec(Format.CHAT, counting=Counting("no_such_base", True, cache="/nowhere"))
    with pytest.raises(WorkbenchError, match="the encoding 'no_such_base': is not one that ftwb ships"):
        analyse(made, spec, workers=1)


def test_a_file_that_changes_meanwhile_is_refused(tmp_path: Path) -> None:
    """A result of two files would be none."""
    path = tmp_path / "chats.jsonl"
    write(path, 300, 3, broken=0.0, duplicates=0.0, near=0.0, secrets=0.0)

    def change(chunk: Chunk) -> None:
        with path.open("ab") as file:
            file.write(b"{}\n")

    with pytest.raises(WorkbenchError, match="was changed while it was analysed"):
        analyse(path, CHAT, workers=0, on_chunk=change)

    def cut(chunk: Chunk) -> None:
        os.truncate(path, 10)

    with pytest.raises(WorkbenchError, match="was made shorter while it was read"):
        analyse(path, CHAT, workers=0, part_bytes=TINY, on_chunk=cut)


def test_progress_is_told_seldom_and_at_the_end(made: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Four times a second at most, however many parts there are."""
    told: list[tuple[int, int]] = []
    clock = iter(range(1000))
    monkeypatch.setattr(time, "monotonic", lambda: next(clock) / 100)
    analyse(made, CHAT, workers=0, part_bytes=2000, progress=lambda done, size: told.append((done, size)))
    size = made.stat().st_size
    assert told[-1] == (size, size)
    assert 3 < len(told) < size / 2000 / 20


# The cache.


def test_an_analysis_is_kept_by_content(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same bytes under any name, the same question: at once, and equal."""
    first = analyse(made, CHAT, workers=0, cache=tmp_path)
    copy = tmp_path / "copy.jsonl"
    copy.write_bytes(made.read_bytes())
    monkeypatch.setattr("workbench.dataset.analysis.run.PartAnalyst", None)
    monkeypatch.setattr("workbench.dataset.analysis.run.Pool", None)
    chunks: list[Chunk] = []
    for path in (made, copy):
        same(first, analyse(path, CHAT, cache=tmp_path, on_chunk=chunks.append))
    assert [len(chunk.columns) for chunk in chunks] == [len(first.columns)] * 2
    for other in (Spec(Format.CHAT, ignore=("X", "W")), Spec(Format.CHAT, "openai"), Spec(Format.UNKNOWN)):
        with pytest.raises(TypeError):  # another question is asked anew
            analyse(made, other, workers=0, cache=tmp_path)
    with copy.open("ab") as file:
        file.write(b"{}\n")
    with pytest.raises(TypeError):
        analyse(copy, CHAT, workers=0, cache=tmp_path)


@pytest.mark.parametrize("damage", [b"", b"ftwb", b"x" * 1000, None])
def test_what_is_damaged_in_the_cache_is_made_anew(made: Path, tmp_path: Path, damage: bytes | None) -> None:
    """Empty, cut off, something else, one bit turned: never an error, never a wrong result."""
    first = analyse(made, CHAT, workers=0, cache=tmp_path)
    kept = next(path for path in (tmp_path / "analyses").glob("*.bin") if "-grounds" not in path.name)
    data = bytearray(kept.read_bytes())
    data[len(data) // 2] ^= 1
    kept.write_bytes(bytes(data) if damage is None else damage)
    same(first, analyse(made, CHAT, workers=0, cache=tmp_path))
    assert len(kept.read_bytes()) == len(data)


def test_a_cache_that_cannot_be_written_is_done_without(made: Path, tmp_path: Path) -> None:
    """A full disk must not cost the result."""
    (tmp_path / "analyses").write_text("in the way")
    assert len(analyse(made, CHAT, workers=0, cache=tmp_path).columns)


def test_the_cache_forgets_the_oldest(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It does not grow for ever."""
    monkeypatch.setattr("workbench.dataset.analysis.stored._KEPT_BYTES", 150_000)
    for code in ("A", "M", "O", "R"):
        analyse(made, Spec(Format.CHAT, select=(code,)), workers=0, cache=tmp_path)
    kept = [path for path in (tmp_path / "analyses").glob("*.bin") if "-grounds" not in path.name]
    assert 1 <= len(kept) < 4


def test_a_pool_ends_its_workers_when_starting_fails(made: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Half a pool is none."""
    start, started = Pool._start, []

    def fails(pool: Pool) -> None:
        if started:
            raise WorkbenchError("a process", "cannot be started")
        started.append(pool)
        start(pool)

    monkeypatch.setattr(Pool, "_start", fails)
    with pytest.raises(WorkbenchError, match="cannot be started"):
        analyse(made, CHAT, workers=2)
    assert not workers_now()
