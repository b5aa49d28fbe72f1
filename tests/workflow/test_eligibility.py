"""What speaks against a job is found before it is paid for: dated facts, the provider's word, the data."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from tests.workflow.conftest import MODEL, records
from workbench.providers.request import JobRequest
from workbench.testing.fake_provider import FakeProvider
from workbench.workflow.context import Context
from workbench.workflow.eligibility import Eligibility, eligibility
from workbench.workflow.quoting import quote_job

TODAY = date(2026, 11, 26)


@pytest.fixture
def request_for(tmp_path: Path) -> Callable[..., JobRequest]:
    def make(**fields: Any) -> JobRequest:
        path = tmp_path / "train.jsonl"
        if not path.exists():
            path.write_text(records(0, 40))
        return JobRequest(**{"profile": "openai", "model": MODEL, "training_file": path} | fields)

    return make


@pytest.fixture
def azure(tmp_path: Path) -> Iterator[tuple[Context, FakeProvider]]:
    with FakeProvider(flavour="azure") as fake:
        yield Context(home=tmp_path / "home", cache=tmp_path / "cache", environ=fake.environ), fake


def told(found: Eligibility, check: str, standing: str | None = None) -> str:
    return " | ".join(one.text for one in found.findings if one.check == check and standing in (None, one.standing))


async def test_an_account_without_jobs_is_told_before_it_tries(
    context: Context, provider: FakeProvider, request_for: Callable[..., JobRequest]
) -> None:
    found = await eligibility(context, request_for(), today=TODAY)
    assert found.eligible is False
    assert "training_not_available" in told(found, "account", "no")
    assert all(request.method == "GET" for request in provider.requests), "it only looks"
    provider._work.create({"model": MODEL, "training_file": "file-old"})
    found = await eligibility(context, request_for(), today=TODAY)
    assert found.eligible is True
    assert "until 2027-01-06 (41 days)" in told(found, "training")
    assert "in 49 days" in told(found, "retirement")
    assert "last 60 days" in told(found, "account", "note")


async def test_the_end_of_training_and_of_the_model_speak_against_it(
    context: Context, provider: FakeProvider, request_for: Callable[..., JobRequest]
) -> None:
    found = await eligibility(context, request_for(), today=date(2027, 1, 14))
    assert "takes no new training jobs since 2027-01-06" in told(found, "training", "no")
    assert "stopped answering on 2027-01-14" in told(found, "retirement", "no")
    assert found.warnings[0].endswith("https://developers.openai.com/api/docs/deprecations)"), "the worst, sourced"


async def test_the_models_own_shutdown_date_is_believed(
    context: Context, provider: FakeProvider, request_for: Callable[..., JobRequest]
) -> None:
    provider.add_model("gpt-9-2027", shutdown_date="2026-12-26")
    found = await eligibility(context, request_for(model="gpt-9-2027"), today=TODAY)
    assert "gpt-9-2027 stops answering on 2026-12-26, in 30 days" in told(found, "retirement")
    assert "not in the catalogue" in told(found, "training", "unknown")
    provider.add_model("gpt-9-2027", shutdown_date="soon")
    assert "soon" in told(await eligibility(context, request_for(model="gpt-9-2027"), today=TODAY), "retirement")


async def test_a_provider_that_cannot_be_asked_is_a_finding_and_no_failure(
    context: Context, provider: FakeProvider, request_for: Callable[..., JobRequest]
) -> None:
    provider.fail("/fine_tuning/jobs", status=503, times=9)
    found = await eligibility(context, request_for(), today=TODAY)
    assert "could not be asked" in told(found, "model", "unknown")
    assert found.eligible is None
    keyless = Context(home=context.home, cache=context.cache, environ={})
    assert "needs OPENAI_API_KEY" in told(await eligibility(keyless, request_for(), today=TODAY), "model", "unknown")


@pytest.mark.parametrize(
    ("fields", "check", "said"),
    [
        ({"model": "gpt-4.1-mini"}, "version", "gpt-4.1-mini-2025-04-14"),
        ({"method": "reinforcement"}, "method", "only for sft, dpo"),
        ({"model": "o4-mini-2025-04-16", "method": "reinforcement"}, "method", "needs a grader"),
        (
            {"model": "gpt-5-2025-08-07", "settings": {"trainingType": "developerTier"}},
            "tier",
            "only with Standard, GlobalStandard",
        ),
        ({"model": "gpt-oss-20b"}, "tier", "not trained with trainingType=Standard, only with GlobalStandard"),
    ],
)
async def test_what_azure_would_refuse(
    azure: tuple[Context, FakeProvider],
    request_for: Callable[..., JobRequest],
    fields: dict[str, Any],
    check: str,
    said: str,
) -> None:
    found = await eligibility(azure[0], request_for(profile="azure", **fields), today=TODAY)
    assert said in told(found, check, "no")
    assert found.eligible is False


async def test_where_azure_trains_is_said_with_source_and_date(
    azure: tuple[Context, FakeProvider], request_for: Callable[..., JobRequest]
) -> None:
    """Only for the tier that trains where the resource is; the others train anywhere."""
    found = await eligibility(azure[0], request_for(profile="azure", model="gpt-4o-2024-08-06"), today=TODAY)
    (region,) = (one for one in found.findings if one.check == "region")
    assert "East US 2 or North Central US or Sweden Central" in region.text
    assert (region.standing, region.as_of) == ("note", "2026-09-01")
    assert "learn.microsoft.com" in str(region.source)
    assert any("as of 2026-09-01" in warning and "Sweden" in warning for warning in found.warnings)
    anywhere = request_for(profile="azure", model="gpt-4o-2024-08-06", settings={"trainingType": "globalstandard"})
    found = await eligibility(azure[0], anywhere, today=TODAY)
    assert told(found, "region") == ""
    assert "Standard, GlobalStandard, developerTier" in told(found, "tier", "yes")


async def test_a_tuned_model_of_azure_has_its_version_already(
    azure: tuple[Context, FakeProvider], request_for: Callable[..., JobRequest]
) -> None:
    name = f"{MODEL}.ft-0123456789abcdef0123456789abcdef"
    found = await eligibility(azure[0], request_for(profile="azure", model=name), today=TODAY)
    assert told(found, "version") == ""


async def test_azures_own_word_about_a_model(
    azure: tuple[Context, FakeProvider], request_for: Callable[..., JobRequest]
) -> None:
    context, fake = azure
    fake.add_model(MODEL, capabilities={"fine_tune": False}, deprecation={"fine_tune": 1_700_000_000, "inference": "?"})
    found = await eligibility(context, request_for(profile="azure"), today=TODAY)
    assert "cannot be fine-tuned here" in told(found, "training", "no")
    assert "no longer takes new jobs, since 2023-11-14" in told(found, "training", "no")


async def test_data_with_errors_speaks_against_it(
    context: Context, request_for: Callable[..., JobRequest], tmp_path: Path
) -> None:
    bad = tmp_path / "bad.jsonl"
    bad.write_text('{"messages": [{"role": "user", "content": "x"}]}\n' * 3)
    found = await eligibility(context, request_for(training_file=bad), today=TODAY)
    assert "errors" in told(found, "data", "no")
    assert "40 records and no errors" in told(await eligibility(context, request_for(), today=TODAY), "data", "yes")


async def test_data_of_another_method_speaks_against_it(
    context: Context, request_for: Callable[..., JobRequest], tmp_path: Path
) -> None:
    """A file without a mistake can still be of the wrong kind."""
    found = await eligibility(context, request_for(method="dpo"), today=TODAY)
    assert "the training file is chat, and dpo trains on preference pairs" in told(found, "data", "no")
    pair = {
        "input": {"messages": [{"role": "user", "content": "x"}]},
        "preferred_output": [{"role": "assistant", "content": "y"}],
        "non_preferred_output": [{"role": "assistant", "content": "z"}],
    }
    pairs = tmp_path / "pairs.jsonl"
    pairs.write_text("".join(f"{json.dumps(pair | {'id': n})}\n" for n in range(12)))
    found = await eligibility(context, request_for(training_file=pairs), today=TODAY)
    assert "sft trains on chat" in told(found, "data", "no")
    found = await eligibility(context, request_for(training_file=pairs, method="dpo"), today=TODAY)
    assert "trains on" not in told(found, "data", "no")


async def test_the_tier_decides_the_price(
    azure: tuple[Context, FakeProvider], request_for: Callable[..., JobRequest]
) -> None:
    async def price(tier: str) -> float:
        request = request_for(profile="azure", settings={"trainingType": tier, "n_epochs": 1})
        return (await quote_job(azure[0], request)).cost.value or 0

    usual, cheap = await price("GlobalStandard"), await price("developerTier")
    assert cheap == pytest.approx(usual / 2)
