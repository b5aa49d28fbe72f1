"""Bringing a table in: guessed, corrected by hand with the records in view, written."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from textual.widgets import Input, TextArea

from tests.screens.asking import Asking
from tests.screens.asking import asking as ask
from workbench.screens.importing import ImportScreen


def asking(path: Path, template: str = "") -> Asking:
    return ask(ImportScreen(str(path), template))


def state(app: Asking) -> str:
    return "".join(piece.text for piece in app.asked._state.left)


@pytest.fixture
def support(tmp_path: Path) -> Path:
    path = tmp_path / "support.csv"
    rows = ["ticket;time;from;body", "1;2026-01-01 10:05;agent;Grüße", "1;2026-01-01 10:00;customer;hi", ";;agent;lost"]
    path.write_bytes("\n".join(rows).encode("cp1252"))
    return path


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_a_known_shape_is_guessed_shown_and_imported(support: Path, until, size: tuple[int, int]) -> None:
    """Encoding and delimiter told with the reason, the record in view, the row without a place listed."""
    app = asking(support)
    async with app.run_test(size=size) as pilot:
        await pilot.pause()
        assert "[grouping]" in app.asked.query_one(TextArea).text
        sniffed = "".join(piece.text for piece in app.asked._sniffed.left)
        assert "cp1252" in sniffed and "semicolon" in sniffed
        assert "1 rows find no place" in state(app)
        assert "Grüße" in app.asked._records.text and "! line 4" in app.asked._records.text
        assert app.asked._records.size.height > 5 and app.asked.query_one(TextArea).size.height > 5
        await pilot.press("ctrl+s")
        await pilot.pause()
        assert app.screen.query_one(Input).value == str(support.with_suffix(".jsonl"))
        await pilot.press("enter")
        await until(pilot, lambda: app.answer != "not answered")
    made = app.answer
    assert (made.result.records, made.result.written, len(made.result.unplaced)) == (3, 1, 1)
    record = json.loads(support.with_suffix(".jsonl").read_text())
    assert [turn["role"] for turn in record["messages"]] == ["user", "assistant"]


async def test_a_mistake_in_the_template_is_named_and_nothing_is_lost(support: Path, until) -> None:
    app = asking(support)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        area = app.asked.query_one(TextArea)
        good = area.text
        area.text = good.replace('"{body}"', '"{boddy}"')
        await until(pilot, lambda: "boddy" in state(app))
        await pilot.press("ctrl+s")
        assert app.screen is app.asked, "there is nothing to import"
        area.text = good
        await until(pilot, lambda: "1 records" in state(app))


async def test_columns_of_no_known_shape_give_a_template_to_begin_with(tmp_path: Path, until) -> None:
    path = tmp_path / "odd.csv"
    path.write_text("foo,bar\nwhat is it?,a thing\n")
    app = asking(path)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        assert "{foo}" in app.asked.query_one(TextArea).text and "what is it?" in app.asked.query_one(TextArea).text
        app.asked.query_one(TextArea).text += "\n"
        await until(pilot, lambda: "1 records" in state(app))
        assert "a thing" in app.asked._records.text


async def test_a_file_that_cannot_be_read_is_said(tmp_path: Path) -> None:
    app = asking(tmp_path / "nothing.csv")
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        assert "does not exist" in state(app)
        assert "→ check the path" in app.asked._records.text, "the way out is said too"


async def test_template_given_beforehand_is_used(support: Path) -> None:
    template = 'format = "text"\ntext = "{body}"\n'
    app = asking(support, template)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        assert app.asked.query_one(TextArea).text == template
        assert "3 records" in state(app)
