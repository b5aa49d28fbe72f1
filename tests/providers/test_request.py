"""What is asked for, as the body that arrives: by the published document, for every method a profile has."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.engine.openai_spec import check
from workbench.errors import WorkbenchError
from workbench.providers.client import connect
from workbench.providers.hyperparameters import HYPERPARAMETERS
from workbench.providers.jobs import create_job, retrieve_job
from workbench.providers.profiles import Profile, built_in
from workbench.providers.request import JobRequest, beside_hyperparameters, body
from workbench.testing.fake_provider import FakeProvider

if TYPE_CHECKING:
    import openai

GRADER = {"type": "string_check", "name": "g", "input": "{{sample.output_text}}", "reference": "x", "operation": "eq"}
WANDB = [{"type": "wandb", "wandb": {"project": "p", "entity": "team", "name": "run", "tags": ["a"]}}]
EVERY: dict[str, dict[str, Any]] = {
    "sft": {"n_epochs": 3, "batch_size": "auto", "learning_rate_multiplier": 0.5},
    "dpo": {"n_epochs": "auto", "batch_size": 256, "learning_rate_multiplier": "auto", "beta": 0.1},
    "reinforcement": {
        "n_epochs": 50, "batch_size": 1, "learning_rate_multiplier": 2, "compute_multiplier": 10, "eval_interval": 5,
        "eval_samples": "auto", "reasoning_effort": "high", "grader": GRADER,
    },
}  # fmt: skip
"""Every setting of every method at values that are allowed."""


def arrived(provider: FakeProvider) -> Any:
    return next(r.json for r in provider.requests if r.method == "POST" and r.path.endswith("/fine_tuning/jobs"))


@pytest.mark.parametrize("method", sorted(EVERY))
async def test_every_setting_of_every_method_arrives_as_the_document_says(
    provider: FakeProvider, client: openai.AsyncOpenAI, profile: Profile, request_for: JobRequest, method: str
) -> None:
    wanted = EVERY[method]
    assert HYPERPARAMETERS[method] == set(wanted) - {"grader"}, "none is left out here"
    request = request_for.model_copy(
        update={"method": method, "settings": {**wanted, "integrations": WANDB}, "suffix": "s", "seed": 3}
    )
    await create_job(client, profile, request)
    sent = check("CreateFineTuningJobRequest", arrived(provider))
    kind = {"sft": "supervised"}.get(method, method)
    inner = sent["method"][kind]
    assert sent["method"]["type"] == kind
    assert inner["hyperparameters"] | ({"grader": inner["grader"]} if "grader" in inner else {}) == wanted
    assert sent["integrations"] == WANDB
    assert (sent["suffix"], sent["seed"]) == ("s", 3)


async def test_azure_gets_its_tier_beside_the_method(
    azure: FakeProvider, azure_client: openai.AsyncOpenAI, request_for: JobRequest
) -> None:
    settings = {**EVERY["dpo"], "trainingType": "GlobalStandard"}
    request = request_for.model_copy(update={"method": "dpo", "settings": settings})
    await create_job(azure_client, built_in()["azure"], request)
    sent = arrived(azure)
    assert sent.pop("trainingType") == "GlobalStandard"
    check("CreateFineTuningJobRequest", sent)


@pytest.mark.parametrize("method", ["orpo", "kto", "reward", "generic"])
async def test_methods_of_our_own_engine_travel_beside_the_documents(
    provider: FakeProvider, client: openai.AsyncOpenAI, request_for: JobRequest, method: str
) -> None:
    """Neither ranges nor settings are held against OpenAI's: the engine refuses by name itself."""
    local = built_in()["local"]
    request = request_for.model_copy(update={"method": method, "settings": {"n_epochs": 90, "lora_r": 8}})
    await create_job(client, local, request)
    sent = arrived(provider)
    assert sent["ftwb"] == {"method": method, "settings": {"lora_r": 8}}
    assert sent["method"] == {"type": "supervised", "supervised": {"hyperparameters": {"n_epochs": 90}}}


@pytest.mark.parametrize(
    ("method", "settings", "said"),
    [
        ("sft", {"n_epochs": 51}, "setting 'n_epochs': is 51; give auto or a whole number from 1 to 50"),
        ("sft", {"n_epochs": 2.5}, "is 2.5"),
        ("sft", {"n_epochs": True}, "is True"),
        ("sft", {"batch_size": 257}, "from 1 to 256"),
        ("sft", {"learning_rate_multiplier": 0}, "give auto or a number above 0"),
        ("sft", {"learning_rate_multiplier": "much"}, "is 'much'"),
        ("dpo", {"beta": 2.1}, "give auto or a number above 0 to 2"),
        ("reinforcement", {"grader": GRADER, "compute_multiplier": 11}, "to 10"),
        ("reinforcement", {"grader": GRADER, "eval_samples": 0}, "a whole number from 1"),
        ("reinforcement", {"grader": GRADER, "reasoning_effort": "some"}, "give default, low, medium, high"),
        ("reinforcement", {}, "needs a grader"),
        ("reinforcement", {"grader": {"type": "python"}}, "lacks 'name'"),
        ("sft", {"beta": 0.1}, "setting 'beta': profile openai does not take it"),
        ("sft", {"grader": GRADER}, "setting 'grader'"),
    ],
)
def test_what_the_provider_would_refuse_is_refused_before_anything_is_sent(
    profile: Profile, request_for: JobRequest, method: str, settings: dict[str, Any], said: str
) -> None:
    request = request_for.model_copy(update={"method": method, "settings": settings})
    with pytest.raises(WorkbenchError) as caught:
        body(profile, request, training_file="f", validation_file=None, metadata={})
    assert said in str(caught.value)
    assert caught.value.exit_code == 2


def test_a_compatible_provider_has_ranges_of_its_own(request_for: JobRequest) -> None:
    """Nobody published them; a profile may say that they are OpenAI's."""
    request = request_for.model_copy(update={"settings": {"n_epochs": 90}})
    other = Profile(name="nebius")
    assert body(other, request, training_file="f", validation_file=None, metadata={})["hyperparameters"] == {
        "n_epochs": 90
    }
    strict = other.model_copy(update={"settings": {"capabilities": {"ranges": True}}})
    with pytest.raises(WorkbenchError, match="from 1 to 50"):
        body(strict, request, training_file="f", validation_file=None, metadata={})


@pytest.mark.parametrize("name", ["local", "azure", "nebius"])
def test_integrations_are_refused_where_the_profile_has_none(request_for: JobRequest, name: str) -> None:
    profile = built_in().get(name) or Profile(name=name)
    request = request_for.model_copy(update={"settings": {"integrations": WANDB}})
    with pytest.raises(WorkbenchError, match=f"profile {name}: reports to no other service") as caught:
        body(profile, request, training_file="f", validation_file=None, metadata={})
    assert caught.value.exit_code == 2


async def test_integrations_of_a_job_are_read_back(
    provider: FakeProvider, profile: Profile, request_for: JobRequest
) -> None:
    request = request_for.model_copy(update={"settings": {"integrations": WANDB}})
    async with await connect(profile, environ=provider.environ) as client:
        job = await create_job(client, profile, request)
        assert (await retrieve_job(client, profile, job.id)).integrations == WANDB
    assert beside_hyperparameters(profile, "sft", job.raw) == {"integrations": WANDB}


def test_only_a_profile_with_that_method_takes_it(request_for: JobRequest, tmp_path: Path) -> None:
    with pytest.raises(WorkbenchError, match="has no method 'orpo'; it has sft, dpo, reinforcement"):
        body(
            built_in()["openai"],
            request_for.model_copy(update={"method": "orpo"}),
            training_file="f",
            validation_file=None,
            metadata={},
        )
