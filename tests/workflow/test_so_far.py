"""What a running job has cost so far: by its tokens, by its hours, and never without saying by what."""

from __future__ import annotations

import json

import pytest

from workbench.catalog.figure import Figure, Origin
from workbench.cli import main
from workbench.providers.event_log import Event, EventLog
from workbench.providers.jobs import Job
from workbench.workflow.context import Context
from workbench.workflow.follow import JobView
from workbench.workflow.job_records import JobRecord, job_folder, keep_job
from workbench.workflow.prepare import dataset_stats, keep_bytes
from workbench.workflow.project import Costs
from workbench.workflow.so_far import Reckoning, so_far

MODEL = "gpt-4.1-mini-2025-04-14"
RECORD = {"messages": [{"role": "user", "content": "Where is it?"}, {"role": "assistant", "content": "On its way."}]}


@pytest.fixture
def context(tmp_path) -> Context:
    return Context(home=tmp_path / "home", cache=tmp_path / "cache", environ={"OPENAI_API_KEY": "k" * 20})


def job(profile: str = "openai", **values: object) -> Job:
    return Job(id="ftjob-1", profile=profile, model=MODEL, status="running", **values)  # type: ignore[arg-type]


def test_tokens_that_are_reported_are_measured_and_their_cost_is_estimated(context) -> None:
    """Price per million x tokens of the newest report."""
    (context.home).mkdir()
    (context.home / "config.toml").write_text(f'[prices."openai/{MODEL}"]\ntraining = 5.0\n')
    view = JobView(job(), series={"tokens": [(1, 1000.0), (2, 240_000.0)]}, step=2, total_steps=10)
    found = so_far(context, Costs(), view)
    assert (found.tokens.value, found.tokens.origin) == (240_000.0, Origin.MEASURED)
    assert found.cost.value == pytest.approx(1.2)
    assert found.cost.origin is Origin.ESTIMATED
    assert "your own price" in (found.cost.source or "")


def test_without_a_count_it_is_as_much_of_the_data_as_the_steps_say(context, write) -> None:
    """Counted once, in the bytes that were kept; estimated, and said so."""
    path = write("train.jsonl", (json.dumps(RECORD) + "\n") * 200)
    running = job(settings={"n_epochs": 3})
    keep_job(context, running)
    record = JobRecord(id=running.id, profile="openai", train_sha256=keep_bytes(context, path))
    context.store.update("jobs/openai/ftjob-1/job.toml", JobRecord, lambda _: record)
    billed = dataset_stats(context, path, model=MODEL, n_epochs=3).billable_tokens
    reckon = Reckoning(context, Costs(), running.id)
    found = reckon(JobView(running, step=25, total_steps=100))
    assert found.tokens.value == round(billed / 4)
    assert found.tokens.origin is Origin.ESTIMATED
    assert f"step 25 of 100 x {billed:,} tokens" in (found.tokens.source or "")
    (context.home / "data" / record.train_sha256).unlink()
    assert reckon(JobView(running, step=100, total_steps=100)).tokens.value == billed
    gone = Reckoning(context, Costs(), running.id)(JobView(running, step=25, total_steps=100))
    assert gone.tokens.value is None
    assert gone.cost.value is None


def test_ones_own_machine_costs_its_hours(context) -> None:
    """As far as the person has said what one costs."""
    view = JobView(job("local"), elapsed_s=1800.0, step=3)
    assert so_far(context, Costs(hardware_per_hour=2.0, watts=500, per_kwh=0.4), view).cost.value == pytest.approx(1.1)
    unknown = so_far(context, Costs(), view).cost
    assert (unknown.value, unknown.origin) == (None, Origin.NOT_MEASURED)
    assert so_far(context, Costs(hardware_per_hour=2.0), JobView(job("local"))).cost.value is None


def test_what_the_provider_says_comes_first(context) -> None:
    """Its own count and bill; Azure, which says neither steps nor tokens, gets no guess; nor does another's run."""
    billed = job(trained_tokens=7000, cost=Figure.quoted(0.5, "USD", "the bill", None))
    found = so_far(context, Costs(), JobView(billed, series={"tokens": [(1, 5.0)]}))
    assert (found.tokens.value, found.cost.value) == (7000.0, 0.5)
    assert so_far(context, Costs(), JobView(job("azure"), step=30)).tokens.value is None
    assert so_far(context, Costs(hardware_per_hour=2.0), JobView(job("attached"), elapsed_s=60.0)).cost.value is None


def test_azures_hours_are_billed_by_its_tier(context) -> None:
    """Where a model is billed by the hour, tokens do not matter."""
    context.home.mkdir()
    (context.home / "config.toml").write_text(f'[prices."azure/{MODEL}"]\ntraining_hour = 100.0\n')
    found = so_far(context, Costs(), JobView(job("azure"), elapsed_s=360.0))
    assert found.cost.value == pytest.approx(10.0)


def test_the_command_says_it_too(context, capsys) -> None:
    """`job show` of a job that runs, at a provider that cannot be asked; not of one that has ended."""
    context.home.mkdir()
    (context.home / "config.toml").write_text(
        '[profiles.away]\nkind = "compatible"\nbase_url = "http://127.0.0.1:9/v1"\n'
        f'[prices."away/{MODEL}"]\ntraining = 5.0\n'
    )
    running = job("away")
    keep_job(context, running)
    data = {"step": 4, "total_steps": 8, "tokens": 100_000, "train_loss": 1.0}
    EventLog(job_folder(context, "away", running.id)).append([Event(id="1", created_at=5, type="metrics", data=data)])
    where = ["--workspace", str(context.home)]
    assert main(["job", "show", running.id, "--json", *where]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown["tokens_so_far"]["value"] == 100_000
    assert shown["cost_so_far"]["value"] == pytest.approx(0.5)
    assert shown["cost_so_far"]["origin"] == "estimated"
    assert main(["job", "show", running.id, *where]) == 0
    assert "0.50 USD (estimated)" in capsys.readouterr().out
    keep_job(context, running.model_copy(update={"status": "succeeded"}))
    assert main(["job", "show", running.id, "--json", *where]) == 0
    assert "cost_so_far" not in json.loads(capsys.readouterr().out)
