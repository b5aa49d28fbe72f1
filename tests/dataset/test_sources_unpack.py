"""Compressed files in the cache: once for each content, whole or not at all."""

from __future__ import annotations

import gzip
import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest
import zstandard

from workbench.dataset.rows import open_rows
from workbench.dataset.sources.unpack import is_packed, unpack
from workbench.errors import WorkbenchError

LINES = b'{"text": "a"}\n' * 1000


@pytest.mark.parametrize(("name", "pack"), [("a.jsonl.gz", gzip.compress), ("a.jsonl.zst", zstandard.compress)])
def test_a_packed_file_opens_as_what_is_in_it(tmp_path: Path, name: str, pack: object) -> None:
    path = tmp_path / name
    path.write_bytes(pack(LINES))  # type: ignore[operator]
    assert is_packed(path)
    seen: list[tuple[int, int | None]] = []
    copy = unpack(path, tmp_path / "cache", lambda done, total: seen.append((done, total)))
    assert copy.name == "a.jsonl"
    assert copy.read_bytes() == LINES
    assert copy.stat().st_mode & 0o222 == 0
    assert seen[-1] == (path.stat().st_size, path.stat().st_size)
    with open_rows(copy) as rows:
        assert len(rows) == 1000


def test_it_is_unpacked_once_and_again_when_its_content_changes(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl.gz"
    path.write_bytes(gzip.compress(LINES))
    first = unpack(path, tmp_path / "cache")
    written = first.stat().st_mtime_ns
    assert unpack(path, tmp_path / "cache") == first
    assert first.stat().st_mtime_ns == written
    path.write_bytes(gzip.compress(LINES + LINES))
    second = unpack(path, tmp_path / "cache")
    assert second != first
    assert second.read_bytes() == LINES + LINES


def test_a_file_that_is_cut_off_leaves_nothing_behind(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl.gz"
    path.write_bytes(gzip.compress(LINES)[:-6])
    with pytest.raises(WorkbenchError, match="cut off"):
        unpack(path, tmp_path / "cache")
    assert [entry for entry in (tmp_path / "cache").rglob("*") if entry.is_file()] == []


def test_a_disk_that_would_be_full_is_met_before_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.jsonl.gz"
    path.write_bytes(gzip.compress(LINES))
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: SimpleNamespace(free=1000))
    with pytest.raises(WorkbenchError, match=r"no space.*FTWB_CACHE") as caught:
        unpack(path, tmp_path / "cache")
    assert caught.value.code == "disk_full"
    assert [entry for entry in (tmp_path / "cache").rglob("*") if entry.is_file()] == []


def test_a_file_that_is_not_packed_is_told(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(LINES)
    assert not is_packed(path)
    with pytest.raises(WorkbenchError, match="not compressed"):
        unpack(path, tmp_path / "cache")
