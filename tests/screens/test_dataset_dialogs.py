"""Split, export, statistics: what is filled in is what comes out; what cannot be meant keeps the form open."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from textual.widgets import Input, Select

from tests.screens.asking import asking
from workbench.dataset.formats.convert import TARGETS
from workbench.dataset.rows import open_rows
from workbench.dataset.stats import Stats, stats
from workbench.dataset.tokens import FormulaCounter
from workbench.errors import WorkbenchError
from workbench.screens.dialogs.export import ExportDialog, ExportRequest
from workbench.screens.dialogs.split import SplitDialog, SplitRequest
from workbench.screens.dialogs.statistics import StatisticsDialog


async def test_a_split_is_asked_for_in_per_cent() -> None:
    app = asking(SplitDialog(200, "/data/out"))
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        assert "train 160, validation 20, test 20" in app.asked._says.text
        await pilot.press("enter")
        await pilot.pause()
    assert app.answer == SplitRequest((0.8, 0.1, 0.1), 0, Path("/data/out"))


@pytest.mark.parametrize(
    ("field", "value", "says"),
    [
        ("train", "70", "90 per cent"),
        ("train", "x", "no number"),
        ("seed", "-1", "whole number"),
        ("folder", " ", "empty"),
    ],
)
async def test_a_split_that_cannot_be_meant_is_refused(field: str, value: str, says: str) -> None:
    app = asking(SplitDialog(200, "/data/out"))
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        app.screen.query_one(f"#{field}", Input).value = value
        await pilot.pause()
        await pilot.press("ctrl+s")
        await pilot.pause()
        assert app.answer == "not answered"
        assert says in app.asked._says.text


async def test_every_choice_of_an_export_reaches_the_request() -> None:
    app = asking(ExportDialog(3, "out.jsonl", "chat", TARGETS))
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        app.screen.query_one("#format", Select).value = "sharegpt"
        app.screen.query_one("#lossy", Select).value = "lossy"
        app.screen.query_one("#layout", Select).value = "AutoTrain's columns"
        await pilot.press("enter")
        await pilot.pause()
    assert app.answer == ExportRequest(Path("out.jsonl"), "sharegpt", lossy=True, autotrain=True, bom=False)


def counted(tmp_path: Path) -> Stats:
    path = tmp_path / "data.jsonl"
    turns = [{"role": "user", "content": "a b c"}, {"role": "assistant", "content": "d"}]
    path.write_text("".join(json.dumps({"messages": turns[: 1 + n % 2] * (n + 1)}) + "\n" for n in range(9)))
    with open_rows(path) as rows:
        return stats(rows, None, 20, counter=FormulaCounter("words", False, lambda text: len(text.split())))


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_figures_are_shown_with_a_histogram(tmp_path: Path, size: tuple[int, int]) -> None:
    found = counted(tmp_path)
    app = asking(StatisticsDialog(lambda progress: found))
    async with app.run_test(size=size) as pilot:
        await pilot.pause()
        text = app.asked._figures.text
        assert "9 chat records" in text and "an estimate" in text
        assert f"{found.billable_tokens:,}" in text
        bars = [line for line in text.splitlines() if "…" in line]
        assert len(bars) == len(found.histogram)
        assert max(len(line) for line in text.splitlines()) <= app.asked._figures.scrollable_content_region.width


async def test_figures_that_cannot_be_had_say_why() -> None:
    def refuse(progress: object) -> Stats:
        raise WorkbenchError("data.jsonl", "is empty", "give a file with records")

    app = asking(StatisticsDialog(refuse))
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        assert "is empty" in app.asked._figures.text
        assert "give a file with records" in app.asked._figures.text, "the way out is said too"
