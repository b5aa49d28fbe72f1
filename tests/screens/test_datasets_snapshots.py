"""What the Datasets screen looks like at work. Update with `pytest --snapshot-update`, after looking."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

SIZES = pytest.mark.parametrize("size", [(80, 24), (120, 40)], ids=["80x24", "120x40"])


def chat(*turns: tuple[str, str], **more: object) -> dict:
    return {"messages": [{"role": role, "content": text} for role, text in turns], **more}


@pytest.fixture
def tickets(tmp_path: Path) -> Path:
    """Forty tickets: some with a wrong role, an empty answer, a broken line, a copy; answers that are labels."""
    labels = ("refund", "delivery", "account")
    lines = []
    for number in range(40):
        question = f"Ticket {number}: my order {1000 + number * 37} " + "is late and nobody answers. " * (number % 7)
        answer = labels[number % 3]
        turns = [("system", "Sort the ticket."), ("user", question), ("assistant", answer)]
        if number % 11 == 5:
            turns[1] = ("human", question)
        if number == 8:
            turns[2] = ("assistant", "")
        if number % 9 == 4:
            turns += [("user", "And now?"), ("assistant", answer)]
        lines.append(json.dumps(chat(*turns)))
    lines[12] = lines[12][:50]
    lines[20] = lines[3]
    path = tmp_path / "tickets.jsonl"
    path.write_text("\n".join(lines) + "\n", "utf-8")
    return path


@SIZES
def test_findings(ftwb_app, snap_compare, tickets, size) -> None:
    """Every rule with its count, the open one with its places; the record that was gone to."""
    keys = ["w", "j", "enter", "j", "j", "enter"]
    assert snap_compare(ftwb_app(file=tickets), press=keys, terminal_size=size)


@SIZES
def test_edits_marks_and_order(ftwb_app, snap_compare, tickets, size) -> None:
    """Unsaved edits counted, a new row, marks before numbers, the order in the heading."""
    keys = ["C", "d", "d", "s", "t", "space", "j", "space"]
    assert snap_compare(ftwb_app(file=tickets), press=keys, terminal_size=size)


def test_a_filter_that_cannot_be_read(ftwb_app, snap_compare, tickets) -> None:
    """Where and why, beside the rows that were found before."""
    assert snap_compare(ftwb_app(file=tickets), press=["slash", *"late", "space", *"has:"], terminal_size=(120, 30))


def test_the_list_alone(ftwb_app, snap_compare, tickets) -> None:
    """Zoomed, all columns have room."""
    assert snap_compare(ftwb_app(file=tickets), press=["z"], terminal_size=(120, 30))


@pytest.mark.parametrize("keys", [["s"], ["d", "ctrl+s"], ["S"], ["O"]], ids=["sort", "save", "sample", "order"])
def test_dialogs(ftwb_app, snap_compare, tickets, keys) -> None:
    """Nothing cut off at 80×24."""
    assert snap_compare(ftwb_app(file=tickets), press=keys, terminal_size=(80, 24))


def test_without_colour(ftwb_app, snap_compare, tickets, monkeypatch) -> None:
    """Signs say what colours said: ✗ ! ◆ ● ▸."""
    monkeypatch.setenv("NO_COLOR", "1")
    assert snap_compare(ftwb_app(file=tickets), press=["d", "space", "w"], terminal_size=(80, 24))
