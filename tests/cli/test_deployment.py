"""`ftwb deployment` against a resource manager over HTTP: requests as recorded, a price before, refusals explained."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Iterator

import pytest

from tests.cli.conftest import Ran
from workbench.testing.fake_arm import RESOURCE, FakeArm

Ftwb = Callable[..., Ran]
MODEL = "gpt-4.1-mini-2025-04-14.ft-0123456789abcdef0123456789abcdef"
CREATE = ("deployment", "create", MODEL, "--name", "mine")


@pytest.fixture
def arm(ftwb: Ftwb, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeArm]:
    """A resource manager that the profile azure comes to, with a token from the environment."""
    monkeypatch.setattr("workbench.providers.arm.POLL_S", 0.0)
    with FakeArm() as fake:
        monkeypatch.setenv("ARM_TOKEN", fake.token)
        ftwb("profile", "add", "azure", "--resource-id", RESOURCE)
        ftwb("config", "set", "profiles.azure.settings.arm.url", fake.url)
        ftwb("config", "set", "profiles.azure.settings.arm.token_env", "ARM_TOKEN")
        yield fake


def test_a_model_is_deployed_with_the_request_of_the_documents(ftwb: Ftwb, arm: FakeArm) -> None:
    ran = ftwb(*CREATE, "--tier", "regional", "--capacity", "20", "--yes", "--json")
    assert ran.code == 0, ran.err
    assert (ran.json["name"], ran.json["status"], ran.json["tier"]) == ("mine", "Succeeded", "regional")
    assert ran.json["cost_per_month"]["value"] == pytest.approx(1.70 * 720)
    (put,) = [request for request in arm.requests if request.method == "PUT"]
    assert put.path == f"{RESOURCE}/deployments/mine"
    assert put.query == {"api-version": "2024-10-01"}
    assert put.json == {
        "sku": {"name": "Standard", "capacity": 20},
        "properties": {"model": {"format": "OpenAI", "name": MODEL, "version": "1"}},
    }


def test_nothing_is_deployed_without_a_yes_and_the_price_stands_in_the_question(ftwb: Ftwb, arm: FakeArm) -> None:
    ran = ftwb(*CREATE)
    assert (ran.code, "1,224.00 USD per month" in ran.err, "add --yes" in ran.err) == (2, True, True)
    dry = ftwb(*CREATE, "--dry-run", "--json")
    assert dry.json["body"]["sku"]["name"] == "GlobalStandard"
    assert not arm.requests


def test_each_action_shows_the_az_command_that_does_the_same(ftwb: Ftwb, arm: FakeArm) -> None:
    words = shlex.split(ftwb(*CREATE, "--dry-run", "--json").json["az"])
    assert words[:5] == ["az", "cognitiveservices", "account", "deployment", "create"]
    given = dict(zip(words[5::2], words[6::2], strict=True))
    assert given["--resource-group"] == "rg" and given["--name"] == "acct" and given["--deployment-name"] == "mine"
    assert given["--model-name"] == MODEL and given["--sku-name"] == "GlobalStandard"
    arm.add("mine", MODEL)
    assert "deployment list" in ftwb("deployment", "list", "--json").json["az"]
    assert "deployment delete" in ftwb("deployment", "delete", "mine").err


def test_a_deployment_that_is_there_is_not_overwritten(ftwb: Ftwb, arm: FakeArm) -> None:
    arm.add("mine", "another-model")
    ran = ftwb(*CREATE, "--yes")
    assert (ran.code, "is there already, with another-model" in ran.err) == (1, True)
    assert {request.method for request in arm.requests} == {"GET"}


def test_one_that_does_not_come_up_is_a_failure(ftwb: Ftwb, arm: FakeArm) -> None:
    arm.comes_up_as = "Failed"
    ran = ftwb(*CREATE, "--yes")
    assert (ran.code, "ended Failed" in ran.err) == (1, True)
    ran = ftwb("deployment", "create", MODEL, "--name", "other", "--yes", "--no-wait", "--json")
    assert (ran.code, ran.json["status"]) == (0, "Accepted")


def test_after_an_ambiguous_failure_it_is_looked_for_and_not_made_twice(ftwb: Ftwb, arm: FakeArm) -> None:
    arm.fail("PUT", 502, "", carried_out=True)
    assert ftwb(*CREATE, "--yes", "--json").json["status"] == "Succeeded"
    assert sum(request.method == "PUT" for request in arm.requests) == 1
    arm.fail("PUT", 502, "")
    ran = ftwb("deployment", "create", MODEL, "--name", "other", "--yes")
    assert (ran.code, "502" in ran.err) == (1, True)


@pytest.mark.parametrize(
    ("status", "code", "said"),
    [
        (403, "AuthorizationFailed", "deploying Foundry Owner"),
        (400, "InsufficientQuota", "ask for less with --capacity"),
        (404, "ResourceGroupNotFound", "check the profile's resource_id"),
        (409, "RequestConflict", "another change of the resource is under way"),
        (500, "", "format"),
    ],
)
def test_refusals_say_what_to_do(ftwb: Ftwb, arm: FakeArm, status: int, code: str, said: str) -> None:
    arm.fail("PUT", status, code)
    ran = ftwb(*CREATE, "--yes")
    assert (ran.code, said in ran.err) == (1, True), ran.err


def test_a_token_is_never_shown(ftwb: Ftwb, arm: FakeArm, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ARM_TOKEN", "eyJ-very-secret-token")
    ran = ftwb("deployment", "list", "--debug")
    assert ran.code == 1
    assert "sign in again" in ran.err
    assert "very-secret" not in ran.err + ran.out


def test_the_list_has_a_meter_and_says_what_ends_by_itself(ftwb: Ftwb, arm: FakeArm) -> None:
    arm.page_size = 1
    arm.add("a", MODEL)
    arm.add("b", MODEL, "DeveloperTier")
    arm.add("c", "gpt-4.1-mini", "GlobalStandard")
    found = {one["name"]: one for one in ftwb("deployment", "list", "--json").json["deployments"]}
    assert list(found) == ["a", "b", "c"], "all pages"
    assert found["a"]["cost_so_far"]["value"] == pytest.approx(1.70 * found["a"]["age_s"] / 3600)
    assert "15 days" in found["a"]["expires"]
    assert found["b"]["cost_per_month"]["value"] == 0 and "Azure deletes it" in found["b"]["expires"]
    assert found["c"]["cost_per_month"]["origin"] == "not-measured" and found["c"]["expires"] is None
    assert "1,224 USD per month" in ftwb("deployment", "list").out


def test_a_deployment_is_deleted_after_a_yes(ftwb: Ftwb, arm: FakeArm) -> None:
    arm.add("mine", MODEL)
    assert ftwb("deployment", "delete", "mine").code == 2
    assert ftwb("deployment", "delete", "mine", "--yes", "--json").json["deleted"] is True
    assert not arm.deployments
    assert ftwb("deployment", "delete", "mine", "--yes").code == 1


@pytest.mark.parametrize(
    ("model", "form"),
    [("gpt-oss-20b.ft-0", "Microsoft"), ("Ministral-3B.ft-0", "Mistral AI"), ("Llama-3.3-70B-Instruct.ft-0", "Meta"),
     ("Qwen-32B.ft-0", "Alibaba"), ("ftchkpt-0", "OpenAI")],
)  # fmt: skip
def test_the_format_is_that_of_the_family(ftwb: Ftwb, arm: FakeArm, model: str, form: str) -> None:
    ran = ftwb("deployment", "create", model, "--name", "x", "--dry-run", "--json")
    assert ran.json["body"]["properties"]["model"]["format"] == form


def test_what_is_missing_is_one_sentence(ftwb: Ftwb, monkeypatch: pytest.MonkeyPatch) -> None:
    ran = ftwb("deployment", "list")
    assert (ran.code, "does not name the resource" in ran.err) == (2, True)
    assert "has no deployments" in ftwb("deployment", "list", "--profile", "openai").err
    ftwb("profile", "add", "azure", "--resource-id", RESOURCE)
    ftwb("config", "set", "profiles.azure.settings.arm.token_command", "no-such-program-here token")
    assert "no-such-program-here is not installed" in ftwb("deployment", "list").err
    ftwb("config", "set", "profiles.azure.settings.arm.tokn_env", "X")
    assert "settings.arm.tokn_env" in ftwb("deployment", "list").err
    assert ftwb("deployment", "create", MODEL, "--name", "a/b", "--yes").code == 2


def test_a_next_page_elsewhere_gets_no_token(ftwb: Ftwb, arm: FakeArm, monkeypatch: pytest.MonkeyPatch) -> None:
    with FakeArm() as other:
        monkeypatch.setattr(arm, "listed", lambda _skip: json.loads(f'{{"value": [], "nextLink": "{other.url}/x"}}'))
        assert ftwb("deployment", "list").code == 0
        assert not other.requests


def test_the_one_profile_that_names_its_resource_is_meant_where_none_is_named(ftwb: Ftwb) -> None:
    """Whoever calls their profile otherwise need not name it each time; with two of them it is said again."""
    ftwb("profile", "add", "mine", "--replay", "azure")
    ran = ftwb("deployment", "list", "--json")
    assert (ran.code, bool(ran.json["deployments"])) == (0, True), ran.err
    ftwb("profile", "add", "other", "--replay", "azure")
    ran = ftwb("deployment", "list")
    assert ran.code != 0
    assert "azure" in ran.err
