"""What candidates cost: measured amounts, the prices known here, and what the person said."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from tests.workflow.conftest import MODEL, asked_number, colour_of
from tests.workflow.test_loop import request_of
from workbench.catalog.figure import Figure, Origin
from workbench.catalog.prices import price
from workbench.cli import main
from workbench.decide.bill import Bill
from workbench.errors import WorkbenchError
from workbench.evaluate.results import CandidateResult, RunResult
from workbench.providers.event_log import Event, EventLog
from workbench.providers.jobs import Job
from workbench.testing.fake_provider import FakeProvider
from workbench.workflow.config import Config, with_value
from workbench.workflow.context import Context, open_context
from workbench.workflow.costing import Costing, training_seconds
from workbench.workflow.job_records import JobRecord, RecordedJob, job_folder
from workbench.workflow.judge import judge, write_report
from workbench.workflow.measure import measure
from workbench.workflow.project import (
    Costs,
    Project,
    ProjectDocument,
    new_project,
    open_project,
    remember_costs,
    with_costs,
)
from workbench.workflow.train import create_job, show_job

LOCAL_TUNED = "local/ft:starter:local:x:1a2b3c4d"
TUNED = f"openai/ft:{MODEL}:o::1"


@pytest.fixture
def empty(tmp_path: Path) -> Context:
    """A workspace with nothing in it."""
    return open_context(tmp_path / "home", {"FTWB_CACHE": str(tmp_path / "cache"), "HOME": str(tmp_path)})


def row(candidate: str, **values: Any) -> CandidateResult:
    known = {
        "candidate": candidate,
        "n": 60,
        "failed": 0,
        "cost_per_1k": Figure.not_measured("USD/1k requests"),
        "prompt_tokens_mean": 300.0,
        "completion_tokens_mean": 10.0,
    }
    return CandidateResult.model_validate(known | values)


def made(model: str, profile: str = "local", **values: Any) -> RecordedJob:
    known = {"id": "ftjob-1", "profile": profile, "model": model, "created_at": 1_000, "finished_at": 1_000 + 7_200}
    return RecordedJob(JobRecord(id="ftjob-1"), Job.model_validate(known | values))


def billed(
    context: Context, costs: Costs, one: CandidateResult, job: RecordedJob | None, requests: int = 1_000
) -> Bill:
    kind = "tuned" if "ft:" in one.candidate or ".ft-" in one.candidate else "untuned"
    run = RunResult(run="run-1", candidates=[one], items=60)
    tuned = {one.candidate: job} if job else {}
    return Costing.of(context, costs, requests).bills(run, {one.candidate: kind}, tuned)[one.candidate]  # type: ignore[dict-item]


def test_a_machine_of_ones_own_by_hand(empty: Context) -> None:
    """0.50 an hour and 200 W at 0.25: 0.55 an hour. Two hours of training: 1.10. Half a second an answer: 0.0764 per
    1,000, and 60 answers 0.0046. Ten hours of data at 40: 400."""
    costs = Costs(hardware_per_hour=0.5, watts=200, per_kwh=0.25, data_hours=10, hourly_rate=40)
    one = billed(empty, costs, row(LOCAL_TUNED, busy_s_mean=0.5), made("starter"))
    assert one.training.value == pytest.approx(1.10)
    assert one.per_1k.value == pytest.approx(0.5 * 1_000 / 3_600 * 0.55)
    assert one.evaluation.value == pytest.approx(60 * 0.5 / 3_600 * 0.55)
    assert one.data.value == 400
    assert one.one_off.value == pytest.approx(401.10 + one.evaluation.value)
    assert one.hosting_month.value == 0.0
    assert {getattr(one, name).origin for name in ("training", "per_1k", "data", "one_off")} == {Origin.ESTIMATED}
    base = billed(empty, costs, row("local/starter", busy_s_mean=0.5), None)
    assert (base.training.value, base.data.value) == (0.0, 0.0)
    assert base.per_1k.value == one.per_1k.value


def test_always_on_moves_the_machine_from_the_answer_to_the_month(empty: Context) -> None:
    costs = Costs(hardware_per_hour=0.5, always_on=True)
    one = billed(empty, costs, row(LOCAL_TUNED, busy_s_mean=0.5), made("starter"))
    assert (one.per_1k.value, one.hosting_month.value) == (0.0, 360.0)
    assert one.month.value == 360.0


def test_without_a_price_of_the_machine_the_options_that_give_it_are_named(empty: Context) -> None:
    one = billed(empty, Costs(), row(LOCAL_TUNED, busy_s_mean=0.5), made("starter"))
    for figure in (one.training, one.per_1k, one.one_off, one.evaluation):
        assert figure.value is None and "--hardware-per-hour" in (figure.source or "")


def test_a_hosted_model_is_billed_by_tokens_and_tier(empty: Context) -> None:
    job = made("gpt-4.1-mini-2025-04-14", "azure", trained_tokens=2_000_000, fine_tuned_model="x")
    azure = row("azure/gpt-4.1-mini-2025-04-14.ft-0a")
    everywhere = billed(empty, Costs(), azure, job)
    assert everywhere.training.value == pytest.approx(2 * 5.0)
    assert everywhere.hosting_month.value == pytest.approx(1_224)
    assert everywhere.per_1k.value == pytest.approx((300 * 0.4 + 10 * 1.6) / 1_000)
    cheap = billed(empty, Costs(tier="developer"), azure, job)
    assert (cheap.training.value, cheap.hosting_month.value) == (pytest.approx(2 * 2.5), 0.0)
    base = billed(empty, Costs(), row("azure/gpt-4.1-mini"), None)
    assert base.hosting_month.value == 0.0, "a base model has no hourly fee"


def test_shared_prompts_are_cached_where_the_provider_caches(empty: Context) -> None:
    long = {"prompt_tokens_mean": 2_000.0, "shared_prefix": 0.9}
    one = billed(empty, Costs(), row(f"openai/{MODEL}+few-shot:5", **long), None)
    full, again, said = (price(MODEL, what).value or 0 for what in ("input", "cached_input", "output"))  # type: ignore[arg-type]
    assert one.per_1k.value == pytest.approx((208 * full + 1_792 * again + 10 * said) / 1_000)
    empty.store.update("config.toml", Config, lambda now: with_value(now, "profiles.lab.base_url", "http://x/v1"))
    for rate in ("input", "cached_input", "output"):
        key = f"prices.lab/llama.{rate}"
        empty.store.update("config.toml", Config, lambda now, key=key: with_value(now, key, 1.0))
    own = billed(empty, Costs(), row("lab/llama", **long), None)
    assert own.per_1k.value == pytest.approx(2.01)
    assert "your own price" in (own.per_1k.source or "")


def test_what_the_provider_says_a_job_cost_goes_before_any_sum(empty: Context) -> None:
    job = made(MODEL, "openai", trained_tokens=5, cost=Figure.quoted(12.5, "USD", "the bill", None))
    assert Costing.of(empty, Costs(), None).training(job).value == 12.5


def test_training_is_timed_from_its_first_step(empty: Context) -> None:
    """A job that waited in the queue for an hour did not train for that hour."""
    job = made("starter")
    assert training_seconds(empty, job).value == 7_200
    log = EventLog(job_folder(empty, "local", "ftjob-1"))
    log.folder.mkdir(parents=True)
    log.append([Event(id="a", created_at=1_500), Event(id="b", created_at=4_600, data={"step": 1})])
    timed = training_seconds(empty, job)
    assert (timed.value, timed.origin) == (3_600, Origin.MEASURED)
    assert training_seconds(empty, made("starter", finished_at=None)).value is None


def test_what_the_person_said_is_kept_with_the_project_and_unknown_keys_survive(empty: Context) -> None:
    project = new_project(empty, "mine")
    file = project.folder / "project.toml"
    file.write_text(file.read_text().replace("[costs]\n", "[costs]\nfuture = 7\n"))
    project = open_project(empty, "mine")
    costs = with_costs(project.document.costs, {"watts": 90.0, "tier": "regional"})
    kept = remember_costs(empty, project, costs, 500).document
    assert (kept.costs.watts, kept.costs.tier, kept.requests_per_month) == (90.0, "regional", 500)
    assert "future = 7" in file.read_text()
    again = remember_costs(empty, open_project(empty, "mine"), Costs(), None).document
    assert (again.costs.watts, again.requests_per_month) == (None, 500)
    assert "watts" not in file.read_text()


@pytest.mark.parametrize("said", [{"watts": -1}, {"retrain_months": 0}, {"tier": "moon"}, {"data_hours": float("nan")}])
def test_amounts_that_cannot_be_are_refused(said: dict[str, Any]) -> None:
    with pytest.raises(WorkbenchError, match="does not take") as caught:
        with_costs(Costs(), said)
    assert caught.value.exit_code == 2


async def test_a_run_measures_what_costs_are_made_of(context: Context, project: Project) -> None:
    """Throughput of calls that overlap, tokens, the shared beginning of prompts."""
    run = await measure(context, project, [f"openai/{MODEL}", f"openai/{MODEL}+few-shot:2"], limit=40)
    zero, few = (run.candidate(name) for name in (f"openai/{MODEL}", f"openai/{MODEL}+few-shot:2"))
    assert zero and few and zero.busy_s_mean and zero.latency_p50_s
    assert zero.busy_s_mean < zero.latency_p50_s, "four calls in flight share the server"
    assert (few.shared_prefix or 0) > (zero.shared_prefix or 0)
    assert zero.cost_total and few.cost_total and few.cost_total > zero.cost_total


@pytest.fixture
def decided(context: Context, project: Project, monkeypatch: pytest.MonkeyPatch) -> Project:
    """The command works on this workspace."""
    monkeypatch.setenv("FTWB_HOME", str(context.home))
    monkeypatch.setenv("FTWB_CACHE", str(context.cache))
    return project


async def test_decisions_and_reports_are_the_same_from_stored_answers_with_everything_off(
    context: Context, provider: FakeProvider, decided: Project, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The provider is gone, the run's own figures are lost: its answers give them again, to the last digit."""
    run = await measure(context, decided, [f"openai/{MODEL}", TUNED], limit=60)
    asked = len(provider.requests)
    provider.fail("/", status=500, times=999)
    common = ["decide", "--project", decided.slug, "--requests-per-month", "5000", "--json"]
    assert main([*common, "--report", str(tmp_path / "a.md")]) == 0
    first = json.loads(capsys.readouterr().out)
    path = context.home / "projects" / decided.slug / "runs" / run.run / "run.toml"
    bare = RunResult.model_validate(
        run.model_dump()
        | {"comparisons": [], "candidates": [row(one.candidate).model_dump() for one in run.candidates]}
    )
    context.store.update(str(path.relative_to(context.home)), RunResult, lambda _: bare)
    assert main([*common, "--recompute", "--run", run.run, "--report", str(tmp_path / "b.md")]) == 0
    again = json.loads(capsys.readouterr().out)
    assert again == first
    for name in ("", "-scores"):
        ending = ".svg" if name else ".md"
        one, other = (tmp_path / f"{letter}{name}{ending}" for letter in "ab")
        assert one.read_text().replace("a-", "x-") == other.read_text().replace("b-", "x-")
    assert len(provider.requests) == asked, "nothing was asked"


async def test_the_command_takes_costs_and_keeps_them_only_when_told(
    context: Context, decided: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    """Data of 3 hours at 20 are 60 dollars more; without --remember the project says nothing of it."""
    await measure(context, decided, [f"openai/{MODEL}", TUNED], limit=60)
    config = with_value(Config(), f"prices.openai/ft:{MODEL}.input", 0.01)
    context.store.update("config.toml", Config, lambda _: config)
    common = ["decide", "--project", decided.slug, "--json"]
    told = ["--data-hours", "3", "--rate", "20", "--retrain-months", "6", "--requests-per-month", "9000"]

    def said(*more: str) -> dict[str, Any]:
        assert main([*common, *more]) == 0
        document: dict[str, Any] = json.loads(capsys.readouterr().out)
        return next(one["costs"] for one in document["candidates"] if one["candidate"] == TUNED)

    assert said()["data"]["value"] is None
    assert said(*told)["data"] == {
        "value": 60.0, "unit": "USD", "origin": "estimated", "source": "hours x rate, by the person", "as_of": None,
    }  # fmt: skip
    assert said()["data"]["value"] is None
    bill = said(*told, "--remember")
    assert said() == bill
    kept = context.store.read(decided.relative, ProjectDocument)
    assert (kept.costs.retrain_months, kept.requests_per_month) == (6.0, 9_000)
    assert all(set(figure) == {"value", "unit", "origin", "source", "as_of"} for figure in bill.values())
    assert main(["decide", "--project", decided.slug]) == 0
    assert "HOSTING A MONTH" in capsys.readouterr().out


async def test_a_break_even_comes_from_the_run_the_job_and_the_prices(
    context: Context, provider: FakeProvider, project: Project, tmp_path: Path
) -> None:
    """Few-shot prompts against the tuned model's, tied by label; every part worked again from what it is made of."""
    provider.replies = lambda body: colour_of(asked_number(body))
    job = await create_job(context, request_of(project), project=project.slug)
    provider.finish(job.id)
    job = await show_job(context, job.id)
    few, tuned = f"openai/{MODEL}+few-shot:5", f"openai/{job.fine_tuned_model}"
    for rate in ("input", "output"):
        key = f"prices.openai/ft:{MODEL}.{rate}"
        context.store.update("config.toml", Config, lambda now, key=key: with_value(now, key, 0.1))
    run = await measure(context, project, [few, tuned], limit=60)
    costs = Costs(data_hours=1, hourly_rate=30, retrain_months=6)
    decision = judge(context, project, requests_per_month=9_000_000, costs=costs)
    one, other = run.candidate(few), run.candidate(tuned)
    assert one and other and one.prompt_tokens_mean and one.completion_tokens_mean and decision.break_even
    found = decision.break_even
    told, said = price(MODEL, "input").value or 0, price(MODEL, "output").value or 0
    dear = (one.prompt_tokens_mean * told + one.completion_tokens_mean * said) / 1_000
    cheap = ((other.prompt_tokens_mean or 0) + (other.completion_tokens_mean or 0)) * 0.1 / 1_000
    once = 30 + (job.trained_tokens or 0) * (price(MODEL, "training").value or 0) / 1e6 + (other.cost_total or 0)
    assert found.saving_per_1k.value == pytest.approx(dear - cheap)
    assert found.one_off.value == pytest.approx(once)
    assert (found.alternative, found.tuned) == (few, tuned)
    assert found.prompt_tokens_saved and found.prompt_tokens_saved.origin is Origin.MEASURED
    assert found.prompt_tokens_saved.value == pytest.approx(one.prompt_tokens_mean - (other.prompt_tokens_mean or 0))
    assert found.months <= 6 and found.retires is not None
    assert found.requests_per_month == pytest.approx(once / found.months / ((dear - cheap) / 1_000))
    by_tokens = (found.prompt_tokens_saved.value or 0) * told / 1_000
    more = next(each for each in found.sensitivity if each.changed == "tokens" and each.by > 0)
    assert more.requests_per_month == pytest.approx(once / found.months / ((dear - cheap + 0.2 * by_tokens) / 1_000))
    report = write_report(context, project, decision, tmp_path / "report.md")
    assert [path.name for path in report] == ["report.md", "report-scores.svg", "report-costs.svg"]
    for path in report[1:]:
        assert ElementTree.fromstring(path.read_text()).tag.endswith("svg")
        assert f"]({path.name})" in report[0].read_text()


def test_a_run_that_is_not_there_is_refused(empty: Context) -> None:
    with pytest.raises(WorkbenchError, match="not one of the project"):
        judge(empty, new_project(empty, "mine"), run_id="run-9")
