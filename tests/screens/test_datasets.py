"""The Datasets screen: any file, any row, nothing obeyed."""

from __future__ import annotations

import json

import pytest

from workbench.screens.datasets import DatasetsScreen
from workbench.screens.dialogs.message import MessageDialog
from workbench.testing import wait_idle
from workbench.widgets.lines import LineList
from workbench.widgets.reading import Reading


def chat(question: str, answer: str = "yes", **more: object) -> dict:
    """A record of one exchange."""
    return {"messages": [{"role": "user", "content": question}, {"role": "assistant", "content": answer, **more}]}


async def opened(pilot) -> DatasetsScreen:
    """The screen once its file is open and checked."""
    await wait_idle(pilot)
    assert isinstance(pilot.app.screen, DatasetsScreen)
    return pilot.app.screen


async def test_the_first_start_shows_the_bundled_project_and_what_to_do_next(ftwb_app, screen_text) -> None:
    """Records on the left, the first one readable on the right, one line that says how to go on."""
    app = ftwb_app(project="demo")
    async with app.run_test(size=(80, 24)) as pilot:
        screen = await opened(pilot)
        text = screen_text(app)
        assert screen.file is not None
        assert screen.file.side == "train"
        assert f"[train {len(screen.file.rows)}]" in text
        assert "next" in text.splitlines()[1]
        assert "assistant ● trained" in text
        assert f"record 1 of {len(screen.file.rows)}" in text


async def test_f_goes_through_the_projects_files(ftwb_app) -> None:
    """Training, validation, test, and training again."""
    app = ftwb_app()
    async with app.run_test() as pilot:
        screen = await opened(pilot)
        seen = []
        for _ in range(3):
            await pilot.press("f")
            await wait_idle(pilot)
            seen.append(screen.file.side)
    assert seen == ["validation", "test", "train"]


async def test_moving_and_the_record_view_agree(ftwb_app, dataset) -> None:
    """j, k, g, G in the list; n and p also while the record has the keys."""
    path = dataset(*(chat(f"question {number}") for number in range(1, 31)))
    app = ftwb_app(file=path)
    async with app.run_test(size=(80, 24)) as pilot:
        screen = await opened(pilot)
        for keys, row in (("j j", 2), ("k", 1), ("G", 29), ("g", 0), ("tab n", 1), ("n", 2), ("p", 1)):
            await pilot.press(*keys.split())
            await wait_idle(pilot)
            assert screen.row == row, keys
            assert f"question {row + 1}" in screen.query_one("#record", Reading).text


async def test_broken_rows_stand_in_the_list_with_line_and_column(ftwb_app, dataset, screen_text) -> None:
    """The other rows stay readable, and `e` goes to the broken one."""
    path = dataset(chat("one"), chat("two"), '{"messages": [{"role": "user" "content": "x"}]}', chat("four"))
    app = ftwb_app(file=path)
    async with app.run_test(size=(100, 24)) as pilot:
        screen = await opened(pilot)
        await pilot.press("e")
        await wait_idle(pilot)
        assert screen.row == 2
        text = screen_text(app)
        assert "line 3, column 31" in text
        assert "✗" in text
        assert "four" in text


async def test_findings_of_a_record_stand_above_it(ftwb_app, dataset) -> None:
    """By code and name, as the linter calls them."""
    bad = {"messages": [{"role": "human", "content": "x"}, {"role": "assistant", "content": "y"}]}
    app = ftwb_app(file=dataset(chat("fine"), bad))
    async with app.run_test(size=(80, 24)) as pilot:
        screen = await opened(pilot)
        await pilot.press("e")
        await wait_idle(pilot)
        text = screen.query_one("#record", Reading).text
        assert "unrecognized_role" in text
        assert text.index("unrecognized_role") < text.index("human\n")


async def test_a_message_of_weight_0_is_not_marked_as_trained(ftwb_app, dataset) -> None:
    """What is trained is said by a word and a sign, not by colour."""
    app = ftwb_app(file=dataset(chat("a", "not trained", weight=0), chat("b", "trained")))
    async with app.run_test() as pilot:
        screen = await opened(pilot)
        record = screen.query_one("#record", Reading)
        assert "● trained" not in record.text
        assert "weight 0" in record.text
        await pilot.press("j")
        await wait_idle(pilot)
        assert "● trained" in record.text


async def test_filter_finds_text_not_punctuation(ftwb_app, dataset) -> None:
    """`role` is a key in every record and a word in one; \\u00e9 is é."""
    path = dataset(chat("no such word"), chat("a role to play"), json.dumps(chat("Café")), chat("CAFÉ"))
    app = ftwb_app(file=path)
    async with app.run_test() as pilot:
        screen = await opened(pilot)
        rows = screen.query_one("#records", LineList)
        for needle, expected in (("role", 1), ("café", 2), ("nothing of the kind", 0)):
            await pilot.press("slash", *needle)
            await wait_idle(pilot)
            assert rows.count == expected, needle
            await pilot.press("escape")
            await wait_idle(pilot)
            assert rows.count == 4
            assert rows.has_focus


async def test_the_cursor_stays_on_its_record_when_the_filter_goes(ftwb_app, dataset) -> None:
    """What was found is what one wants to look around at."""
    app = ftwb_app(file=dataset(*(chat(f"q{number}") for number in range(50)), chat("needle")))
    async with app.run_test() as pilot:
        screen = await opened(pilot)
        await pilot.press("slash", *"needle", "enter")
        await wait_idle(pilot)
        assert screen.row == 50
        await pilot.press("escape")
        await wait_idle(pilot)
        assert screen.row == 50


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "is empty"),
        (b"\x00\x01\x02" * 400, "binary"),
    ],
)
async def test_a_file_that_is_no_dataset_gets_one_sentence(ftwb_app, write, screen_text, content, sentence) -> None:
    """What, why, the way out; then the screen goes on."""
    app = ftwb_app(file=write("data.jsonl", content))
    async with app.run_test(size=(80, 24)) as pilot:
        await wait_idle(pilot)
        assert isinstance(app.screen, MessageDialog)
        assert sentence in screen_text(app)
        await pilot.press("enter", "f")
        await wait_idle(pilot)
        assert isinstance(app.screen, DatasetsScreen)
        assert app.screen.file is not None
        assert app.screen.file.side == "train"


async def test_o_opens_a_path(ftwb_app, dataset) -> None:
    """Typed in a dialog; the project stays."""
    path = dataset(chat("only one"))
    app = ftwb_app()
    async with app.run_test() as pilot:
        screen = await opened(pilot)
        await pilot.press("o")
        await wait_idle(pilot)
        app.screen.query_one("Input").value = str(path)
        await pilot.press("enter")
        await wait_idle(pilot)
        assert screen.file.path == path
        assert screen.file.side == ""


async def test_a_large_file_costs_what_is_on_screen(ftwb_app, tmp_path, until) -> None:
    """200,000 rows: only a few screens of them are ever decoded for the list."""
    path = tmp_path / "large.jsonl"
    line = json.dumps(chat("x"))
    path.write_text(f"{line}\n" * 200_000)
    app = ftwb_app(file=path)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: isinstance(app.screen, DatasetsScreen) and app.screen.file is not None)
        screen = app.screen
        decoded: list[int] = []
        whole = screen.file.rows.decode
        screen.file.rows.decode = lambda row: (decoded.append(row), whole(row))[1]
        await pilot.press("G")
        await until(pilot, lambda: screen.row == 199_999)
        await pilot.press("pageup", "g")
        await until(pilot, lambda: screen.row == 0)
        assert 0 < len(set(decoded)) < 200
        screen.workers.cancel_all()


async def test_another_file_stops_the_check_of_a_long_one(ftwb_app, tmp_path, until, screen_text) -> None:
    """It says how far it is, and its thread ends when nobody waits for it."""
    path = tmp_path / "large.jsonl"
    path.write_text(f"{json.dumps(chat('x'))}\n" * 200_000)
    app = ftwb_app(file=path)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: "checking" in screen_text(app) and "%…" in screen_text(app))
        await pilot.press("f")
        await wait_idle(pilot)
        assert app.screen.file.side == "train"
        assert "nothing found" in screen_text(app)


async def test_y_copies_the_record_as_it_stands_in_the_file(ftwb_app, dataset, monkeypatch) -> None:
    """Its line, not what the screen makes of it."""
    path = dataset(chat("copy\tme \x1b[31m"))
    app = ftwb_app(file=path)
    copied: list[str] = []
    monkeypatch.setattr(type(app), "copy_to_clipboard", lambda self, text: copied.append(text))
    async with app.run_test() as pilot:
        await opened(pilot)
        await pilot.press("y")
    assert copied == [path.read_text().rstrip("\n")]
