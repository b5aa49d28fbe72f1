"""The events of a log, read again where they are looked at."""

from __future__ import annotations

import gc
from pathlib import Path

import pytest

from workbench.providers import event_log
from workbench.providers.event_log import Event, EventLog
from workbench.providers.history import History, Ids


def event(number: int) -> Event:
    return Event(id=f"e{number}", created_at=number, message=f"event {number} – ü", data={"step": number})


@pytest.fixture
def log(tmp_path: Path) -> EventLog:
    """Twenty events: ten that stood there, ten that were written."""
    EventLog(tmp_path).append([event(number) for number in range(10)])
    log = EventLog(tmp_path)
    log.read_new()
    log.append([event(number) for number in range(10, 15)])
    log.append([event(number) for number in range(15, 20)])
    return log


def test_it_is_the_list_of_the_events(log: EventLog) -> None:
    """Those that were read and those that were written, in the order in which they were given."""
    history, plain = History(log, 20), [event(number) for number in range(20)]
    assert list(history) == plain and len(history) == 20
    assert [history[at] for at in range(-20, 20)] == [plain[at] for at in range(-20, 20)]
    assert history[3:-2:4] == plain[3:-2:4] and history[-1:] == plain[-1:] and history[30:] == []
    with pytest.raises(IndexError):
        history[20]
    log.append([event(20)])
    assert len(history) == 20 and log.history(21)[-1] == event(20)


def test_doubled_and_broken_lines_are_no_part_of_it(log: EventLog) -> None:
    """Their places are passed over."""
    with (log.folder / "events.jsonl").open("ab") as file:
        file.write(event(3).model_dump_json().encode() + b"\n{broken\n" + event(21).model_dump_json().encode() + b"\n")
    assert log.read_new() == [event(21)]
    assert log.history(21)[-2:] == [event(19), event(21)]


def test_parts_of_a_long_history_follow_one_another(log: EventLog) -> None:
    """Read in pieces, each event has its place."""
    reader = EventLog(log.folder)
    read: list[Event] = []
    while new := reader.read_new(100):
        read += new
    assert list(reader.history(len(read))) == read == [event(number) for number in range(20)]


def test_few_events_are_in_memory(log: EventLog, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many there are and were looked at."""
    monkeypatch.setattr(event_log, "_HELD", 5)
    history = log.history(20)
    assert [one.id for one in history] == [f"e{number}" for number in range(20)]
    gc.collect()
    assert len([one for one in gc.get_objects() if isinstance(one, Event) and one.message.endswith("ü")]) <= 6


def test_a_file_that_was_replaced_is_read_where_its_events_stand_now(log: EventLog) -> None:
    """Each is given once all the same."""
    path = log.folder / "events.jsonl"
    kept = path.read_bytes().splitlines(keepends=True)[2:]
    path.write_bytes(b"".join(kept))
    assert log.read_new() == []
    assert log.history(18)[0] == event(2) and log.history(18)[-1] == event(19)
    assert "cannot be read any more" in log.history(20)[-1].message


def test_a_file_that_is_gone_is_said(log: EventLog) -> None:
    """In the place of each event; nothing breaks."""
    (log.folder / "events.jsonl").unlink()
    shown = log.history(20)[4]
    assert shown.level == "warning" and "events.jsonl" in shown.message


def test_ids_are_known_once_they_were_added() -> None:
    """And no others."""
    ids = Ids()
    assert not ids and "a" not in ids
    ids.add("a")
    ids.add("a")
    assert len(ids) == 1 and "a" in ids and "b" not in ids
