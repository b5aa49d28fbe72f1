"""The note of a writer that waits: read by others, gone when it is over, never in the way."""

from __future__ import annotations

from pathlib import Path

import pytest

from workbench.providers.trouble import Note, TroubleNote

NOTE = Note("mine: job: no connection; check the network", "offline", 1000.0, 2, 1004.5)


def test_what_is_left_is_read_by_another_and_cleared(tmp_path: Path) -> None:
    """Also by one that did not leave it: its writer may have been killed."""
    TroubleNote(tmp_path).leave(NOTE)
    assert TroubleNote(tmp_path).read() == NOTE
    TroubleNote(tmp_path).clear()
    assert TroubleNote(tmp_path).read() is None
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("content", ["", "[]", '{"what": "offline"}', "\x00\xff"])
def test_a_damaged_note_is_none(tmp_path: Path, content: str) -> None:
    (tmp_path / ".follow-trouble").write_text(content)
    assert TroubleNote(tmp_path).read() is None


def test_a_folder_that_cannot_be_written_stops_nobody(tmp_path: Path) -> None:
    """The log itself says so, where it must be written."""
    note = TroubleNote(tmp_path / "gone")
    note.leave(NOTE)
    note.clear()
    assert note.read() is None
