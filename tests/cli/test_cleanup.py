"""`ftwb cleanup`: what lingers is listed with its age and cost, and nothing goes that was not named."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.cli.conftest import Ran
from workbench.testing.fake_arm import RESOURCE, FakeArm
from workbench.testing.fake_provider import FakeProvider

Ftwb = Callable[..., Ran]
TUNED = "ft:gpt-4.1-mini-2025-04-14:fake:mine:00000001"


@pytest.fixture
def file(provider: FakeProvider) -> str:
    """An account with a base model, a tuned one and a file."""
    provider.add_model(TUNED)
    return str(provider._files.add("train.jsonl", b"{}\n", "fine-tune")["id"])


def test_what_lingers_is_listed_and_nothing_deleted(ftwb: Ftwb, provider: FakeProvider, file: str) -> None:
    ran = ftwb("cleanup", "--json")
    assert ran.code == 0
    assert [one["id"] for one in ran.json["models"]] == [TUNED], "base models are not ours to delete"
    (found,) = ran.json["files"]
    assert (found["id"], found["size"], found["about"]) == (file, 3, "train.jsonl (fine-tune)")
    assert found["age_s"] is not None and found["cost_per_month"]["origin"] == "not-measured"
    assert TUNED in ftwb("cleanup").out
    assert {request.method for request in provider.requests} == {"GET"}


def test_only_what_is_named_is_deleted_after_a_yes(ftwb: Ftwb, provider: FakeProvider, file: str) -> None:
    other = str(provider._files.add("other.jsonl", b"{}\n", "fine-tune")["id"])
    assert ftwb("cleanup", "--delete", TUNED, file).code == 2
    assert ftwb("cleanup", "--delete", TUNED, file, "--yes", "--json").json["deleted"] == [TUNED, file]
    left = ftwb("cleanup", "--json").json
    assert (left["models"], [one["id"] for one in left["files"]]) == ([], [other])


def test_one_unknown_id_and_nothing_is_deleted(ftwb: Ftwb, provider: FakeProvider, file: str) -> None:
    ran = ftwb("cleanup", "--delete", file, "file-nobody", "--yes")
    assert (ran.code, "'file-nobody' is not among" in ran.err.replace(":", "")) == (1, True)
    assert not any(request.method == "DELETE" for request in provider.requests)


def test_a_file_of_a_running_job_stays(ftwb: Ftwb, provider: FakeProvider, file: str) -> None:
    provider._work.create({"model": "gpt-4.1-mini-2025-04-14", "training_file": file})
    ran = ftwb("cleanup", "--delete", file, "--yes")
    assert (ran.code, "is used by job" in ran.err) == (1, True)


def test_what_a_provider_refuses_is_told_with_what_was_done(ftwb: Ftwb, provider: FakeProvider, file: str) -> None:
    provider.fail(file, method="DELETE", status=403)
    ran = ftwb("cleanup", "--delete", file, TUNED, "--yes")
    assert (ran.code, f"deleted {TUNED}" in ran.err) == (1, True)
    assert file in provider.uploads


def test_deployments_cost_and_go_before_their_models(ftwb: Ftwb, monkeypatch: pytest.MonkeyPatch) -> None:
    model = "gpt-4.1-mini-2025-04-14.ft-0123456789abcdef0123456789abcdef"
    with FakeArm() as arm, FakeProvider(flavour="azure") as fake:
        for name, value in {**fake.environ, "ARM_TOKEN": arm.token}.items():
            monkeypatch.setenv(name, value)
        fake.add_model(model)
        arm.add("mine", model)
        assert "does not name the resource" in ftwb("cleanup").err
        ftwb("profile", "add", "azure", "--resource-id", RESOURCE)
        ftwb("config", "set", "profiles.azure.settings.arm.url", arm.url)
        ftwb("config", "set", "profiles.azure.settings.arm.token_env", "ARM_TOKEN")
        ran = ftwb("cleanup", "--json")
        assert ran.json["cost_per_month"]["value"] == pytest.approx(1.70 * 720)
        assert ran.json["deployments"][0]["name"] == "mine"
        assert "is used by deployment mine" in ftwb("cleanup", "--delete", model, "--yes").err
        gone = ftwb("cleanup", "--delete", model, "mine", "--yes", "--json").json
        assert gone["deleted"] == ["mine", model]
        assert "deployment delete" in gone["az"][0] and gone["az"][1].startswith("az rest --method delete")
        assert not arm.deployments


def test_a_model_of_two_deployments_goes_with_both_only(ftwb: Ftwb, monkeypatch: pytest.MonkeyPatch) -> None:
    model = "gpt-4.1-mini-2025-04-14.ft-0123456789abcdef0123456789abcdef"
    with FakeArm() as arm, FakeProvider(flavour="azure") as fake:
        for name, value in {**fake.environ, "ARM_TOKEN": arm.token}.items():
            monkeypatch.setenv(name, value)
        fake.add_model(model)
        arm.add("one", model)
        arm.add("two", model)
        ftwb("profile", "add", "azure", "--resource-id", RESOURCE)
        ftwb("config", "set", "profiles.azure.settings.arm.url", arm.url)
        ftwb("config", "set", "profiles.azure.settings.arm.token_env", "ARM_TOKEN")
        assert ftwb("cleanup", "--json").json["models"][0]["used_by"] == "deployment one, two"
        assert "is used by deployment one" in ftwb("cleanup", "--delete", model, "two", "--yes").err
        assert set(arm.deployments) == {"one", "two"}
        monkeypatch.delenv("AZURE_OPENAI_API_KEY")
        found = ftwb("cleanup", "--json")
        assert [one["name"] for one in found.json["deployments"]] == ["one", "two"], (
            "the manager has a token of its own"
        )
        assert "models and files of azure are not known: profile azure needs AZURE_OPENAI_API_KEY" in found.err


def test_nothing_lingers_where_nothing_is(ftwb: Ftwb, provider: FakeProvider) -> None:
    assert "nothing lingers" in ftwb("cleanup", "--profile", "openai").out
    assert ftwb("cleanup", "--profile", "azure").code == 1, "not configured"
