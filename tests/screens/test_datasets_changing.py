"""Changing many records from the list: previewed, one undo step, in the recipe; in and out of the file."""

from __future__ import annotations

import gzip
import itertools
import json
import threading
import time
import tomllib
from pathlib import Path

import pytest
from textual.widgets import Input, TextArea

from workbench.dataset.rows import open_rows
from workbench.providers.jobs import Job
from workbench.screens.datasets import DatasetsScreen
from workbench.screens.dialogs.changes import ChangesDialog
from workbench.screens.dialogs.choice import ChoiceDialog
from workbench.screens.dialogs.export import ExportDialog
from workbench.screens.dialogs.replace import ReplaceDialog
from workbench.screens.dialogs.split import SplitDialog, SplitRequest
from workbench.screens.dialogs.statistics import StatisticsDialog
from workbench.screens.diff import DiffScreen
from workbench.screens.importing import ImportScreen
from workbench.screens.pair import PairScreen
from workbench.screens.preview import PreviewScreen
from workbench.testing import wait_idle
from workbench.workflow.job_records import JobRecord, keep_job
from workbench.workflow.prepare import keep_bytes


def chat(question: str, answer: str = "yes") -> dict:
    return {"messages": [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]}


async def opened(pilot) -> DatasetsScreen:
    await wait_idle(pilot)
    assert isinstance(pilot.app.screen, DatasetsScreen)
    return pilot.app.screen


def texts(screen: DatasetsScreen) -> list[str]:
    document = screen.file.document
    return [json.loads(document.raw(row))["messages"][0]["content"] for row in document.ids().tolist()]


async def test_a_change_of_all_is_previewed_and_undone_in_one_step(ftwb_app, dataset, until) -> None:
    app = ftwb_app(file=dataset(chat("<p>one</p>"), chat("two"), chat("<b>three</b>")))
    async with app.run_test(size=(80, 24)) as pilot:
        screen = await opened(pilot)
        await pilot.press("b")
        await until(pilot, lambda: isinstance(app.screen, ChangesDialog))
        await pilot.press("down", "down", "enter")  # HTML
        await until(pilot, lambda: isinstance(app.screen, PreviewScreen) and app.screen.list.count == 2)
        await pilot.press("enter")
        await until(pilot, lambda: texts(screen) == ["one", "two", "three"])
        assert screen.file.unsaved == 1
        await pilot.press("u")
        await until(pilot, lambda: texts(screen) == ["<p>one</p>", "two", "<b>three</b>"])


async def test_only_what_the_filter_shows_is_changed_and_the_step_says_so(ftwb_app, dataset, until) -> None:
    path = dataset(chat("cat one", "a"), chat("cat two", "b"), chat("dog", "a"))
    app = ftwb_app(file=path)
    async with app.run_test(size=(80, 24)) as pilot:
        screen = await opened(pilot)
        await pilot.press("slash", *"label:a", "enter")
        await until(pilot, lambda: len(screen.view) == 2)
        await wait_idle(pilot)
        screen.records.focus()
        await pilot.press("r")
        await until(pilot, lambda: isinstance(app.screen, ReplaceDialog))
        await pilot.press(*"cat", "tab", *"bird", "enter")
        await until(pilot, lambda: isinstance(app.screen, PreviewScreen) and app.screen.list.count == 1)
        await pilot.press("enter")
        await until(pilot, lambda: texts(screen) == ["bird one", "cat two", "dog"])
        assert screen.file.document.steps()[0]["where"] == 'label:"a"'


async def test_marked_records_are_named_one_by_one(ftwb_app, dataset, until) -> None:
    """So that a replay does it to them and to no others."""
    app = ftwb_app(file=dataset(chat("<i>a</i>"), chat("<i>b</i>"), chat("<i>c</i>")))
    async with app.run_test(size=(80, 24)) as pilot:
        screen = await opened(pilot)
        await pilot.press("down", "space", "b")
        await until(pilot, lambda: isinstance(app.screen, ChangesDialog))
        await pilot.press("down", "down", "enter")
        await until(pilot, lambda: isinstance(app.screen, PreviewScreen) and app.screen.list.count == 1)
        await pilot.press("enter")
        await until(pilot, lambda: texts(screen) == ["<i>a</i>", "b", "<i>c</i>"])
        assert len(screen.file.document.steps()[0]["only"]) == 1


async def test_a_save_writes_the_recipe_beside_the_file(ftwb_app, dataset, until) -> None:
    """Replayed on the file as it was, it gives the file as it is."""
    path = dataset(chat("<p>one</p>"), chat("two"), chat("two"))
    before = path.read_bytes()
    app = ftwb_app(file=path)
    async with app.run_test(size=(80, 24)) as pilot:
        screen = await opened(pilot)
        for downs in (2, 9):  # HTML, then duplicates
            await pilot.press("b")
            await until(pilot, lambda: isinstance(app.screen, ChangesDialog))
            await pilot.press(*["down"] * downs, "enter")
            await until(pilot, lambda: isinstance(app.screen, PreviewScreen) and app.screen.list.count == 1)
            await pilot.press("enter")
            await until(pilot, lambda: app.screen is screen)
            await wait_idle(pilot)
        await pilot.press("ctrl+s")
        await until(pilot, lambda: isinstance(app.screen, ChoiceDialog))
        await pilot.press("y")
        await until(pilot, lambda: not screen.file.unsaved)
        await wait_idle(pilot)
    recipe = path.with_name("data.recipe.toml")
    assert [step["kind"] for step in tomllib.loads(recipe.read_text())["steps"]] == ["clean", "dedupe"]
    from workbench.workflow.recipe import build_dataset

    again = path.with_name("again.jsonl")
    again.write_bytes(before)
    built = build_dataset(app.context, recipe, again, path.with_name("built.jsonl"))
    assert built.written == 2 and path.with_name("built.jsonl").read_bytes() == path.read_bytes()


async def test_what_was_changed_is_shown_and_leads_there(ftwb_app, dataset, until) -> None:
    app = ftwb_app(file=dataset(*(chat(f"question {n}") for n in range(5))))
    async with app.run_test(size=(80, 24)) as pilot:
        screen = await opened(pilot)
        await pilot.press("down", "down", "r")
        await until(pilot, lambda: isinstance(app.screen, ReplaceDialog))
        await pilot.press(*"question 3", "tab", *"query 3", "enter")
        await until(pilot, lambda: isinstance(app.screen, PreviewScreen) and app.screen.list.count == 1)
        await pilot.press("enter")
        await until(pilot, lambda: texts(screen)[3] == "query 3")
        await pilot.press("home", "D")
        await until(pilot, lambda: isinstance(app.screen, DiffScreen) and app.screen.list.count == 1)
        await pilot.press("enter")
        await until(pilot, lambda: app.screen is screen and screen.records.cursor == 3)


async def test_a_table_is_imported_opened_and_its_recipe_begun(ftwb_app, dataset, tmp_path: Path, until) -> None:
    table = tmp_path / "faq.csv"
    table.write_text("question,answer\nhow?,so\nwhy?,thus\n,\n")
    app = ftwb_app(file=dataset(chat("x")))
    async with app.run_test(size=(80, 24)) as pilot:
        screen = await opened(pilot)
        await pilot.press("I")
        await until(pilot, lambda: app.screen.query("#path"))
        app.screen.query_one("#path", Input).value = str(table)
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, ImportScreen) and app.screen.query_one(TextArea).text)
        await wait_idle(pilot)
        await pilot.press("ctrl+s")
        await until(pilot, lambda: app.screen.query("#path"))
        await pilot.press("enter")
        await until(pilot, lambda: screen.file.path == table.with_suffix(".jsonl"))
        assert "found no place" in "".join(str(part.render()) for part in app.screen.query(".title"))
    recipe = tomllib.loads(table.with_name("faq.recipe.toml").read_text())
    assert recipe["steps"][0]["kind"] == "import" and recipe["made_on"]["file"] == "faq.csv"


async def test_unsaved_edits_are_exported_and_counted(ftwb_app, dataset, tmp_path: Path, until) -> None:
    """Both are about the records as they are now, not as they were saved."""
    app = ftwb_app(file=dataset(chat("one"), chat("two")))
    async with app.run_test(size=(80, 24)) as pilot:
        screen = await opened(pilot)
        await pilot.press("d")
        await until(pilot, lambda: texts(screen) == ["two"])
        await pilot.press("X")
        await until(pilot, lambda: isinstance(app.screen, ExportDialog))
        app.screen.query_one("#path", Input).value = str(tmp_path / "out.jsonl")
        await pilot.press("enter")
        await until(pilot, (tmp_path / "out.jsonl").exists)
        await until(pilot, lambda: app.screen is screen)
        await pilot.press("i")
        await until(
            pilot, lambda: isinstance(app.screen, StatisticsDialog) and "1 chat records" in app.screen._figures.text
        )
    with open_rows(tmp_path / "out.jsonl") as rows:
        assert len(rows) == 1


async def test_a_split_wants_a_saved_file_and_writes_all_sides(ftwb_app, dataset, tmp_path: Path, until) -> None:
    path = dataset(*(chat(f"a question about the subject {n * 7919}", f"answer {n * 31}") for n in range(20)))
    app = ftwb_app(file=path)
    async with app.run_test(size=(80, 24)) as pilot:
        screen = await opened(pilot)
        await pilot.press("d")
        await until(pilot, lambda: len(screen.file.document) == 19)
        await pilot.press("t")
        await pilot.pause()
        assert app.screen is screen, "a split is of the file on disk"
        await pilot.press("u")
        await until(pilot, lambda: not screen.file.unsaved)
        await pilot.press("t")
        await until(pilot, lambda: isinstance(app.screen, SplitDialog))
        await pilot.press("enter")
        folder = tmp_path / "data-split"
        await until(pilot, lambda: screen.file.path == folder / "train.jsonl")
    counts = {}
    for side in ("train", "validation", "test"):
        with open_rows(folder / f"{side}.jsonl") as rows:
            counts[side] = len(rows)
    assert sum(counts.values()) == 20 and counts["train"] >= 14
    steps = tomllib.loads((folder / "data.recipe.toml").read_text())["steps"]
    assert steps[-1]["kind"] == "split" and steps[-1]["fractions"] == [0.8, 0.1, 0.1]


async def test_the_answers_of_a_pair_are_compared(ftwb_app, dataset, until) -> None:
    app = ftwb_app(file=dataset({"prompt": "q", "chosen": "good answer", "rejected": "bad answer"}))
    async with app.run_test(size=(80, 24)) as pilot:
        await opened(pilot)
        await pilot.press("equals_sign")
        await until(pilot, lambda: isinstance(app.screen, PairScreen))


@pytest.mark.parametrize("name", ["table.csv", "packed.jsonl.gz"])
async def test_a_file_that_is_no_json_lines_is_offered_for_import(ftwb_app, tmp_path: Path, until, name: str) -> None:
    path = tmp_path / name
    if name.endswith(".gz"):
        path.write_bytes(gzip.compress(json.dumps(chat("how?", "so")).encode() + b"\n"))
    else:
        path.write_text("question,answer\nhow?,so\n")
    app = ftwb_app(file=path)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: isinstance(app.screen, ImportScreen))
        await until(pilot, lambda: "how?" in app.screen._records.text)


@pytest.mark.parametrize("key", ["b", "r", "D", "X", "i", "t"])
async def test_without_a_file_nothing_happens(ftwb_app, tmp_path: Path, key: str) -> None:
    app = ftwb_app(file=tmp_path / "nothing.jsonl")
    async with app.run_test(size=(80, 24)) as pilot:
        await wait_idle(pilot)
        await pilot.press("escape")
        await pilot.press(key)
        await wait_idle(pilot)
        assert isinstance(app.screen, DatasetsScreen)


async def test_the_editor_opens_where_something_was_found(ftwb_app, dataset, until) -> None:
    """Enter on a finding's record leads to its message."""
    from workbench.screens.editor import EditorScreen

    broken = chat("fine")
    broken["messages"][1]["content"] = ""
    app = ftwb_app(file=dataset(chat("one"), broken))
    async with app.run_test(size=(80, 24)) as pilot:
        await opened(pilot)
        await pilot.press("e", "enter")
        await until(pilot, lambda: isinstance(app.screen, EditorScreen))
        await wait_idle(pilot)
        assert app.screen.part.role == "assistant"


async def test_work_that_is_under_way_can_be_stopped(ftwb_app, dataset, tmp_path: Path, until, monkeypatch) -> None:
    """Stopped where it next says how far it is; nothing is written, and the screen goes on."""
    path = dataset(*(chat(f"q{n}") for n in range(20)))
    going = threading.Event()

    def endless(file: Path, folder: Path, fractions: object, *, progress, **options: object) -> None:
        for done in itertools.count():
            progress(done % 100, 100)
            going.set()
            time.sleep(0.001)  # gives the loop its turn; the end is awaited below

    monkeypatch.setattr("workbench.workflow.split.split_dataset", endless)
    app = ftwb_app(file=path)
    async with app.run_test(size=(80, 24)) as pilot:
        screen = await opened(pilot)
        screen.split_file(screen.file, SplitRequest((0.8, 0.1, 0.1), 0, tmp_path / "out"))
        await until(pilot, going.is_set)
        screen.action_stop()
        await until(pilot, lambda: not any(worker.group == "exchange" for worker in screen.workers))
        assert not (tmp_path / "out").exists()


async def test_the_records_are_compared_with_what_a_job_was_trained_on(ftwb_app, dataset, until) -> None:
    """The exact bytes that the job kept, also after the file was saved over."""
    path = dataset(chat("one"), chat("two"))
    app = ftwb_app(file=path)
    sha256 = keep_bytes(app.context, path)
    job = Job(id="ftjob-1", profile="local", model="starter", status="succeeded")
    keep_job(app.context, job)
    record = JobRecord(id=job.id, profile="local", train_sha256=sha256, train_path=str(path), created_at=1)
    app.context.store.update("jobs/local/ftjob-1/job.toml", JobRecord, lambda _: record)
    path.write_text(path.read_text() + json.dumps(chat("three")) + "\n")
    async with app.run_test(size=(80, 24)) as pilot:
        await opened(pilot)
        await pilot.press("D")
        await until(pilot, lambda: isinstance(app.screen, ChoiceDialog))
        await pilot.press("j")
        await until(pilot, lambda: isinstance(app.screen, DiffScreen) and app.screen.list.count == 1)
        assert "since ftjob-1 · 0 changed · 1 added" in app.screen.head.left[0].text
