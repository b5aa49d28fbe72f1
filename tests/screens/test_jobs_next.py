"""What comes after a job: another one like it, one that goes on from a checkpoint, a deployment, its details."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest
from textual.widgets import Input, Select

from tests.screens.loop_workspace import loop  # noqa: F401 - a fixture
from tests.screens.rescue_workspace import MODEL, theirs  # noqa: F401 - a fixture
from workbench.providers.jobs import Checkpoint
from workbench.screens.dialogs.checkpoints import CheckpointsDialog, State, states_of
from workbench.screens.dialogs.confirm import ConfirmDialog
from workbench.screens.dialogs.deploy import DeployDialog
from workbench.screens.dialogs.new_job import NewJobDialog
from workbench.screens.dialogs.text import TextDialog
from workbench.screens.jobs import JobsScreen
from workbench.screens.rescue import RescueScreen
from workbench.testing import wait_idle
from workbench.testing.fake_arm import RESOURCE, FakeArm
from workbench.testing.fake_provider import FakeProvider


async def shown(pilot) -> JobsScreen:
    """The screen once the profiles were asked."""
    await wait_idle(pilot)
    assert isinstance(pilot.app.screen, JobsScreen)
    return pilot.app.screen


def posted(provider: FakeProvider) -> list:
    """The bodies of all creating calls."""
    return [r.json for r in provider.requests if r.method == "POST" and r.path.endswith("/fine_tuning/jobs")]


@pytest.mark.parametrize("state", ["running", "failed", "succeeded"])
async def test_a_job_of_any_state_is_the_start_of_another_one(loop, until, state) -> None:  # noqa: F811
    """Its data, model, settings and suffix stand in the form; one field is changed, and it is created."""
    job = await asyncio.to_thread(loop.job, "first")
    loop.provider.finish() if state == "succeeded" else loop.provider.end_with(state)
    app = loop.app("jobs")
    async with app.run_test(size=(80, 24)) as pilot:
        screen = await shown(pilot)
        await pilot.press("C")
        await until(pilot, lambda: isinstance(app.screen, NewJobDialog))
        await wait_idle(pilot)
        values = {field.id: field.value for field in app.screen.query(Input)}
        assert (values["model"], values["suffix"], values["epochs"]) == ("starter", "first", "2")
        assert values["train"] == str(loop.project.files["train"])
        assert values["validation"] == str(loop.project.files["validation"])
        app.screen.query_one("#epochs", Input).value = "5"
        await wait_idle(pilot)
        await pilot.press("ctrl+s", "y")
        await until(pilot, lambda: app.screen is screen and len(posted(loop.provider)) == 2)
        await wait_idle(pilot)
        assert screen.job.id != job.id
    first, second = posted(loop.provider)
    assert second["method"]["supervised"]["hyperparameters"] == {"n_epochs": 5}
    assert second["training_file"] == first["training_file"], "the data is there already"
    assert sum(r.method == "POST" and r.path.endswith("/files") for r in loop.provider.requests) == 2


async def test_a_job_that_is_not_ours_lacks_its_data_and_the_form_says_so(theirs, until, screen_text) -> None:  # noqa: F811
    """Everything else of it stands there."""
    theirs.tuned("elsewhere")
    app = theirs.app()
    async with app.run_test(size=(80, 24)) as pilot:
        await shown(pilot)
        await pilot.press("C")
        await until(pilot, lambda: isinstance(app.screen, NewJobDialog))
        await wait_idle(pilot)
        assert app.screen.query_one("#suffix", Input).value == "elsewhere"
        text = " ".join(screen_text(app).replace("│", " ").split())
        assert "the data of job ftjob-00000002fake is not kept" in text


async def test_a_job_goes_on_from_a_checkpoint(loop, until) -> None:  # noqa: F811
    """v, a checkpoint, enter: the form of a job whose base it is."""
    await asyncio.to_thread(loop.job, "first")
    loop.provider.advance(times=2)
    loop.provider.advance(times=3)
    app = loop.app("jobs")
    async with app.run_test(size=(80, 24)) as pilot:
        screen = await shown(pilot)
        await pilot.press("v")
        await until(pilot, lambda: isinstance(app.screen, CheckpointsDialog))
        await pilot.press("down")
        chosen = app.screen.state
        assert chosen.title == "step 2"
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, NewJobDialog))
        await wait_idle(pilot)
        assert app.screen.query_one("#model", Input).value == chosen.model
        await pilot.press("ctrl+s", "y")
        await until(pilot, lambda: app.screen is screen)
    assert posted(loop.provider)[-1]["model"] == chosen.model


async def test_our_own_engine_goes_on_from_base_models_only(loop, screen_text) -> None:  # noqa: F811
    """It says so instead of making a form that it would refuse."""
    app = loop.app("jobs")
    async with app.run_test(size=(80, 24)) as pilot:
        await shown(pilot)
        states = [State("the model", "m", "m")]
        answers = []
        dialog = CheckpointsDialog("What it has left", states, no_continue="Our engine trains base models only.")
        app.push_screen(dialog, answers.append)
        await pilot.pause()
        assert "Our engine trains base models only." in screen_text(app)
        await pilot.press("enter", "d")
        assert app.screen is dialog
        await pilot.press("escape")
        assert answers == [None]


def test_azure_deploys_a_checkpoint_by_another_name() -> None:
    """And the better of two validation losses is said."""
    metrics = {"train_loss": 0.5, "valid_loss": 0.7, "full_valid_loss": 0.6}
    one = Checkpoint(id="ftchkpt-1", fine_tuned_model_checkpoint="base.ft-1:step", step_number=1200, metrics=metrics)
    model, state = states_of("base.ft-1", [one])
    assert (model.title, model.deploys) == ("the model", "base.ft-1")
    assert state == State("step 1,200", "base.ft-1:step", "ftchkpt-1", "train 0.500  valid 0.600")


@pytest.fixture
def azure(theirs) -> Iterator[tuple[FakeProvider, FakeArm]]:  # noqa: F811
    """The profile azure and its resource manager, both fake."""
    with FakeProvider(flavour="azure") as provider, FakeArm() as arm:
        theirs.context.environ.update(provider.environ, ARM_TOKEN=arm.token)
        theirs.context.environ.pop("OPENAI_API_KEY")
        (theirs.context.home / "config.toml").write_text(
            f"[profiles.azure]\nkind = 'azure'\napi_key_env = 'AZURE_OPENAI_API_KEY'\nresource_id = '{RESOURCE}'\n"
            f"[profiles.azure.settings.arm]\nurl = '{arm.url}'\ntoken_env = 'ARM_TOKEN'\n"
        )
        made = provider._files.add("train.jsonl", b"{}", "fine-tune")
        provider._work.create({"model": MODEL, "training_file": made["id"], "suffix": "mine"})
        provider.finish()
        provider.jobs[-1]["fine_tuned_model"] = f"{MODEL}.ft-0123456789abcdef0123456789abcdef-mine"
        yield provider, arm


async def test_a_job_that_has_left_nothing_offers_nothing(theirs, screen_text) -> None:  # noqa: F811
    """Whole at 80 columns, and no keys that would do nothing."""
    app = theirs.app("jobs")
    async with app.run_test(size=(80, 24)) as pilot:
        await wait_idle(pilot)
        await app.push_screen(CheckpointsDialog("What it has left", [], deploys=True))
        await wait_idle(pilot)
        text = screen_text(app)
        assert "nothing so far: checkpoints come while a job trains" in text
        assert "escape closes" in text and "deploys it" not in text and "goes on" not in text


async def test_a_model_is_deployed_after_its_price_and_a_yes(theirs, azure, until, screen_text, monkeypatch) -> None:  # noqa: F811
    """Name, tier and capacity in a form with the price; nothing is asked before the yes."""
    monkeypatch.setattr("workbench.providers.arm.POLL_S", 0.0)
    _, arm = azure
    app = theirs.app()
    async with app.run_test(size=(120, 40), notifications=True) as pilot:
        await shown(pilot)
        await pilot.press("v")
        await until(pilot, lambda: isinstance(app.screen, CheckpointsDialog))
        await pilot.press("d")
        await until(pilot, lambda: isinstance(app.screen, DeployDialog))
        await pilot.pause()
        text = " ".join(screen_text(app).split())
        assert "hosting: 1,224 USD per month" in text
        app.screen.query_one("#tier", Select).value = "developer"
        await pilot.pause()
        assert "hosting: 0 USD per month" in " ".join(screen_text(app).split())
        app.screen.query_one("#capacity", Input).value = "many"
        await pilot.pause()
        await pilot.press("ctrl+s")
        assert "is no whole number from 1" in screen_text(app)
        app.screen.query_one("#capacity", Input).value = "5"
        app.screen.query_one("#name", Input).value = "my-model"
        await pilot.pause()
        await pilot.press("ctrl+s")
        await until(pilot, lambda: isinstance(app.screen, ConfirmDialog))
        assert not [r for r in arm.requests if r.method == "PUT"]
        await pilot.press("y")
        await until(pilot, lambda: "my-model: Succeeded" in screen_text(app))
    (put,) = [r for r in arm.requests if r.method == "PUT"]
    assert put.path.endswith("/deployments/my-model")
    assert put.json["sku"] == {"name": "DeveloperTier", "capacity": 5}


async def test_the_details_of_a_job_say_where_it_reports_to(theirs, until) -> None:  # noqa: F811
    """And its settings, whatever they are."""
    theirs.tuned("x", integrations=[{"type": "wandb", "wandb": {"project": "p", "entity": "team", "name": "r"}}])
    app = theirs.app()
    async with app.run_test(size=(80, 24)) as pilot:
        await shown(pilot)
        await pilot.press("d")
        await until(pilot, lambda: isinstance(app.screen, TextDialog))
        assert "reports to      wandb team/p (r)" in app.screen._text
        assert "n_epochs=4" in app.screen._text


async def test_the_rescue_opens_on_the_jobs_own_provider(theirs, until) -> None:  # noqa: F811
    """Where it is one of others."""
    theirs.tuned()
    app = theirs.app()
    async with app.run_test(size=(80, 24)) as pilot:
        await shown(pilot)
        await pilot.press("R")
        await until(pilot, lambda: isinstance(app.screen, RescueScreen))
        await wait_idle(pilot)
        assert app.screen.profile == "openai"
