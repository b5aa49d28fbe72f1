"""Opening files and reading rows: any bytes, every mistake in one sentence."""

from __future__ import annotations

import io
import json
import os
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.dataset.rows import DecodeError, Rows, open_rows
from workbench.dataset.rows.lines import LineIndex
from workbench.dataset.rows.open import open_first
from workbench.dataset.rows.save import write_atomically
from workbench.errors import WorkbenchError


def write(folder: Path, data: bytes, name: str = "data.jsonl") -> Path:
    path = folder / name
    path.write_bytes(data)
    return path


def opened(folder: Path, data: bytes) -> Rows:
    return open_rows(write(folder, data))


# --- the index against a plain reading -------------------------------------------------------------------------------

pieces = st.lists(
    st.sampled_from(
        [b"\n", b"\r\n", b"\r", b" ", b"\t", b"{}", b'{"a": 1}', b"\xc3\xa9", b"\xff", b"\x00", b"\x0c", b"x"]
    )
)


def plain_lines(data: bytes) -> list[tuple[int, bytes]]:
    """Number and content of every line that is not blank, found the slow way."""
    lines = data.split(b"\n")
    ended = lines[:-1]
    if lines[-1]:
        ended = lines
    found = []
    for number, line in enumerate(ended, start=1):
        if line.strip():
            found.append((number, line[:-1] if line.endswith(b"\r") else line))
    return found


@given(pieces.map(b"".join))
def test_the_index_finds_the_lines_a_plain_split_finds(data: bytes) -> None:
    """Blank lines, CRLF, stray CR, a missing last newline, bytes that are no text."""
    index = LineIndex.scan(io.BytesIO(data), 0)
    found = []
    for row in range(len(index)):
        first, last = index.extent(row)
        found.append((index.place(row)[0], index.content(data[first:last])))
    assert found == plain_lines(data)
    total = data.count(b"\n") + (not data.endswith(b"\n") and data != b"")
    assert sorted([*index.blank_line_numbers(), *(number for number, _ in found)]) == list(range(1, total + 1))


@given(pieces.map(b"".join), st.integers(0, 40), st.integers(1, 9))
def test_an_index_made_in_blocks_is_that_of_one_reading(
    tmp_path_factory: pytest.TempPathFactory, data: bytes, known: int, block: int
) -> None:
    """The first lines read plainly, the rest in blocks smaller than a line, one line, or several."""
    path = write(tmp_path_factory.mktemp("blocks"), data)
    whole = LineIndex.scan(io.BytesIO(data), 0)
    index = LineIndex.scan(io.BytesIO(data[: data.rfind(b"\n", 0, known) + 1]), 0)
    with path.open("rb") as file:
        done = list(index.extend(file.fileno(), len(data), block))
    assert done == sorted(set(done)) and index.end == len(data)
    assert index.starts().tolist() == whole.starts().tolist()
    assert index.blank_line_numbers() == whole.blank_line_numbers()
    assert [index.extent(row) for row in range(len(index))] == [whole.extent(row) for row in range(len(whole))]


@pytest.mark.parametrize("start", [(1 << 32) - 1, (1 << 32) - 31, (2 << 32) - 40, (3 << 32) + 5])
@pytest.mark.parametrize("block", [7, 64, 1 << 20])
def test_rows_behind_four_gigabytes_are_found(tmp_path: Path, start: int, block: int) -> None:
    """Read plainly, in blocks, one by one, or known beforehand: starts are whole numbers, whatever keeps them small."""
    rows = [b'{"n": %d}\n' % number + b"\n" * (number % 3 == 0) for number in range(9)]
    path = tmp_path / "large.jsonl"
    with path.open("wb") as file:
        file.seek(start)  # what is before it takes no room on the disk
        file.writelines(rows)
    starts = [start + sum(map(len, rows[:number])) for number in range(len(rows) + 1)]
    with path.open("rb") as file:
        plain = LineIndex.scan(file, start)
        blocks = LineIndex(start)
        assert list(blocks.extend(file.fileno(), starts[-1], block))[-1] == starts[-1]
    for index in (plain, blocks, LineIndex.known(np.array(starts), plain.blanks())):
        assert index.starts().tolist() == starts[:-1]
        assert [index.extent(row) for row in range(len(rows))] == list(pairwise(starts))
        assert index.blank_line_numbers() == [2, 6, 10]


def test_a_row_that_is_longer_than_four_gigabytes_has_an_end() -> None:
    """The next row starts where it starts."""
    starts = np.array([5, 9, 9 + (9 << 32), 20 + (9 << 32)])
    index = LineIndex.known(starts, np.array([], np.int64))
    assert [index.extent(row) for row in range(3)] == list(pairwise(starts.tolist()))
    assert index.starts().tolist() == starts[:-1].tolist()


def test_the_first_rows_are_there_at_once_and_the_rest_later(tmp_path: Path) -> None:
    """A large file: rows at the front are read before the index is made, and none of them moves when it is."""
    lines = [json.dumps({"number": number, "text": "x" * 90}).encode() for number in range(20_000)]
    path = write(tmp_path, b"\n\n".join(lines))
    with open_first(path) as rows:
        known = len(rows)
        assert not rows.complete and 1000 < known < 5000
        assert rows.raw(0) == lines[0] and rows.raw(known - 1) == lines[known - 1]
        assert abs(rows.estimated - len(lines)) < len(lines) * 0.05
        told: list[tuple[int, int]] = []
        rows.index_rest(lambda done, total: told.append((done, total)))
        assert rows.complete and rows.estimated == len(rows) == len(lines)
        assert list(rows.iter_raw()) == lines and rows.line(len(lines) - 1) == len(lines) * 2 - 1
        assert rows.encoding.blank_lines == len(lines) - 1
        assert told[-1] == (rows.size, rows.size)


def test_indexing_can_be_stopped_and_goes_on_later(tmp_path: Path) -> None:
    """What `progress` raises ends it; nothing is counted twice."""
    line = b'{"text": "' + b"x" * 1000 + b'"}\n'
    with open_first(write(tmp_path, line * 4000)) as rows:

        def stop(done: int, total: int) -> None:
            raise InterruptedError

        with pytest.raises(InterruptedError):
            rows.index_rest(stop)
        assert not rows.complete
        rows.index_rest()
        assert len(rows) == 4000 and rows.raw(3999) + b"\n" == line


def test_a_file_made_shorter_while_it_is_indexed_is_told(tmp_path: Path) -> None:
    """One sentence; what was indexed before stays."""
    path = write(tmp_path, (b'{"text": "' + b"x" * 1000 + b'"}\n') * 1000)
    with open_first(path) as rows:
        os.truncate(path, 300_000)
        with pytest.raises(WorkbenchError, match="made shorter"):
            rows.index_rest()


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
objects = st.dictionaries(st.text(max_size=5), values, max_size=3)


@given(
    st.lists(objects, min_size=1, max_size=5),
    st.booleans(),
    st.sampled_from([b"\n", b"\r\n", b"\n\n", b"\n \r\n"]),
    st.booleans(),
    st.booleans(),
)
def test_lines_come_back_as_they_were_written(
    tmp_path_factory: pytest.TempPathFactory, records: list[object], ascii_only: bool, end: bytes, bom: bool, last: bool
) -> None:
    """Any JSON objects, in any of the ways a file of lines is written."""
    lines = [json.dumps(record, ensure_ascii=ascii_only).encode("utf-8", "surrogatepass") for record in records]
    data = (b"\xef\xbb\xbf" if bom else b"") + end.join(lines) + (end if last else b"")
    with opened(tmp_path_factory.mktemp("lines"), data) as rows:
        assert [rows.raw(row) for row in range(len(rows))] == list(rows.iter_raw()) == lines
        assert [value for _, value in rows.records()] == records
        assert rows.encoding.bom == bom


@given(st.lists(values, min_size=1, max_size=5), st.sampled_from([None, 1, "\t"]), st.booleans())
def test_an_array_file_gives_its_elements(
    tmp_path_factory: pytest.TempPathFactory, records: list[object], indent: int | str | None, ascii_only: bool
) -> None:
    """One JSON array, on one line or pretty-printed."""
    data = json.dumps(records, indent=indent, ensure_ascii=ascii_only).encode("utf-8", "surrogatepass")
    with opened(tmp_path_factory.mktemp("array"), data) as rows:
        assert rows.encoding.array
        assert [value for _, value in rows.records()] == records
        assert not rows.damage()


# --- places ----------------------------------------------------------------------------------------------------------


def error_of(rows: Rows, row: int) -> DecodeError:
    with pytest.raises(DecodeError) as caught:
        rows.decode(row)
    return caught.value


def test_a_broken_line_is_named_with_line_and_column(tmp_path: Path) -> None:
    """Blank lines count as lines, as editors count; columns are characters, not bytes."""
    good = '{"messages": []}'
    data = "\n".join([good, "", good, good, good, good, '{"é": oops}', good]).encode()
    with opened(tmp_path, data) as rows:
        assert len(rows) == 7
        error = error_of(rows, 5)
        assert (error.line, error.column) == (7, 7)
        assert rows.line(6) == 8 and rows.decode(6) == {"messages": []}
        kinds = [isinstance(value, DecodeError) for _, value in rows.records()]
        assert kinds == [False] * 5 + [True, False]


@pytest.mark.parametrize(
    ("raw", "column", "word"),
    [
        (b'{"a": 1', 8, "cut off"),
        (b'{"a": "text', 7, "never closed"),
        (b"{'a': 1}", 2, "double quotes"),
        (b"{\"a\": 'x'}", 7, "single quotes"),
        (b'{"a": 1} {"b": 2}', 10, "goes on"),
        (b'{"a" 1}', 6, "colon"),
        (b'{"a": 1 "b": 2}', 9, "comma"),
        (b'{"a": "\t"}', 8, "control character"),
        ('{"ä": "'.encode() + b'\xe9"}', 8, "0xe9 is not UTF-8"),
        (b"[" * 100_000, 1, "nested too deeply"),
        (b'{"a": ' + b"9" * 5000 + b"}", 1, "cannot be read"),
    ],
)
def test_each_way_to_break_a_line_has_its_reason(tmp_path: Path, raw: bytes, column: int, word: str) -> None:
    """The reason is in words, the column from 1."""
    with opened(tmp_path, b"{}\n" + raw + b"\n{}\n") as rows:
        error = error_of(rows, 1)
        assert (error.line, error.column) == (2, column)
        assert word in error.why


def test_a_truncated_file_is_a_broken_last_line(tmp_path: Path) -> None:
    """Everything before it stays readable."""
    record = b'{"messages": [{"role": "user", "content": "hello"}]}\n'
    with opened(tmp_path, record * 3 + record[:30]) as rows:
        assert len(rows) == 4 and rows.decode(2)
        error = error_of(rows, 3)
        assert error.line == 4 and error.at_end


def test_a_broken_element_of_an_array_is_alone_broken(tmp_path: Path) -> None:
    """The others are read, and the place is that of the file."""
    data = b'[\n  {"a": 1},\n  {"a":\n     oops},\n  {"a": "]"}\n]\n'
    with opened(tmp_path, data) as rows:
        assert len(rows) == 3
        assert [rows.line(row) for row in range(3)] == [2, 3, 5]
        error = error_of(rows, 1)
        assert (error.line, error.column) == (4, 6)
        assert rows.decode(2) == {"a": "]"}


def test_a_cut_off_array_says_so(tmp_path: Path) -> None:
    """Its whole elements are read; the file is damaged, and so is one with text behind the array."""
    with opened(tmp_path, b'[\n{"a": 1},\n{"a": 2},\n{"a"') as rows:
        assert len(rows) == 3 and rows.decode(1) == {"a": 2}
        assert error_of(rows, 2).line == 4
        assert [error.line for error in rows.damage()] == [4]
    with opened(tmp_path, b'[{"a": 1}]\n\n  {"a": 2}\n') as rows:
        # the first line is a whole value and there are more: lines, one of which is a list
        assert len(rows) == 2 and not rows.encoding.array
    with opened(tmp_path, b'[{"a": 1},\n{"a": 2}]\n  x\n') as rows:
        assert [(error.line, error.column) for error in rows.damage()] == [(3, 3)]


# --- what cannot be opened -------------------------------------------------------------------------------------------

TEXT = '{"messages": [{"role": "user", "content": "héllo"}]}\n'


@pytest.mark.parametrize(
    ("data", "word", "hint"),
    [
        (b"", "is empty", ""),
        (b"\n \r\n\t\n", "is empty", ""),
        (b"\xef\xbb\xbf", "is empty", ""),
        (b"[]", "empty list", ""),
        (b"[\n]\n", "empty list", ""),
        (TEXT.encode("utf-16"), "UTF-16", "iconv"),
        (TEXT.encode("utf-16-le"), "UTF-16LE", "iconv"),
        (TEXT.encode("utf-16-be"), "UTF-16BE", "iconv"),
        (TEXT.encode("utf-32"), "UTF-32", "iconv"),
        (b"\x7fELF\x02\x01\x01\x00" + b"\x00" * 50, "binary", ""),
        (b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 4, "binary", ""),
        (b"\x1f\x8b\x08\x00abc", "gzip", "gunzip"),
        (b"PK\x03\x04abc", "zip", ""),
        (b"PAR1abc", "Parquet", "ftwb dataset import"),
        (b'{"a": 1}\r{"a": 2}\r', "CR alone", "tr"),
        (b'{\n  "data": [\n    {"a": 1}\n  ]\n}\n', "one JSON object", "jq -c '.data[]'"),
    ],
)
def test_what_holds_no_records_is_refused_in_one_sentence(tmp_path: Path, data: bytes, word: str, hint: str) -> None:
    """The sentence names the file and the way out."""
    path = write(tmp_path, data)
    with pytest.raises(WorkbenchError) as caught:
        open_rows(path)
    assert caught.value.what == str(path)
    assert word in caught.value.why and hint in caught.value.hint and caught.value.hint
    assert "\n" not in str(caught.value)


def test_places_that_are_no_files_are_refused(tmp_path: Path) -> None:
    """Missing, a directory, a pipe that nobody writes to, a name too long, a loop of links."""
    pipe, loop = tmp_path / "pipe", tmp_path / "loop"
    os.mkfifo(pipe)
    loop.symlink_to(loop)
    for path, word in [
        (tmp_path / "missing.jsonl", "does not exist"),
        (tmp_path, "is a directory"),
        (pipe, "not a regular file"),
        (tmp_path / ("x" * 300), "cannot be opened"),
        (loop, "cannot be opened"),
        (Path("with\0zero"), "cannot be opened"),
    ]:
        with pytest.raises(WorkbenchError, match=word):
            open_rows(path)


def test_a_file_that_may_not_be_read_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As the system would say it to anybody but root, who runs these tests in containers."""

    def refuse(*_: object, **__: object) -> int:
        raise PermissionError(13, "Permission denied")

    path = write(tmp_path, b"{}\n")
    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(WorkbenchError, match="may not be read") as caught:
        open_rows(path)
    assert caught.value.code == "no_permission"


def test_a_stray_zero_or_latin_letter_breaks_its_line_only(tmp_path: Path) -> None:
    """A text file with one bad byte is no binary file."""
    good = TEXT.encode() * 20
    with opened(tmp_path, good + b'{"a": "\x00"}\n' + good + b'{"a": "caf\xe9"}\n') as rows:
        broken = [error.line for _, error in rows.records() if isinstance(error, DecodeError)]
        assert broken == [21, 42]


def test_a_file_that_shrinks_while_open_is_told(tmp_path: Path) -> None:
    """No wrong data, no traceback."""
    path = write(tmp_path, b'{"a": 1}\n' * 100)
    with open_rows(path) as rows:
        os.truncate(path, 50)
        with pytest.raises(WorkbenchError, match="made shorter"):
            rows.raw(90)


def test_encoding_notes_say_how_the_file_is_written(tmp_path: Path) -> None:
    """What a save must keep."""
    with opened(tmp_path, b'\xef\xbb\xbf{"a": 1}\r\n\r\n{"a": 2}') as rows:
        assert rows.encoding.bom and rows.encoding.crlf and not rows.encoding.last_newline
        assert rows.encoding.blank_lines == 1 and rows.index.blank_line_numbers() == [2]


# --- writing ---------------------------------------------------------------------------------------------------------


def test_a_failed_write_leaves_the_old_file(tmp_path: Path) -> None:
    """Whatever happens on the way: what was there is there, and nothing else lies about."""
    out = write(tmp_path, b"old")

    def pieces() -> object:
        yield b"new"
        raise OSError(28, "No space left on device")

    with pytest.raises(WorkbenchError, match="no space left"):
        write_atomically(out, pieces())  # type: ignore[arg-type]
    assert out.read_bytes() == b"old" and list(tmp_path.iterdir()) == [out]


def test_a_write_follows_links_and_keeps_permissions(tmp_path: Path) -> None:
    """A link stays a link, a private file stays private."""
    real, link = write(tmp_path, b"old", "real"), tmp_path / "link"
    real.chmod(0o600)
    link.symlink_to(real)
    write_atomically(link, [b"new"])
    assert link.is_symlink() and real.read_bytes() == b"new" and real.stat().st_mode & 0o777 == 0o600


def test_a_write_to_nowhere_is_one_sentence(tmp_path: Path) -> None:
    """A folder that does not exist, and a directory in place of a file."""
    with pytest.raises(WorkbenchError, match="folder does not exist"):
        write_atomically(tmp_path / "no" / "out", [b""])
    with pytest.raises(WorkbenchError, match="is a directory"):
        write_atomically(tmp_path, [b""])
