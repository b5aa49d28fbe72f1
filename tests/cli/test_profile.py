"""`ftwb profile`: added without its key, tried without spending, removed."""

from __future__ import annotations

import json
import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Ran
from workbench.testing.fake_provider import FakeProvider

Ftwb = Callable[..., Ran]


def test_a_profile_is_added_tried_and_removed(ftwb: Ftwb, monkeypatch: pytest.MonkeyPatch) -> None:
    with FakeProvider() as fake:
        added = ftwb("profile", "add", "mine", "--url", fake.base_url, "--key-env", "MINE_KEY", "--json")
        assert (added.code, added.json["missing"]) == (0, "profile mine needs MINE_KEY")
        refused = ftwb("profile", "test", "mine")
        assert (refused.code, "needs MINE_KEY" in refused.err) == (1, True)
        monkeypatch.setenv("MINE_KEY", fake.api_key or "")
        tried = ftwb("profile", "test", "mine", "--json")
        assert tried.code == 0
        assert [(call["call"], call["ok"]) for call in tried.json["calls"]] == [
            ("models", True),
            ("jobs", True),
            ("files", True),
        ]
        assert tried.json["models"][0]["id"] == "gpt-4.1-mini-2025-04-14"
        assert all(request.method == "GET" for request in fake.requests), "it only looks"
    assert ftwb("profile", "remove", "mine", "--json").json == {"name": "mine", "removed": True}
    assert "mine" not in {one["name"] for one in ftwb("profile", "list", "--json").json["profiles"]}


def test_what_does_not_answer_is_told_call_by_call(ftwb: Ftwb, provider: FakeProvider) -> None:
    provider.fail("/fine_tuning/jobs", status=404, body={"detail": "Not Found"})
    provider.fail("/files", status=200, body="<html>a proxy</html>")
    tried = ftwb("profile", "test", "openai", "--json")
    assert tried.code == 3
    told = {call["call"]: (call["ok"], call["detail"]) for call in tried.json["calls"]}
    assert told["models"] == (True, "1 models, 0 of them tuned")
    assert told["jobs"][0] is False
    assert "Not Found" in told["jobs"][1]
    assert "not in the shape" in told["files"][1]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("Mine",), "is no name for a profile"),
        (("mine",), "has no address"),
        (("mine", "--url", "example.com/v1"), "does not start with https://"),
        (("mine", "--url", "https://"), "names no server; give the whole address"),
        (("mine", "--url", "https://[::1/v1"), "names no server"),
        (("mine", "--url", "https://host:port/v1"), "names no server"),
        (("mine", "--url", "https://user:secret@example.com/v1"), "holds a user name"),
        (("mine", "--url", "https://x/v1", "--key-env", "sk-proj-top-secret"), "name the variable, not the key"),
        (("mine", "--url", "https://x/v1", "--key-env", "hf_topsecret1234"), "seems to be given itself"),
        (("mine", "--url", "https://x/v1", "--key-command", "echo sk-proj-top-secret"), "seems to be given itself"),
        (("mine", "--url", "https://x/v1", "--entra"), "are for azure"),
        (("mine", "--kind", "azure", "--resource-id", "my-resource"), "is no resource id"),
        (("openai", "--kind", "azure"), "is openai out of the box"),
        (("mine", "--url", "https://x/v1", "--concurrency", "0"), "is no whole number from 1 up; 4 is usual"),
    ],
)
def test_what_cannot_be_a_profile_is_refused_and_no_secret_repeated(
    ftwb: Ftwb, tmp_path: Path, arguments: tuple[str, ...], said: str
) -> None:
    ran = ftwb("profile", "add", *arguments)
    assert (ran.code, said in ran.err) == (2, True), ran.err
    kept = "".join(path.read_text() for path in (tmp_path / "home").rglob("*.toml"))
    assert "secret" not in ran.err + ran.out + kept


def test_a_profile_out_of_the_box_is_changed_and_put_back(ftwb: Ftwb) -> None:
    assert ftwb("profile", "add", "openai", "--key-env", "OTHER_KEY", "--json").json["kind"] == "openai"
    twice = ftwb("profile", "add", "openai", "--key-env", "THIRD")
    assert (twice.code, "--replace" in twice.err) == (2, True)
    assert ftwb("profile", "add", "openai", "--key-env", "THIRD", "--replace").code == 0
    assert "THIRD" in ftwb("profile", "list").out
    assert "comes with ftwb again" in ftwb("profile", "remove", "openai").out
    assert ftwb("profile", "remove", "openai").code == 2
    assert ftwb("profile", "remove", "nobody").code == 1


@pytest.fixture
def identity(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A stand-in for azure-identity; returns the scopes that it was asked for."""
    asked: list[str] = []
    module: Any = types.ModuleType("azure.identity")
    module.__spec__ = types.SimpleNamespace(name="azure.identity")
    module.DefaultAzureCredential = lambda: object()

    def provider(_credential: object, scope: str) -> Callable[[], str]:
        asked.append(scope)
        return lambda: "entra-token-0123456789"

    module.get_bearer_token_provider = provider
    monkeypatch.setitem(sys.modules, "azure", types.ModuleType("azure"))
    monkeypatch.setitem(sys.modules, "azure.identity", module)
    return asked


def test_azure_with_an_entra_token_needs_no_key(
    ftwb: Ftwb, identity: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with FakeProvider(flavour="azure", api_key="entra-token-0123456789") as fake:
        monkeypatch.setenv("AZURE_OPENAI_ENDPOINT", fake.endpoint)
        assert ftwb("profile", "add", "azure", "--entra", "--json").json["missing"] is None
        assert ftwb("profile", "test", "azure").code == 0
        assert identity == ["https://cognitiveservices.azure.com/.default"]
        assert {request.headers["authorization"] for request in fake.requests} == {"Bearer entra-token-0123456789"}


def test_entra_without_its_package_or_a_sign_in_is_said(
    ftwb: Ftwb, identity: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AZURE_OPENAI_ENDPOINT", "https://r.openai.azure.com")
    ftwb("profile", "add", "azure", "--entra")

    def nobody() -> str:
        raise RuntimeError("DefaultAzureCredential failed to retrieve a token\nAttempted credentials:\n…")

    monkeypatch.setattr(sys.modules["azure.identity"], "get_bearer_token_provider", lambda *_: nobody)
    tried = ftwb("profile", "test", "azure")
    assert (tried.code, "az login" in tried.out, "Attempted" in tried.out) == (3, True, False)
    monkeypatch.setitem(sys.modules, "azure.identity", None)
    assert "pip install 'ftwb[azure]'" in json.dumps(ftwb("profile", "list", "--json").json)


def test_a_dry_run_says_eligibility_and_price_and_creates_nothing(
    ftwb: Ftwb, provider: FakeProvider, chat_file: Callable[..., Path]
) -> None:
    train = str(chat_file("train.jsonl", *((f"How much is {n} and 1?", str(n + 1)) for n in range(12))))
    words = ("job", "create", "--profile", "openai", "--model", "gpt-4.1-mini-2025-04-14", "--train", train)
    ran = ftwb(*words, "--dry-run", "--json")
    assert (ran.code, ran.json["eligible"], ran.json["needs_yes"]) == (3, False, True)
    assert {"training", "account", "data"} <= {one["check"] for one in ran.json["eligibility"]}
    assert ran.json["cost"]["origin"] == "estimated"
    assert provider.jobs == [] and provider.uploads == {}
    assert "training_not_available" in ftwb(*words, "--dry-run").out


@pytest.mark.parametrize(
    ("tier", "said"),
    [
        (None, "tokens x 5.5 USD per 1M tokens, Azure Retail Prices API"),
        ("Standard", "tokens x 5.5 USD per 1M tokens, Azure Retail Prices API"),
        ("GlobalStandard", "tokens x 5 USD per 1M tokens, Azure Retail Prices API"),
        ("developerTier", "tokens x 2.5 USD per 1M tokens, Azure Retail Prices API"),
        ("lunar", "price: not measured: no price is known for the tier lunar"),
    ],
)
def test_azures_price_is_that_of_the_tier_with_source_and_day_and_with_the_hosting_that_follows(
    ftwb: Ftwb, monkeypatch: pytest.MonkeyPatch, chat_file: Callable[..., Path], tier: str | None, said: str
) -> None:
    """Where no tier is named, Azure takes Standard, which is the dearest."""
    train = str(chat_file("train.jsonl", *((f"How much is {n} and 1?", str(n + 1)) for n in range(12))))
    with FakeProvider(flavour="azure") as fake:
        for name, value in fake.environ.items():
            monkeypatch.setenv(name, value)
        words = ["job", "create", "--profile", "azure", "--model", "gpt-4.1-mini-2025-04-14", "--train", train]
        ran = ftwb(*words, *(["--set", f"trainingType={tier}"] if tier else []), "--dry-run")
        asked = ftwb(*words)
    assert said in ran.out
    assert "price of hosting: 1.70 USD per hour (quoted): Azure Retail Prices API" in ran.out
    assert ", as of 2026-08-11" in ran.out
    assert "as of 2026-07-07: MicrosoftDocs/azure-ai-docs" in ran.out, "where the dates of the model come from"
    assert asked.code == 2 and "as of 2026-08-11" in asked.err and "price of hosting: 1.70" in asked.err


def test_what_speaks_against_a_job_is_said_before_its_price(
    ftwb: Ftwb, provider: FakeProvider, chat_file: Callable[..., Path]
) -> None:
    train = str(chat_file("train.jsonl", *((f"How much is {n} and 1?", str(n + 1)) for n in range(12))))
    ran = ftwb("job", "create", "--profile", "openai", "--model", "gpt-4.1-mini-2025-04-14", "--train", train)
    assert ran.code == 2
    assert 0 < ran.err.index("training_not_available") < ran.err.index("price:")


def test_a_model_without_its_version_is_answered_with_the_versions(
    ftwb: Ftwb, monkeypatch: pytest.MonkeyPatch, chat_file: Callable[..., Path]
) -> None:
    train = str(chat_file("train.jsonl", *((f"How much is {n} and 1?", str(n + 1)) for n in range(12))))
    said = "The specified base model does not support fine-tuning. Available versions: 2025-04-14, 2024-08-06"
    with FakeProvider(flavour="azure") as fake:
        for name, value in fake.environ.items():
            monkeypatch.setenv(name, value)
        fake.fail("/jobs", method="POST", status=400, body={"error": {"code": "invalidPayload", "message": said}})
        ran = ftwb("job", "create", "--profile", "azure", "--model", "gpt-4.1-mini", "--train", train, "--yes")
    assert (ran.code, "one of these versions: 2025-04-14, 2024-08-06" in ran.err) == (1, True)


def test_a_recording_is_a_profile_and_each_of_its_figures_says_so(ftwb: Ftwb, chat_file: Callable[..., Path]) -> None:
    added = ftwb("profile", "add", "demo", "--replay", "openai", "--json")
    assert (added.json["kind"], added.json["missing"]) == ("openai", None)
    assert "replays openai" in ftwb("profile", "list").out
    assert ftwb("profile", "test", "demo").code == 0
    train = str(chat_file("train.jsonl", *((f"How much is {n} and 1?", str(n + 1)) for n in range(12))))
    words = ("job", "create", "--profile", "demo", "--model", "gpt-4.1-mini-2025-04-14", "--train", train, "--json")
    assert ftwb(*words, "--dry-run").json["cost"]["origin"] == "recorded"
    made = ftwb(*words)
    assert (made.code, made.json["status"]) == (0, "validating_files"), "it costs nothing, so nothing is asked"
    assert ftwb("job", "show", made.json["id"], "--json").json["profile"] == "demo", "the next process knows it"
    said = ftwb("chat", "--model", "demo/gpt-4.1-mini-2025-04-14", "Add 2 and 2.", "--json").json
    assert (said["text"], said["cost"]["origin"]) == ("4", "recorded")
    (model,) = ftwb("rescue", "--profile", "demo", "--json").json["models"]
    assert {"events", "results", "training file"} <= set(model["saved"])
    assert ftwb("profile", "add", "other", "--replay", "nope").code == 2
    assert ftwb("profile", "add", "other", "--replay", "openai", "--kind", "azure").code == 2


def test_an_edit_changes_only_what_is_given_and_an_empty_value_clears(ftwb: Ftwb) -> None:
    ftwb("profile", "add", "mine", "--url", "https://a.example/v1", "--key-env", "MINE_KEY", "--concurrency", "2")
    ftwb("config", "set", "profiles.mine.settings.note", "kept")
    ran = ftwb("profile", "edit", "mine", "--key-env", "", "--key-command", "pass show mine", "--json")
    assert (ran.code, ran.json["key_from"]) == (0, "the command `pass show mine`")
    assert (ran.json["base_url"], ran.json["concurrency"], ran.json["missing"]) == ("https://a.example/v1", 2, None)
    assert ftwb("config", "get", "profiles.mine.settings.note").out.strip() == '"kept"'
    assert ftwb("profile", "edit", "openai", "--key-env", "OTHER", "--json").json["key_from"] == "the variable OTHER"
    assert "OPENAI_API_KEY" in ftwb("profile", "edit", "openai", "--key-env", "", "--json").json["key_from"], (
        "as shipped"
    )
    assert ftwb("profile", "edit", "mine", "--url", "nowhere").code == 2
    assert ftwb("profile", "edit", "nobody", "--url", "https://a.example/v1").code == 1


def test_entra_can_be_taken_back(ftwb: Ftwb) -> None:
    assert ftwb("profile", "edit", "azure", "--entra", "--json").json["auth"] == "entra"
    assert ftwb("profile", "edit", "azure", "--no-entra", "--json").json["auth"] == "key"


def test_a_profile_is_shown_without_any_secret_of_a_hand_written_file(ftwb: Ftwb, tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir(parents=True, exist_ok=True)
    (home / "config.toml").write_text(
        '[profiles.mine]\nbase_url = "https://me:hunter2@example.com/v1"\n'
        'api_key_command = "echo sk-proj-abcdefghijklmnopqrstuvwx"\n'
    )
    asked = [
        ("profile", *words) for words in (("show", "mine"), ("show", "mine", "--json"), ("list",), ("list", "--json"))
    ]
    for command in (*asked, ("config", "list"), ("config", "list", "--json")):
        said = ftwb(*command).out
        assert "example.com" in said and "hunter2" not in said and "abcdefghij" not in said
    shown = ftwb("profile", "show", "mine").out
    assert "trains      sft" in shown and "key         the command `echo ***`" in shown
    assert ftwb("profile", "show", "mine", "--json").json["capabilities"]["jobs"] is True
    key = "profiles.mine.api_key_command"
    assert "abcdefghij" not in ftwb("config", "get", key).out
    refused = ftwb("config", "set", key, "echo sk-proj-zyxwvutsrq")
    assert (refused.code, "seems to hold the key itself" in refused.err, "zyxw" in refused.err) == (2, True, False)
