"""JSON lines that survive a crash, and where the folders are."""

from __future__ import annotations

import stat
import subprocess
import sys
from pathlib import Path

import pytest

from workbench.errors import WorkbenchError
from workbench.workspace.lines import append_line, read_lines
from workbench.workspace.paths import cache, home


def test_lines_come_back_in_order_and_only_their_owner_may_read(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "events.jsonl"
    for index in range(3):
        append_line(path, {"index": index, "text": "zwei\nZeilen é \u2028"})
    assert [line["index"] for line in read_lines(path)] == [0, 1, 2]
    assert read_lines(path)[0]["text"] == "zwei\nZeilen é \u2028"
    assert path.read_bytes().count(b"\n") == 3
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize("tail", [b'{"index": 9', b'{"index": 9}', b"\x00" * 70_000])
def test_a_torn_last_line_is_dropped_by_the_reader_and_cut_by_the_next_writer(tmp_path: Path, tail: bytes) -> None:
    path = tmp_path / "events.jsonl"
    append_line(path, {"index": 0})
    with path.open("ab") as file:
        file.write(tail)
    assert read_lines(path) == [{"index": 0}]
    append_line(path, {"index": 1})
    assert read_lines(path) == [{"index": 0}, {"index": 1}]
    assert path.read_bytes() == b'{"index":0}\n{"index":1}\n'


def test_a_missing_file_has_no_lines_and_a_line_that_is_no_object_is_passed_over(tmp_path: Path) -> None:
    assert read_lines(tmp_path / "none.jsonl") == []
    (tmp_path / "a.jsonl").write_text('{"a": 1}\n[2]\nnonsense\n{"a": 3}\n')
    assert [line["a"] for line in read_lines(tmp_path / "a.jsonl")] == [1, 3]


def test_a_place_that_cannot_be_written_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(WorkbenchError, match="a file is where a folder should be"):
        append_line(tmp_path / "file" / "events.jsonl", {})


def test_the_workspace_is_the_flag_then_the_variable_then_the_platform_s(tmp_path: Path) -> None:
    assert home(tmp_path / "flag", {"FTWB_HOME": "/variable"}) == tmp_path / "flag"
    assert home(None, {"FTWB_HOME": "/variable"}) == Path("/variable")
    assert home(None, {"FTWB_HOME": ""}).name == "ftwb"
    assert home(Path("~/w"), {}) == Path.home() / "w"
    assert cache({"FTWB_CACHE": "/c"}) == Path("/c")
    assert cache({}).name == "ftwb"


def test_the_room_imports_nothing_heavy() -> None:
    heavy = ("textual", "torch", "openai", "datasets", "pyarrow", "numpy")
    code = f"import sys, workbench.workspace.store; print([m for m in {heavy!r} if m in sys.modules])"
    assert (
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"
    )
