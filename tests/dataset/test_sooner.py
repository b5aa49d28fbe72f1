"""Room for a large file, and an early start for the disk."""

from __future__ import annotations

import errno
import os
import sys
from pathlib import Path

import pytest

from workbench.dataset.rows import open_document
from workbench.dataset.rows import rewrite as rewrite_module
from workbench.dataset.rows import sooner as sooner_module
from workbench.dataset.rows.sooner import reserve, send

linux = pytest.mark.skipif(sys.platform != "linux", reason="calls of Linux")


@linux
def test_room_is_taken_and_the_file_stays_as_long_as_what_was_written(tmp_path: Path) -> None:
    """So a kill leaves no file that looks whole."""
    with (tmp_path / "file").open("wb", buffering=0) as file:
        reserve(file.fileno(), 1 << 20)
        status = os.fstat(file.fileno())
        assert status.st_size == 0 and status.st_blocks * 512 >= 1 << 20
        file.write(b"abc")
        send(file.fileno(), 0, 3)
    assert (tmp_path / "file").read_bytes() == b"abc"


@linux
def test_more_than_the_disk_has_is_refused(tmp_path: Path) -> None:
    """Before a byte is written."""
    with (tmp_path / "file").open("wb", buffering=0) as file:
        with pytest.raises(OSError) as caught:
            reserve(file.fileno(), 1 << 62)
        assert caught.value.errno in (errno.ENOSPC, errno.EFBIG)
        assert os.fstat(file.fileno()).st_size == 0


def test_a_disk_that_cannot_take_room_is_written_all_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is no lack of room is no reason not to write: shared disks often cannot. Elsewhere nobody is asked."""
    monkeypatch.setattr(sooner_module, "_call", lambda *_: lambda *_: -1)
    monkeypatch.setattr(sooner_module.ctypes, "get_errno", lambda: errno.EOPNOTSUPP)
    with (tmp_path / "file").open("wb") as file:
        reserve(file.fileno(), 1 << 62)
        monkeypatch.setattr(sooner_module, "_call", lambda *_: None)
        reserve(file.fileno(), 1 << 62)
        send(file.fileno(), 0, 1)


def test_a_save_sends_the_file_to_the_disk_part_by_part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Room for all of it is taken first; each part is sent once, in order."""
    told: list[tuple[str, int, int]] = []
    monkeypatch.setattr(rewrite_module, "reserve", lambda fd, size: told.append(("reserve", 0, size)))
    monkeypatch.setattr(rewrite_module, "send", lambda fd, first, last: told.append(("send", first, last)))
    monkeypatch.setattr(rewrite_module, "_SEND", 100_000)
    monkeypatch.setattr(rewrite_module, "_BUFFER", 10_000)
    path = tmp_path / "data.jsonl"
    path.write_bytes(b"".join(b'{"number": %d}\n' % number for number in range(50_000)))
    with open_document(path, tmp_path / "journals") as document:
        document.index_rest()
        document.delete(range(0, 50_000, 1_000), title="")
        document.save()
    first, *parts = told
    assert first == ("reserve", 0, path.stat().st_size)
    assert len(parts) > 5 and all(last - begin >= 100_000 for _, begin, last in parts)
    assert [begin for _, begin, _ in parts] == [0, *(last for _, _, last in parts[:-1])]
