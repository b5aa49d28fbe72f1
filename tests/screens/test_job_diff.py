"""Two jobs compared: what changed in their data and settings, what they reported, which model is better."""

from __future__ import annotations

import asyncio
import dataclasses
import json

import pytest

from tests.screens.loop_workspace import Loop, loop  # noqa: F401 - a fixture
from tests.screens.test_jobs import shown
from tests.screens.test_loop_snapshots import settled_on
from workbench.catalog.figure import Origin
from workbench.cli import main
from workbench.errors import WorkbenchError
from workbench.screens.dialogs.job_diff import JobDiffDialog
from workbench.workflow.follow import JobView, caught_up
from workbench.workflow.job_diff import DataChange, JobDiff, SettingChange, diff_jobs, diff_rows

SIZES = pytest.mark.parametrize("size", [(80, 24), (120, 40)], ids=["80x24", "120x40"])


def two_jobs(loop: Loop) -> tuple[str, str]:  # noqa: F811
    """The second has one record less, one more, one that says something else, and another rank; both finished."""
    first = loop.job("first")
    loop.train(30)
    loop.provider.finish(first.id)
    path = loop.project.files["train"]
    lines = path.read_text("utf-8").splitlines(keepends=True)
    changed = json.loads(lines[0])
    changed["messages"][-1]["content"] = "another answer"
    added = {"messages": [{"role": "user", "content": "a new one"}, {"role": "assistant", "content": "billing"}]}
    path.write_text("".join([json.dumps(changed) + "\n", *lines[1:-1], json.dumps(added) + "\n"]), "utf-8")
    loop.settings = {"n_epochs": 3}
    second = loop.job("second")
    loop.train(50)
    loop.provider.finish(second.id)
    loop.provider.emit("Step 400/400: training loss=0.25", {"step": 400, "train_loss": 0.25}, second.id)
    return first.id, second.id


def views_of(loop: Loop, *ids: str) -> list[JobView]:  # noqa: F811
    return [asyncio.run(caught_up(loop.context, one)) for one in ids]


def compared(loop: Loop, one: str, other: str) -> JobDiff:  # noqa: F811
    a, b = views_of(loop, one, other)
    return diff_jobs(loop.context, loop.project, (a, b))


def test_data_settings_and_numbers_are_beside_each_other(loop) -> None:  # noqa: F811
    """The older first, however they are named."""
    first, second = two_jobs(loop)
    found = compared(loop, second, first)
    assert (found.old, found.new) == (first, second)
    training, validation = found.data
    total = len(loop.project.files["train"].read_text("utf-8").splitlines())
    assert (training.same, training.added, training.removed, training.changed) == (total - 2, 1, 1, 1)
    assert validation.identical
    assert found.settings == (SettingChange("n_epochs", "2", "3"),)
    losses = {one.name: (one.old, one.new) for one in found.numbers}
    assert losses["train_loss"][0] != losses["train_loss"][1]
    assert all(value is not None for value in losses["train_loss"])


def test_data_that_is_gone_is_said_and_not_counted(loop) -> None:  # noqa: F811
    """Neither zero nor the same."""
    first, second = two_jobs(loop)
    for kept in (loop.context.home / "data").iterdir():
        if kept.is_file():
            kept.unlink()
    found = compared(loop, first, second)
    assert found.data[0].same is None
    assert found.data[0].why == "the training file of the older job is not kept in this workspace"
    assert not found.data[0].identical


def test_models_that_no_run_measured_together_get_the_command(loop) -> None:  # noqa: F811
    """And once a run has both, its comparison, newer minus older."""
    first, second = two_jobs(loop)
    old, new = (f"local/{view.job.fine_tuned_model}" for view in views_of(loop, first, second))
    found = compared(loop, first, second)
    assert found.comparison is None
    assert found.missing == f"ftwb evaluate --candidate {old} --candidate {new}"
    loop.measured({old: 0.2, new: 0.9})
    found = compared(loop, first, second)
    assert found.comparison is not None
    assert (found.comparison.a, found.comparison.verdict, found.missing) == (new, "better", None)
    said = "\n".join(row[0] for row in diff_rows(found))
    assert "the newer is better: newer - older = +0." in said
    assert "recorded" not in said
    found = dataclasses.replace(found, comparison=found.comparison.model_copy(update={"origin": Origin.RECORDED}))
    assert f"{found.run}, recorded" in "\n".join(row[0] for row in diff_rows(found))


def test_a_job_without_record_is_refused_by_name(loop) -> None:  # noqa: F811
    first, _ = two_jobs(loop)
    view = views_of(loop, first)[0]
    unknown = dataclasses.replace(view, job=view.job.model_copy(update={"id": "ftjob-nobody"}))
    with pytest.raises(WorkbenchError, match="ftjob-nobody: has no record here"):
        diff_jobs(loop.context, loop.project, (view, unknown))


def test_records_in_another_order_are_not_the_same_data() -> None:
    assert not DataChange("training", 5, 0, 0, 0, reordered=True).identical


def test_the_command_says_the_same(loop, capsys, monkeypatch) -> None:  # noqa: F811
    """As a table, and as JSON."""
    first, second = two_jobs(loop)
    monkeypatch.setenv("FAKE_KEY", str(loop.provider.api_key))
    arguments = ["--workspace", str(loop.context.home), "--project", loop.project.slug]
    assert main(["job", "diff", second, first, *arguments]) == 0
    text = capsys.readouterr().out
    assert "n_epochs" in text
    assert "1 added, 1 removed, 1 changed" in text
    assert main(["job", "diff", second, first, "--json", *arguments]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["old"] == first
    assert document["settings"] == [{"name": "n_epochs", "old": "2", "new": "3"}]
    assert document["comparison"] is None


async def test_the_key_compares_the_marked_job_with_the_one_under_the_cursor(loop, until) -> None:  # noqa: F811
    """One job alone: it says how."""
    first, second = await asyncio.to_thread(two_jobs, loop)
    app = loop.app("jobs")
    async with app.run_test(size=(80, 24)) as pilot:
        await shown(pilot)
        await pilot.press("=")
        assert ["mark one with space" in note.message for note in app._notifications] == [True]
        await pilot.press("space", "down", "=")
        await until(pilot, lambda: isinstance(app.screen, JobDiffDialog))
        text = app.screen.text_to_copy()
        assert f"\tolder …{first[-8:]}\tnewer …{second[-8:]}" in text
        assert "  n_epochs\t2\t3" in text
        await pilot.press("escape")
        assert not isinstance(app.screen, JobDiffDialog)


@SIZES
def test_how_it_looks(loop, snap_compare, size) -> None:  # noqa: F811
    """Verdict first, then what changed."""
    first, second = two_jobs(loop)
    old, new = (f"local/{view.job.fine_tuned_model}" for view in views_of(loop, first, second))
    loop.measured({old: 0.2, new: 0.9})

    async def compare(pilot) -> None:
        await shown(pilot)
        await pilot.press("space", "down", "=")
        await settled_on(pilot, lambda: isinstance(pilot.app.screen, JobDiffDialog))
        await settled_on(pilot, lambda: not pilot.app._notifications)

    assert snap_compare(loop.app("jobs"), terminal_size=size, run_before=compare)
