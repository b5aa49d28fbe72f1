"""`ftwb run`: a run looked at again from the prompt."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.screens.loop_workspace import ACCURACY, Loop, loop  # noqa: F401 - a fixture
from workbench.cli import main
from workbench.evaluate.grid import grid
from workbench.evaluate.votes import Ballot
from workbench.workflow.runs import run_folder, run_items

A, B = "local/starter", "local/starter+few-shot:5"


def said(loop: Loop, capsys: Any, *words: str) -> Any:  # noqa: F811
    """The JSON document of a command that went well."""
    assert main([*words, "--json", "--workspace", str(loop.context.home), "--project", loop.project.slug]) == 0
    return json.loads(capsys.readouterr().out)


def text(loop: Loop, capsys: Any, *words: str, status: int = 0) -> str:  # noqa: F811
    """What a command prints."""
    assert main([*words, "--workspace", str(loop.context.home), "--project", loop.project.slug]) == status
    out = capsys.readouterr()
    return str(out.out + out.err)


def vote(loop: Loop, run: str, winner: str, times: int, ties: int = 0) -> Ballot:  # noqa: F811
    """As a person who always prefers one."""
    folder = run_folder(loop.context, loop.project, run)
    ballot = Ballot(folder, run, grid(run_items(loop.context, loop.project, run)), A, B)
    for number in range(times + ties):
        matchup = ballot.next
        assert matchup is not None
        ballot.vote("tie" if number >= times else "a" if matchup.shown[0] == winner else "b")
    return ballot


def test_runs_are_listed_and_one_is_shown(loop, capsys) -> None:  # noqa: F811
    """The newest where none is named."""
    assert "has measured nothing yet" in text(loop, capsys, "run", "show", status=1)
    loop.measured(run="run-20261101-090000-aaaaaa", hour=9)
    loop.measured(run="run-20261101-101500-abc123", hour=10)
    listed = said(loop, capsys, "run", "list")["runs"]
    assert [row["run"][-6:] for row in listed] == ["abc123", "aaaaaa"]
    assert listed[0]["candidates"] == list(ACCURACY)
    assert said(loop, capsys, "run", "show")["run"].endswith("abc123")
    assert said(loop, capsys, "run", "show", "--run", "run-20261101-090000-aaaaaa")["run"].endswith("aaaaaa")
    assert "is not one of the project" in text(loop, capsys, "run", "show", "--run", "run-x", status=1)


def test_items_are_those_that_were_asked_for(loop, capsys) -> None:  # noqa: F811
    """Regressions need two candidates that the run has."""
    loop.measured()
    everything = said(loop, capsys, "run", "items")["items"]
    assert [row["item"] for row in everything] == list(range(1, 61))
    failed = said(loop, capsys, "run", "items", "--which", "failed")["items"]
    assert [row["answers"][B]["error"] for row in failed] == ["timed out"]
    lost = said(loop, capsys, "run", "items", "--which", "regressions", "--candidate", A, "--against", B)["items"]
    assert lost
    assert all(row["answers"][A]["score"] < row["answers"][B]["score"] for row in lost)
    assert "compares two" in text(loop, capsys, "run", "items", "--which", "regressions", status=2)
    wrong = ("run", "items", "--which", "regressions", "--candidate", "local/nobody", "--against", A)
    assert "was not measured in this run" in text(loop, capsys, *wrong, status=2)


def test_slices_are_by_length_and_label(loop, capsys) -> None:  # noqa: F811
    """Each with every candidate's score; together they are the run."""
    loop.measured()
    found = said(loop, capsys, "run", "slices")["slices"]
    assert {part["by"] for part in found} >= {"length", "label"}
    assert sum(part["n"] for part in found if part["by"] == "length") == 60
    assert all(len(part["candidates"]) == len(ACCURACY) for part in found)
    assert "trivial/nearest" in text(loop, capsys, "run", "slices")


def test_votes_are_told_and_that_they_were_seen_is_kept(loop, capsys) -> None:  # noqa: F811
    """Who looks is not blind any more."""
    run = loop.measured().run
    assert "nobody voted yet" in text(loop, capsys, "run", "votes")
    vote(loop, run, B, 9, ties=1)
    [one] = said(loop, capsys, "run", "votes")["votes"]
    assert (one["a"], one["wins_a"], one["wins_b"], one["ties"], one["preferred"]) == (A, 0, 9, 1, B)
    assert one["looked_after"] == 10
    assert "is preferred (p 0.0039)" in text(loop, capsys, "run", "votes")


def test_votes_that_nobody_has_seen_stay_out_of_decision_and_report(loop, capsys, tmp_path) -> None:  # noqa: F811
    """Until then they would end the blindness of the votes to come; afterwards they stand beside the verdict."""
    run = loop.measured().run
    ballot = vote(loop, run, B, 9)
    report = tmp_path / "report.md"
    before = said(loop, capsys, "decide", "--report", str(report))
    assert before["votes"] == []
    assert said(loop, capsys, "run", "show")["votes"] == []
    assert "voting blind" not in report.read_text("utf-8")
    ballot.look()
    after = said(loop, capsys, "decide", "--report", str(report))
    assert [one["preferred"] for one in after["votes"]] == [B]
    assert after["verdict"] == before["verdict"]
    assert said(loop, capsys, "run", "show")["votes"] == after["votes"]
    written = report.read_text("utf-8")
    assert "### What people preferred, voting blind" in written
    assert f"`{B}` |" in written
    assert "Some votes were given after who was which had been seen." in written
    assert f"{B} is preferred" in text(loop, capsys, "decide")


def test_neighbours_are_of_the_training_side(loop, capsys) -> None:  # noqa: F811
    """Nearest first, as many as asked for."""
    loop.measured()
    found = said(loop, capsys, "run", "neighbours", "1", "--most", "3")["neighbours"]
    assert len(found) == 3
    assert all(0 < row["shared"] <= 1 for row in found)
    assert "is not in run-" in text(loop, capsys, "run", "neighbours", "61", status=2)


@pytest.mark.parametrize("yes", [False, True])
def test_a_test_item_is_taught_only_after_a_yes(loop, capsys, yes) -> None:  # noqa: F811
    """It is added as an edit; the file stays as it is until it is saved."""
    loop.measured()
    path = loop.project.files["train"]
    before = path.read_bytes()
    if yes:
        added = said(loop, capsys, "run", "teach", "2", "--yes")
        assert added["record"] == before.count(b"\n") + 1
        assert added["side"] == "test"
    else:
        assert "needs a yes" in text(loop, capsys, "run", "teach", "2", status=2)
    assert path.read_bytes() == before
