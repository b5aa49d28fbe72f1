"""The form of a new job: what each method and profile takes, filled with an earlier job, stopped while it uploads."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from textual.widgets import Input, Select

from tests.engine.openai_spec import check
from tests.screens.rescue_workspace import MODEL, Theirs, records, theirs  # noqa: F401 - a fixture
from workbench.providers.hyperparameters import EFFORTS
from workbench.screens.dialogs.confirm import ConfirmDialog
from workbench.screens.dialogs.new_job import NewJobDialog
from workbench.screens.job_form import JobForm, form_of, request_of, tiers_known
from workbench.testing import wait_idle
from workbench.workflow.like import Pattern

GRADER = {"type": "string_check", "name": "g", "input": "{{sample.output_text}}", "reference": "x", "operation": "eq"}


@pytest.fixture
def train(tmp_path) -> str:
    """A training file."""
    path = tmp_path / "train.jsonl"
    path.write_bytes(records())
    return str(path)


def arrived(at: Theirs) -> Any:
    """The body of the newest creating call."""
    found = [r.json for r in at.provider.requests if r.method == "POST" and r.path.endswith("/fine_tuning/jobs")]
    return check("CreateFineTuningJobRequest", found[-1])


async def asked(pilot, at: Theirs, pattern: Pattern) -> NewJobDialog:
    """The form, quoted."""
    dialog = NewJobDialog(at.context, at.project, pattern)
    pilot.app.push_screen(dialog)
    await wait_idle(pilot)
    return dialog


def shown(dialog: NewJobDialog) -> set[str]:
    """The fields that can be seen."""
    return {str(field.id) for field in dialog.query("Input, Select") if field.visible and field.region}


COMMON = {"profile", "model", "method", "suffix", "train", "validation", "epochs", "batch", "rate", "seed", "more"} | {
    "then",
}  # fmt: skip


async def test_the_fields_are_those_of_the_method_and_the_profile(theirs, train) -> None:  # noqa: F811
    """They come and go as both are changed; the methods are the profile's."""
    app = theirs.app()
    async with app.run_test(size=(80, 24)) as pilot:
        dialog = await asked(pilot, theirs, Pattern("openai", MODEL, "sft", training_file=train))
        assert shown(dialog) == COMMON | {"wandb"}
        method = dialog.query_one("#method", Select)
        assert [value for _, value in method._options] == ["sft", "dpo", "reinforcement"]
        method.value = "dpo"
        await wait_idle(pilot)
        assert shown(dialog) == COMMON | {"wandb", "beta"}
        method.value = "reinforcement"
        await wait_idle(pilot)
        assert shown(dialog) == COMMON | {"wandb", "grader", "effort"}
        dialog.query_one("#profile", Select).value = "azure"
        await wait_idle(pilot)
        assert shown(dialog) == COMMON | {"grader", "effort", "tier"}
        dialog.query_one("#then", Select).value = "model"
        await wait_idle(pilot)
        assert shown(dialog) == COMMON | {"grader", "effort", "tier", "items", "questions", "ceiling"}


async def test_every_field_fits_at_80x24(theirs, train) -> None:  # noqa: F811
    """With the most rows that there are the quote still has room."""
    app = theirs.app()
    async with app.run_test(size=(80, 24)) as pilot:
        dialog = await asked(pilot, theirs, Pattern("openai", MODEL, "reinforcement", training_file=train))
        dialog.query_one("#then", Select).value = "model"
        await wait_idle(pilot)
        for field in dialog.query("Input, Select"):
            if field.region:
                assert field.region.height == 1 and field.region.bottom <= 24
        assert dialog.query_one("#quote").region.height >= 3
        assert dialog.query_one(".hint").region.bottom <= 24


@pytest.mark.parametrize("method", ["sft", "dpo", "reinforcement"])
async def test_every_method_is_created_as_the_document_says(theirs, train, tmp_path, method: str) -> None:  # noqa: F811
    """From the fields alone, with auto where it stands."""
    (tmp_path / "g.json").write_text(json.dumps(GRADER))
    theirs.tuned()
    app = theirs.app()
    async with app.run_test(size=(80, 24)) as pilot:
        dialog = await asked(
            pilot, theirs, Pattern("openai", MODEL, method, training_file=train, validation_file=train)
        )
        typed = {"epochs": "3", "batch": "auto", "rate": "0.5", "seed": "4", "wandb": "team/tickets"}
        extra = {"dpo": {"beta": "0.3"}, "reinforcement": {"grader": str(tmp_path / "g.json")}}.get(method, {})
        for name, value in {**typed, **extra}.items():
            dialog.query_one(f"#{name}", Input).value = value
        if method == "reinforcement":
            dialog.query_one("#effort", Select).value = "high"
        await wait_idle(pilot)
        await pilot.press("ctrl+s")
        assert isinstance(app.screen, ConfirmDialog)
        await pilot.press("y")
        await wait_idle(pilot)
        assert app.screen is not dialog
    sent = arrived(theirs)
    kind = {"sft": "supervised"}.get(method, method)
    hyper = {"n_epochs": 3, "batch_size": "auto", "learning_rate_multiplier": 0.5}
    hyper |= {"dpo": {"beta": 0.3}, "reinforcement": {"reasoning_effort": "high"}}.get(method, {})
    assert sent["method"][kind]["hyperparameters"] == hyper
    assert sent["method"][kind].get("grader") == (GRADER if method == "reinforcement" else None)
    assert sent["integrations"] == [{"type": "wandb", "wandb": {"project": "tickets", "entity": "team"}}]
    assert sent["seed"] == 4


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("epochs", "51", "from 1 to 50"),
        ("beta", "3", "above 0 to 2"),
        ("wandb", "a/b/c", "neither PROJECT nor ENTITY/PROJECT"),
        ("batch", "some", "is not a number"),
    ],
)
async def test_what_would_be_refused_is_said_in_the_form(theirs, train, screen_text, name, value, said) -> None:  # noqa: F811
    """Before anything is sent."""
    app = theirs.app()
    async with app.run_test(size=(120, 40)) as pilot:
        dialog = await asked(pilot, theirs, Pattern("openai", MODEL, "dpo", training_file=train))
        dialog.query_one(f"#{name}", Input).value = value
        await wait_idle(pilot)
        assert said in screen_text(app)
    assert not theirs.provider.jobs


async def test_a_large_upload_is_told_stopped_and_gone_on_with(theirs, train, until, screen_text, tmp_path) -> None:  # noqa: F811
    """Escape stops it: no job is made, the form stays; the next time the parts that arrived are not sent again."""
    (theirs.context.home / "config.toml").write_text(
        "[profiles.openai]\nkind = 'openai'\napi_key_env = 'OPENAI_API_KEY'\n"
        "[profiles.openai.settings.capabilities]\npart_bytes = 400000\n"
    )
    large = tmp_path / "large.jsonl"
    large.write_bytes(records() * 1000)
    theirs.tuned()
    provider = theirs.provider
    before = len(provider.jobs)

    def parts() -> int:
        return sum(r.path.endswith("/parts") for r in provider.requests)

    provider.stall("/parts", after=2)
    app = theirs.app()
    async with app.run_test(size=(120, 40)) as pilot:
        dialog = await asked(pilot, theirs, Pattern("openai", MODEL, training_file=large))
        await pilot.press("ctrl+s", "y")
        await until(pilot, lambda: parts() == 3 and "uploading large.jsonl" in screen_text(app))
        assert "escape stops" in screen_text(app)
        await pilot.press("escape")
        await until(pilot, lambda: "Stopped; no job was created" in screen_text(app))
        await wait_idle(pilot)
        assert app.screen is dialog
        assert len(provider.jobs) == before
        await pilot.press("ctrl+s", "y")
        await until(pilot, lambda: app.screen is not dialog and len(provider.jobs) == before + 1)
        await wait_idle(pilot)
    (under_way,) = provider.parts.uploads.values()
    assert parts() == 3 + len(under_way.parts) - 2
    assert provider.uploads[provider.jobs[-1]["training_file"]] == records() * 1000


async def test_once_the_job_is_asked_for_it_is_not_let_go(theirs, train, until) -> None:  # noqa: F811
    """Escape does nothing then: the job may exist."""
    theirs.tuned()
    theirs.provider.stall("/fine_tuning/jobs", method="POST")
    app = theirs.app()
    async with app.run_test(size=(80, 24)) as pilot:
        dialog = await asked(pilot, theirs, Pattern("openai", MODEL, training_file=train))
        await pilot.press("ctrl+s", "y")
        await until(
            pilot, lambda: any(r.path.endswith("/jobs") and r.method == "POST" for r in theirs.provider.requests)
        )
        await until(pilot, lambda: not dialog._stoppable)
        await pilot.press("escape")
        await pilot.pause()
        assert app.screen is dialog
        assert dialog._creating


def test_a_pattern_and_its_form_say_the_same(theirs, train) -> None:  # noqa: F811
    """Settings that have no field stand among the others; nothing is lost on the way."""
    settings = {
        "n_epochs": "auto", "learning_rate_multiplier": 0.5, "beta": 0.2,
        "integrations": [{"type": "wandb", "wandb": {"project": "p", "tags": ["a"]}}],
    }  # fmt: skip
    pattern = Pattern("openai", MODEL, "dpo", "s", 3, settings, training_file=train)
    form = form_of(pattern)
    assert (form.epochs, form.rate, form.beta, form.wandb) == ("auto", "0.5", "0.2", "")
    assert request_of(form, theirs.context).settings == settings


def test_a_grader_that_has_no_file_any_more_stays_among_the_settings(theirs, train) -> None:  # noqa: F811
    """Of a job that is done again."""
    settings = {"grader": GRADER, "reasoning_effort": "low", "eval_samples": 3}
    form = form_of(Pattern("openai", MODEL, "reinforcement", training_file=train, settings=settings))
    assert (form.grader, form.effort) == ("", "low")
    assert request_of(form, theirs.context).settings == settings


def test_reasoning_is_left_out_where_it_is_the_default(theirs, train) -> None:  # noqa: F811
    form = form_of(Pattern("openai", MODEL, "reinforcement", training_file=train, settings={"grader": GRADER}))
    assert form.effort == EFFORTS[0]
    assert request_of(form, theirs.context).settings == {"grader": GRADER}


async def test_what_is_wrong_stays_there_when_it_is_to_be_created_all_the_same(theirs, train) -> None:  # noqa: F811
    """There is no price to wait for."""
    app = theirs.app()
    async with app.run_test(size=(80, 24)) as pilot:
        dialog = await asked(pilot, theirs, Pattern("openai", MODEL, training_file=train, settings={"max_steps": 3}))
        assert "setting 'max_steps': profile openai does not take it" in dialog._says.text
        await pilot.press("ctrl+s")
        await wait_idle(pilot)
        assert app.screen is dialog and "setting 'max_steps'" in dialog._says.text
        dialog.query_one("#more", Input).value = ""
        await wait_idle(pilot)
        await pilot.press("ctrl+s")
        assert isinstance(app.screen, ConfirmDialog)


def test_a_tier_is_a_choice_however_it_is_written(theirs, train) -> None:  # noqa: F811
    """Azure tells it in another case than it takes; one that we do not know stays among the settings."""
    pattern = Pattern("azure", MODEL, training_file=train, settings={"trainingType": "globalStandard"})
    form = form_of(pattern, tiers_known(theirs.context))
    assert (form.tier, form.more) == ("GlobalStandard", "")
    assert request_of(form, theirs.context).settings == {"trainingType": "GlobalStandard"}
    other = Pattern("azure", MODEL, training_file=train, settings={"trainingType": "lunar"})
    form = form_of(other, tiers_known(theirs.context))
    assert (form.tier, form.more) == ("", "trainingType=lunar")
    fields = {name: getattr(form, name) for name in JobForm.__slots__} | {"tier": "Standard", "profile": "openai"}
    assert request_of(JobForm(**fields | {"more": ""}), theirs.context).settings == {}, "it is not shown there"


async def test_a_price_stands_with_its_day_and_below_it_what_is_wrong(theirs, train, screen_text) -> None:  # noqa: F811
    """At Azure with the hosting that follows; the sources are below what speaks against it."""
    app = theirs.app()
    async with app.run_test(size=(80, 24)) as pilot:
        dialog = await asked(pilot, theirs, Pattern("azure", "gpt-4.1-mini", training_file=train))
        said = dialog._says.text
        assert re.search(r"cost    \$[\d.]+  estimated, prices of 20\d\d-\d\d-\d\d\n", said), said
        assert re.search(r"hosting 1\.7 USD per hour  quoted, prices of 20\d\d-\d\d-\d\d\n", said), said
        assert said.index("Azure wants the model with its version") < said.index("tokens x 5.5 USD per 1M tokens")
        await pilot.press("ctrl+s")
        confirm = " ".join(screen_text(app).replace("│", " ").split())
        assert "It will probably be refused: Azure wants the model with its version" in confirm
        assert "Its model costs 1.7 USD per hour more while it is deployed." in confirm
        await pilot.press("n")
        dialog.query_one("#tier", Select).value = "developerTier"
        await wait_idle(pilot)
        assert "tokens x 2.5 USD per 1M tokens" in dialog._says.text.replace("\n        ", " ")


def test_a_project_at_wandb_is_dropped_where_the_profile_reports_to_nobody(theirs, train) -> None:  # noqa: F811
    """Its field is not shown there."""
    form = form_of(Pattern("openai", MODEL, training_file=train))
    fields = {name: getattr(form, name) for name in JobForm.__slots__} | {"wandb": "tickets", "profile": "azure"}
    assert request_of(JobForm(**fields), theirs.context).settings == {}


@pytest.mark.parametrize("size", [(80, 24), (120, 40)], ids=["80x24", "120x40"])
def test_how_the_form_of_reinforcement_looks(theirs, train, snap_compare, size) -> None:  # noqa: F811
    """The fullest form."""

    async def open_it(pilot) -> None:
        pattern = Pattern("openai", MODEL, "reinforcement", "graded", 7, {"reasoning_effort": "high"})
        await asked(pilot, theirs, pattern)

    assert snap_compare(theirs.app(), run_before=open_it, terminal_size=size)
