"""The Rescue screen: what a provider still has, brought home, recorded, and trained again."""

from __future__ import annotations

import json
import time
from datetime import date, timedelta
from pathlib import Path

import pytest
from textual.widgets import Input, Select

from tests.screens.rescue_workspace import MODEL, Theirs, records, theirs  # noqa: F401 - a fixture
from workbench.screens.dialogs.choice import ChoiceDialog
from workbench.screens.dialogs.message import MessageDialog
from workbench.screens.dialogs.new_job import NewJobDialog
from workbench.screens.dialogs.path import PathDialog
from workbench.screens.rescue import RescueScreen, hosted_profiles
from workbench.testing import wait_idle

WITHIN_S = 60
"""From the start of the app to the first list that is of use."""


async def opened(pilot, key: str = "R") -> RescueScreen:
    """The screen once the provider was asked."""
    await wait_idle(pilot)
    await pilot.press(key)
    await wait_idle(pilot)
    assert isinstance(pilot.app.screen, RescueScreen)
    return pilot.app.screen


def content(path: Path) -> bytes:
    """Of a file."""
    return path.read_bytes()


async def typed_path(pilot, path: Path) -> None:
    """Answer a path dialog."""
    assert isinstance(pilot.app.screen, PathDialog)
    pilot.app.screen.query_one("#path", Input).value = str(path)
    await pilot.press("enter")
    await wait_idle(pilot)


async def test_with_nothing_but_a_key_the_models_stand_there_with_their_days(theirs, screen_text) -> None:  # noqa: F811
    """In a fresh workspace, soon, by two lists and nothing else."""
    soon = (date.today() + timedelta(days=9)).isoformat()
    first, second = theirs.tuned("dying"), theirs.tuned("later")
    theirs.provider.add_model(first, shutdown_date=soon)
    began = time.monotonic()
    app = theirs.app()
    async with app.run_test(size=(80, 24)) as pilot:
        screen = await opened(pilot)
        assert time.monotonic() - began < WITHIN_S
        assert [one.id for one in screen.found.models] == [first, second]
        text = screen_text(app)
        assert "2 fine-tuned models · 2 jobs" in text
        assert f"on {soon}, in 9 days, by openai's own list" in text
        assert "nothing yet: s saves everything" in text
        await pilot.press("down")
        assert "on 2027-01-14" in screen_text(app)
    assert {request.method for request in theirs.provider.requests} == {"GET"}
    assert not any(request.path.endswith(("/events", "/content")) for request in theirs.provider.requests)


async def test_everything_is_saved_and_said(theirs, screen_text) -> None:  # noqa: F811
    """With what could not be had; only reading at the provider."""
    model = theirs.tuned()
    gone = theirs.tuned("gone")
    del theirs.provider._files.files[theirs.provider.jobs[-1]["training_file"]]
    theirs.provider._files.contents.pop(theirs.provider.jobs[-1]["training_file"])
    app = theirs.app()
    async with app.run_test(size=(120, 40)) as pilot:
        screen = await opened(pilot)
        await pilot.press("s")
        await wait_idle(pilot)
        by_id = {one.id: one for one in screen.found.models}
        assert by_id[model].saved == ("job", "events", "checkpoints", "results", "training file")
        assert "training file" not in by_id[gone].saved
        assert not screen.working
        text = screen_text(app)
        assert "saved 2 jobs into the workspace; 1 part was refused, see below" in text
        assert (theirs.context.home / "rescue" / "openai" / "retrain.sh").is_file()
    assert {request.method for request in theirs.provider.requests} == {"GET"}


async def test_saving_is_stopped_and_goes_on(theirs, until, screen_text) -> None:  # noqa: F811
    """What came home stays and is not fetched again."""
    theirs.tuned("one")
    theirs.tuned("two")
    theirs.provider.stall("/content", after=2)
    app = theirs.app()
    async with app.run_test(size=(80, 24)) as pilot:
        screen = await opened(pilot)
        await pilot.press("s")
        await until(pilot, lambda: sum(r.path.endswith("/content") for r in theirs.provider.requests) == 3)
        await until(pilot, lambda: "x stops" in screen_text(app))
        assert screen.check_action("save", ()) is False
        await pilot.press("x")
        await wait_idle(pilot)
        assert "stopped: what has come home stays" in screen_text(app)
        assert sorted(len(one.saved) for one in screen.found.models)[-1] == 5
        asked = len([r for r in theirs.provider.requests if r.path.endswith("/content")])
        await pilot.press("s")
        await wait_idle(pilot)
        assert [len(one.saved) for one in screen.found.models] == [5, 5]
        assert len([r for r in theirs.provider.requests if r.path.endswith("/content")]) == asked + 2


async def test_answers_are_recorded_after_their_price(theirs, screen_text, tmp_path) -> None:  # noqa: F811
    """A letter is the yes; enter is none. This model, or all of them."""
    theirs.tuned("one")
    theirs.tuned("two")
    golden = tmp_path / "golden.jsonl"
    golden.write_bytes(records(3))
    app = theirs.app()
    async with app.run_test(size=(120, 40)) as pilot:
        screen = await opened(pilot)
        await pilot.press("a")
        await typed_path(pilot, golden)
        assert isinstance(app.screen, ChoiceDialog)
        text = screen_text(app)
        assert "t  this model: 1 model, 3 calls, $" in text
        assert "a  all that answer: 2 models, 6 calls, $" in text
        await pilot.press("enter")
        await wait_idle(pilot)
        assert isinstance(app.screen, ChoiceDialog), "a reflex spends nothing"
        assert not any(r.path.endswith("/chat/completions") for r in theirs.provider.requests)
        await pilot.press("a")
        await wait_idle(pilot)
        assert "6 answers are kept" in screen_text(app)
        assert all("answers" in one.saved for one in screen.found.models)
        await pilot.press("a")
        await typed_path(pilot, golden)
        assert "every answer to golden.jsonl is here already" in screen_text(app)
    assert sum(r.path.endswith("/chat/completions") for r in theirs.provider.requests) == 6


async def test_a_file_that_is_no_golden_set_is_said(theirs, tmp_path) -> None:  # noqa: F811
    """In a dialog; nothing is asked."""
    theirs.tuned()
    bad = tmp_path / "bad.jsonl"
    bad.write_text("{")
    app = theirs.app()
    async with app.run_test(size=(80, 24)) as pilot:
        screen = await opened(pilot)
        await pilot.press("a")
        await typed_path(pilot, bad)
        assert isinstance(app.screen, MessageDialog)
        assert not screen.working


async def test_stored_completions_become_a_dataset(theirs, screen_text, tmp_path) -> None:  # noqa: F811
    """One file, never over another."""
    model = theirs.tuned()
    for number in range(3):
        theirs.provider.completions.add(model, f"q {number}", str(number))
    path = tmp_path / "stored.jsonl"
    app = theirs.app()
    async with app.run_test(size=(120, 40)) as pilot:
        await opened(pilot)
        await pilot.press("i")
        await typed_path(pilot, path)
        assert "3 records in" in screen_text(app)
        await pilot.press("i")
        await typed_path(pilot, path)
        assert isinstance(app.screen, MessageDialog)
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert [line["messages"][0]["content"] for line in lines] == ["q 0", "q 1", "q 2"]


@pytest.mark.parametrize(("key", "profile", "base"), [("h", "local", "starter"), ("a", "azure", MODEL)])
async def test_training_again_fills_the_form(theirs, key: str, profile: str, base: str) -> None:  # noqa: F811
    """Here or at Azure, with what was saved; nothing is created yet."""
    theirs.tuned("mine", seed=11)
    app = theirs.app()
    async with app.run_test(size=(80, 24)) as pilot:
        await opened(pilot)
        await pilot.press("s")
        await wait_idle(pilot)
        await pilot.press("t")
        assert isinstance(app.screen, ChoiceDialog)
        await pilot.press(key)
        await pilot.pause()
        dialog = app.screen
        assert isinstance(dialog, NewJobDialog)
        assert dialog.query_one("#profile", Select).value == profile
        values = {field.id: field.value for field in dialog.query(Input)}
        assert (values["model"], values["suffix"], values["seed"], values["epochs"]) == (base, "mine", "11", "4")
        saved = Path(values["train"])
        await pilot.press("escape")
    assert content(saved) == records()
    assert not any(r.method == "POST" for r in theirs.provider.requests)


async def test_what_cannot_be_trained_again_says_why(theirs, screen_text) -> None:  # noqa: F811
    """Before anything was saved its data is not here."""
    theirs.tuned()
    app = theirs.app()
    async with app.run_test(size=(80, 24)) as pilot:
        await opened(pilot)
        assert "once its training file is saved" in screen_text(app)
        await pilot.press("t")
        await wait_idle(pilot)
        assert isinstance(app.screen, MessageDialog)
        assert "s saves first" in screen_text(app)


async def test_a_profile_that_lacks_its_key_says_so_where_the_list_would_be(theirs, screen_text) -> None:  # noqa: F811
    """And p goes on to the next one."""
    theirs.tuned()
    assert hosted_profiles(theirs.context) == ["openai", "azure"]
    app = theirs.app()
    async with app.run_test(size=(120, 40)) as pilot:
        screen = await opened(pilot)
        await pilot.press("p")
        await wait_idle(pilot)
        assert "needs AZURE_OPENAI_ENDPOINT and AZURE_OPENAI_API_KEY" in screen_text(app)
        assert screen.check_action("save", ()) is False
        await pilot.press("p")
        await wait_idle(pilot)
        assert screen.profile == "openai"
        assert len(screen.found.models) == 1


async def test_models_of_a_recording_are_marked(theirs, screen_text) -> None:  # noqa: F811
    """Nobody shall take them for one's own."""
    (theirs.context.home / "config.toml").write_text("[profiles.demo]\nkind = 'openai'\nreplay = 'openai'\n")
    app = theirs.app()
    async with app.run_test(size=(120, 40)) as pilot:
        await wait_idle(pilot)
        app.push_screen(RescueScreen(theirs.context, theirs.project, "demo"))
        await wait_idle(pilot)
        about = next(line for line in screen_text(app).splitlines() if "models of" in line)
        assert about.rstrip().endswith("recorded")


async def test_no_model_is_said(theirs, screen_text) -> None:  # noqa: F811
    """One sentence with the key."""
    app = theirs.app()
    async with app.run_test(size=(80, 24)) as pilot:
        await opened(pilot)
        assert "openai has no fine-tuned model of yours. p: the next profile" in screen_text(app)


async def test_the_palette_opens_it_from_any_mode_and_escape_goes_back(theirs) -> None:  # noqa: F811
    """Without a key of its own there."""
    theirs.tuned()
    app = theirs.app("datasets")
    async with app.run_test(size=(80, 24)) as pilot:
        await wait_idle(pilot)
        titles = {command.title for command in app.get_system_commands(app.screen)}
        assert "Rescue fine-tuned models" in titles
        before = app.screen
        await app.run_action("rescue")
        await wait_idle(pilot)
        assert isinstance(app.screen, RescueScreen)
        await app.run_action("rescue")
        await wait_idle(pilot)
        await pilot.press("escape")
        assert app.screen is before


async def test_names_from_a_server_are_shown_and_not_obeyed(theirs, screen_text) -> None:  # noqa: F811
    """Control characters and markup as they are."""
    theirs.tuned()
    theirs.provider.add_model("ft:gpt-4.1-mini-2025-04-14:o:[b]x[/b]\x1b[2J:1")
    app = theirs.app()
    async with app.run_test(size=(120, 40)) as pilot:
        await opened(pilot)
        assert "[b]x[/b]␛[2J" in screen_text(app)


@pytest.mark.parametrize("size", [(80, 24), (120, 40)], ids=["80x24", "120x40"])
def test_how_it_looks(theirs: Theirs, snap_compare, size, monkeypatch) -> None:  # noqa: F811
    """Saved in part: days, what is here, what was refused, how to go on."""

    class Pinned(date):
        @classmethod
        def today(cls) -> date:
            return cls(2026, 11, 26)

    monkeypatch.setattr("workbench.workflow.rescue.date", Pinned)
    monkeypatch.setattr("workbench.workflow.retrain.date", Pinned)
    theirs.provider.add_model(theirs.tuned("tickets"), shutdown_date="2026-12-05")
    theirs.tuned("summaries-of-calls", method={"type": "dpo", "dpo": {"hyperparameters": {"beta": 0.2}}})
    del theirs.provider._models[theirs.tuned("routing")]

    async def saved(pilot) -> None:
        await opened(pilot)
        theirs.provider.fail(f"{theirs.provider.jobs[0]['result_files'][0]}/content", status=403)
        await pilot.press("s")
        await wait_idle(pilot)

    assert snap_compare(theirs.app(), run_before=saved, terminal_size=size)


async def test_what_a_profile_lacks_is_said_to_its_end(theirs, screen_text) -> None:  # noqa: F811
    """At 80 columns too: without a key this is all that a person sees."""
    lacking = "[profiles.mine]\nkind = 'openai'\napi_key_env = 'NO_SUCH_KEY'\n"
    (theirs.context.home / "config.toml").write_text(lacking)
    app = theirs.app()
    async with app.run_test(size=(80, 24)) as pilot:
        await wait_idle(pilot)
        app.push_screen(RescueScreen(theirs.context, theirs.project, "mine"))
        await wait_idle(pilot)
        assert "mine cannot be asked. p: the next profile" in screen_text(app)
        assert "NO_SUCH_KEY" in screen_text(app)
        assert "…" not in app.screen._detail.text
        assert "set it in the environment" in " ".join(app.screen._detail.text.split())
