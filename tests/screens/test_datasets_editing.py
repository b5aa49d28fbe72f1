"""Editing records on the Datasets screen: by key, journaled, undone, saved."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from workbench.dataset.analysis.pool import Pool
from workbench.screens.datasets import DatasetsScreen
from workbench.screens.dialogs.choice import ChoiceDialog
from workbench.screens.editor import EditorScreen
from workbench.testing import wait_idle


def chat(question: str, answer: str = "yes") -> dict:
    """A record of one exchange."""
    return {"messages": [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]}


def questions(screen: DatasetsScreen) -> list[str]:
    """What the records of the document ask, in order."""
    document = screen.file.document
    return [json.loads(document.raw(row))["messages"][0]["content"] for row in document.ids().tolist()]


def told(app) -> list[str]:
    """What was said in passing."""
    return [notification.message for notification in app._notifications]


async def press(pilot, *keys: str) -> None:
    """Keys one after another, each when the one before is through."""
    for key in keys:
        await pilot.press(key)
        await wait_idle(pilot)


@pytest.fixture
def ten(dataset) -> Path:
    """Records that ask q0 to q9."""
    return dataset(*(chat(f"q{number}") for number in range(10)))


async def test_delete_undo_redo_and_the_unsaved_count(ftwb_app, ten, screen_text) -> None:
    """One key each; the file stays as it is."""
    before = ten.read_bytes()
    app = ftwb_app(file=ten)
    async with app.run_test(size=(100, 24)) as pilot:
        await wait_idle(pilot)
        screen = app.screen
        await press(pilot, "j", "d", "d")
        assert questions(screen) == ["q0", "q3", "q4", "q5", "q6", "q7", "q8", "q9"]
        assert "● 2 unsaved" in screen_text(app)
        assert "[data.jsonl 8]" in screen_text(app)
        assert "q3" in screen.record.text
        await press(pilot, "u")
        assert questions(screen)[:3] == ["q0", "q2", "q3"]
        assert "q2" in screen.record.text, "the cursor goes where the undo was"
        await press(pilot, "u")
        assert "unsaved" not in screen_text(app)
        await press(pilot, "U", "ctrl+r")
        assert questions(screen) == ["q0", "q3", "q4", "q5", "q6", "q7", "q8", "q9"]
    assert ten.read_bytes() == before


async def test_marked_records_are_edited_together_as_one_step(ftwb_app, ten, screen_text) -> None:
    """space, v … v, * and escape."""
    app = ftwb_app(file=ten)
    async with app.run_test(size=(100, 24)) as pilot:
        await wait_idle(pilot)
        screen = app.screen
        await press(pilot, "space", "j", "v", "j", "j")
        assert "range begun" in screen_text(app)
        await press(pilot, "v")
        assert "4 marked" in screen_text(app)
        assert screen_text(app).count("◆") == 5, "four rows and the count"
        await press(pilot, "d")
        assert questions(screen) == ["q1", "q5", "q6", "q7", "q8", "q9"]
        assert screen.file.unsaved == 1
        await press(pilot, "u", "asterisk")
        assert "10 marked" in screen_text(app)
        await press(pilot, "asterisk")
        assert "marked" not in screen_text(app)
        await press(pilot, "asterisk", "escape")
        assert "marked" not in screen_text(app)


async def test_duplicates_stand_behind_and_are_marked_as_new(ftwb_app, ten, screen_text) -> None:
    app = ftwb_app(file=ten)
    async with app.run_test(size=(100, 24)) as pilot:
        await wait_idle(pilot)
        await press(pilot, "C")
        assert questions(app.screen)[:3] == ["q0", "q0", "q1"]
        assert app.screen.records.cursor == 1
        assert "new" in screen_text(app)
        await press(pilot, "space", "space", "C")
        assert questions(app.screen)[:5] == ["q0", "q0", "q1", "q0", "q1"]


async def test_enter_opens_the_editor_and_what_it_gives_is_one_undo_step(ftwb_app, ten) -> None:
    """Written the way the file is written; the record keeps its place and its line."""
    app = ftwb_app(file=ten)
    async with app.run_test(size=(100, 30)) as pilot:
        await wait_idle(pilot)
        screen = app.screen
        await press(pilot, "j", "enter")
        assert isinstance(app.screen, EditorScreen)
        app.screen.dismiss(None)
        await wait_idle(pilot)
        assert screen.file.unsaved == 0
        row = screen.row
        screen.put_record(row, screen.file.document.raw(row), chat("other"), "text of message 1")
        await wait_idle(pilot)
        assert questions(screen)[1] == "other"
        assert screen.file.document.raw(screen.row) == json.dumps(chat("other")).encode()
        assert "line" not in screen.record.text.splitlines()[0]
        assert "edited" in screen.record.text.splitlines()[0]
        [step] = screen.file.document.steps()
        assert step["kind"] == "patch"
        await press(pilot, "u")
        assert questions(screen)[1] == "q1"


async def test_saving_asks_once_for_each_file_and_writes_only_what_was_edited(ftwb_app, dataset, screen_text) -> None:
    path = dataset('{"messages":  [ {"role":"user","content":"odd   spacing"}]}', chat("a"), chat("b"))
    first = path.read_bytes().splitlines()[0]
    app = ftwb_app(file=path)
    async with app.run_test(size=(100, 24)) as pilot:
        await wait_idle(pilot)
        await press(pilot, "ctrl+s")
        assert "Nothing to save." in told(app)
        await press(pilot, "G", "d", "ctrl+s")
        assert isinstance(app.screen, ChoiceDialog)
        assert "Save 1 edit over data.jsonl?" in screen_text(app)
        await press(pilot, "enter")
        assert isinstance(app.screen, ChoiceDialog), "enter alone is no answer"
        await press(pilot, "y")
        assert path.read_bytes() == first + b"\n" + json.dumps(chat("a")).encode() + b"\n"
        assert "unsaved" not in screen_text(app)
        assert app.screen.row == 1
        await press(pilot, "d", "ctrl+s")
        assert isinstance(app.screen, DatasetsScreen)
        assert path.read_bytes() == first + b"\n"


async def test_edits_that_are_not_saved_are_there_again(ftwb_app, ten, screen_text) -> None:
    """Leaving says so, and opening again too."""
    app = ftwb_app(file=ten)
    async with app.run_test(size=(100, 24)) as pilot:
        await wait_idle(pilot)
        await press(pilot, "d")
        await press(pilot, "f")
        assert app.screen.file.side == "train"
        assert any("1 unsaved edit of data.jsonl is kept" in words for words in told(app))
        app.screen.open_file(ten)
        await wait_idle(pilot)
        assert questions(app.screen)[0] == "q1"
        assert "● 1 unsaved" in screen_text(app)
        await press(pilot, "d")
        await pilot.press("ctrl+q")
    assert app.last_words == ["2 unsaved edits of data.jsonl are kept: they are there when the file is opened again."]


async def test_a_file_that_something_else_wrote_is_not_overwritten_unasked(ftwb_app, ten, dataset, screen_text) -> None:
    """Elsewhere, over it, or reload."""
    app = ftwb_app(file=ten)
    async with app.run_test(size=(100, 30)) as pilot:
        await wait_idle(pilot)
        screen = app.screen
        await press(pilot, "d")
        other = dataset(chat("theirs"), name="other.jsonl").read_bytes()
        replacement = ten.with_name("new.jsonl")
        replacement.write_bytes(other)
        replacement.replace(ten)
        await press(pilot, "ctrl+s")
        assert "The file has changed" in screen_text(app)
        await press(pilot, "escape")
        assert ten.read_bytes() == other
        await press(pilot, "ctrl+s", "r")
        assert questions(screen) == ["theirs"]
        await press(pilot, "C")
        replacement.write_bytes(other)
        os.utime(replacement, (1, 1))
        replacement.write_bytes(other + other + other)
        replacement.replace(ten)
        await press(pilot, "ctrl+s", "o")
        assert ten.read_bytes() == other + other
        assert screen.file.unsaved == 0


async def test_save_as_leaves_the_file_alone(ftwb_app, ten, tmp_path) -> None:
    target = tmp_path / "elsewhere.jsonl"
    before = ten.read_bytes()
    app = ftwb_app(file=ten)
    async with app.run_test(size=(100, 30)) as pilot:
        await wait_idle(pilot)
        await press(pilot, "d", "W")
        app.screen.query_one("Input").value = str(target)
        await press(pilot, "enter")
        assert ten.read_bytes() == before
        assert target.read_bytes() == before.split(b"\n", 1)[1]
        assert app.screen.file.unsaved == 1


async def test_deleting_all_that_a_filter_shows_is_the_filter_in_the_recipe(ftwb_app, ten) -> None:
    """Next month's file has other rows, and the same filter."""
    app = ftwb_app(file=ten)
    async with app.run_test(size=(100, 24)) as pilot:
        await wait_idle(pilot)
        await press(pilot, "slash", *"q1", "space", *"or", "space", *"q2", "enter", "asterisk", "d")
        assert app.screen.file.document.steps() == [{"kind": "filter", "query": '"q1" or "q2"', "keep": False}]
        await press(pilot, "escape")
        assert questions(app.screen) == ["q0", "q3", "q4", "q5", "q6", "q7", "q8", "q9"]


async def test_a_file_that_is_open_elsewhere_says_why_nothing_can_be_edited(
    ftwb_app, ten, tmp_path, screen_text
) -> None:
    from workbench.dataset.rows import open_document

    app = ftwb_app(file=ten)
    with open_document(ten, app.context.home / "journals"):
        async with app.run_test(size=(100, 24)) as pilot:
            await wait_idle(pilot)
            await press(pilot, "d")
            assert "read-only" in screen_text(app)
            await press(pilot, "enter")
            assert questions(app.screen)[0] == "q0"


async def test_edited_rows_are_checked_and_counted_again(ftwb_app, dataset, until) -> None:
    """Their findings at once, their tokens when the person pauses."""
    wrong = {"messages": [{"role": "human", "content": "x"}, {"role": "assistant", "content": "y"}]}
    app = ftwb_app(file=dataset(chat("fine"), wrong))
    async with app.run_test(size=(100, 24)) as pilot:
        await wait_idle(pilot)
        screen = app.screen
        tokens = screen.file.facts_of(0).tokens
        assert tokens > 0
        await press(pilot, "e")
        assert "unrecognized_role" in screen.record.text
        row = screen.row
        screen.put_record(row, screen.file.document.raw(row), chat("x", "y"), "role of message 1")
        await wait_idle(pilot)
        assert "unrecognized_role" not in screen.record.text
        await until(pilot, lambda: screen.file.facts_of(screen.row).tokens > 0)


async def test_a_save_leaves_what_is_known_of_other_records_as_it_is(
    ftwb_app, dataset, screen_text, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The rules see the record that was written, not the whole file again; the findings are those of now."""
    broken = {"messages": [{"role": "user", "content": "q"}, {"role": "robot", "content": "a"}]}
    path = dataset(*(chat(f"{number} " + "q" * 4000) for number in range(400)), broken, chat("last"))
    seen: list[int] = []
    run = Pool.run

    def watched(self, tasks, cancelled=None):
        for done in run(self, tasks, cancelled):
            seen.append(len(done.part.columns))
            yield done

    monkeypatch.setattr(Pool, "run", watched)
    monkeypatch.setattr("workbench.dataset.analysis.apart.SMALL_BYTES", 1 << 30)  # where it can be watched: here
    app = ftwb_app(file=path)
    async with app.run_test(size=(100, 24)) as pilot:
        await wait_idle(pilot)
        assert sum(seen) == 402 and "✗" in screen_text(app)
        errors = app.screen.file.facts.errors
        await press(pilot, "d")
        await press(pilot, "ctrl+s", "y")
        facts = app.screen.file.facts
        assert sum(seen) == 402 + 1, "the record that went, for what is counted over the file"
        assert facts.errors == errors and facts.known.seen.all() and len(facts.known.seen) == 401
        assert [finding.line for finding in facts.of(399).findings] == [400] * len(facts.of(399).findings)
        assert facts.of(399).severity == 2
