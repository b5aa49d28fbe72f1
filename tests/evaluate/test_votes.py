"""Blind votes between two candidates."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.evaluate.answers import row, rows_of
from workbench.errors import WorkbenchError
from workbench.evaluate.grid import grid
from workbench.evaluate.statistics import wilson
from workbench.evaluate.votes import VOTES, Ballot, Tally, read_votes

A, B = "p/a", "p/b"
ITEMS = grid(rows_of({A: [1.0] * 40, B: [0.0] * 40}))


def ballot(folder: Path, run: str = "run-1", one: str = A, other: str = B) -> Ballot:
    return Ballot(folder, run, ITEMS, one, other)


def prefer(votes: Ballot, candidate: str) -> None:
    """Vote for a candidate, wherever it stands."""
    assert votes.next is not None
    votes.vote("a" if votes.next.shown[0] == candidate else "b")


def test_items_and_sides_are_shuffled_the_same_way_each_time(tmp_path: Path) -> None:
    """In no file's order, either candidate on either side, and for another run otherwise."""
    first, again, other = ballot(tmp_path), ballot(tmp_path, one=B, other=A), ballot(tmp_path, "run-2")
    assert first._order == again._order != sorted(first._order)
    assert first._shown == again._shown
    assert first._order != other._order
    left = sum(shown[0] == A for shown in first._shown.values())
    assert 8 < left < 32


def test_what_is_shown_matches_its_side(tmp_path: Path) -> None:
    """A vote for A counts for the candidate that stood there."""
    votes = ballot(tmp_path)
    matchup = votes.next
    assert matchup is not None
    assert matchup.answers[0] == matchup.item.answers[matchup.shown[0]].output
    votes.vote("a")
    assert votes.tally().wins == ((1, 0) if matchup.shown[0] == A else (0, 1))


def test_votes_outlive_the_program_and_go_on_where_they_were(tmp_path: Path) -> None:
    """Another pair's votes are not theirs."""
    votes = ballot(tmp_path)
    for _ in range(5):
        prefer(votes, B)
    upcoming = votes.next
    again = ballot(tmp_path, one=B, other=A)
    assert (again.done, again.next) == (5, upcoming)
    assert again.tally().wins == (0, 5)
    assert Ballot(tmp_path, "run-1", grid(rows_of({A: [1.0], "p/c": [0.0]})), A, "p/c").done == 0


def test_undo_asks_the_same_item_again_and_erases_no_line(tmp_path: Path) -> None:
    """Until there is nothing left to take back."""
    votes = ballot(tmp_path)
    first = votes.next
    votes.vote("tie")
    votes.vote("skip")
    assert votes.undo() and votes.undo() and not votes.undo()
    assert votes.next == first
    assert [vote.kind for vote in read_votes(tmp_path)] == ["tie", "skip", "undo", "undo"]
    assert ballot(tmp_path).next == first


def test_a_torn_line_costs_one_vote_only(tmp_path: Path) -> None:
    """The next vote does not run into it."""
    votes = ballot(tmp_path)
    prefer(votes, A)
    prefer(votes, A)
    path = tmp_path / VOTES
    path.write_bytes(path.read_bytes()[:-20])
    again = ballot(tmp_path)
    assert again.done == 1
    prefer(again, A)
    assert ballot(tmp_path).tally().wins == (2, 0)


def test_the_tally_is_a_sign_test_with_wilsons_interval(tmp_path: Path) -> None:
    """Nine to one is p = 22 / 1024; ties and skipped items count for nobody."""
    votes = ballot(tmp_path)
    for _ in range(9):
        prefer(votes, B)
    prefer(votes, A)
    votes.vote("tie")
    votes.vote("skip")
    tally = votes.tally()
    assert (tally.wins, tally.ties, tally.skipped, tally.left, tally.votes) == ((1, 9), 1, 1, 28, 11)
    assert tally.p_value == pytest.approx(22 / 1024)
    assert tally.better == B
    assert tally.ci95 == wilson(1, 10)


def test_few_votes_prove_nothing(tmp_path: Path) -> None:
    """Five to none is 0.06; six to none is enough."""
    votes = ballot(tmp_path)
    for _ in range(5):
        prefer(votes, A)
    assert (votes.tally().better, votes.tally().underpowered) == (None, True)
    prefer(votes, A)
    assert (votes.tally().better, votes.tally().underpowered) == (A, False)
    nothing = Tally((A, B), (0, 0), 3, 0, 0, 0, None, False)
    assert (nothing.share, nothing.ci95, nothing.p_value, nothing.better) == (None, None, 1.0, None)


def test_that_the_result_was_seen_early_is_kept(tmp_path: Path) -> None:
    """The first look counts, also after a restart: who stops when it looks good makes p too small."""
    votes = ballot(tmp_path)
    prefer(votes, A)
    assert votes.tally().looked_after is None
    assert votes.look().looked_after == 1
    prefer(votes, A)
    votes.look()
    assert ballot(tmp_path).tally().looked_after == 1


def test_same_and_missing_answers_are_not_asked_about(tmp_path: Path) -> None:
    """Their number is told; where nothing is left one sentence says so."""
    rows = [row(A, 0, 1.0, output="blue"), row(B, 0, 1.0, output="blue\n"), row(A, 1, None), row(B, 1, 1.0)]
    with pytest.raises(WorkbenchError, match="gave the same answers"):
        Ballot(tmp_path, "run", grid(rows), A, B)
    with pytest.raises(WorkbenchError, match="no item that both answered"):
        Ballot(tmp_path, "run", grid(rows[2:]), A, B)
    more = [*rows, row(A, 2, 1.0, output="blue"), row(B, 2, 0.0, output="red")]
    votes = Ballot(tmp_path, "run", grid(more), A, B)
    assert (len(votes), votes.tally().same) == (1, 1)


def test_a_vote_about_another_item_of_that_number_does_not_count(tmp_path: Path) -> None:
    """The item's hash says which one was judged."""
    votes = ballot(tmp_path)
    prefer(votes, A)
    changed = [one.model_copy(update={"sha256": "other"}) for item in ITEMS for one in item.answers.values()]
    assert Ballot(tmp_path, "run-1", grid(changed), A, B).done == 0


def test_a_full_disk_is_told_and_the_vote_is_not_counted(tmp_path: Path) -> None:
    """A folder in the file's place stands in for it."""
    votes = ballot(tmp_path)
    (tmp_path / VOTES).mkdir()
    with pytest.raises(WorkbenchError, match="cannot be written"):
        votes.vote("a")
    assert votes.done == 0
