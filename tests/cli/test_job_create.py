"""`ftwb job create`: like an earlier job, with a grader, reporting to W&B, large files told on their way."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Ran
from tests.engine.openai_spec import check
from workbench.testing.fake_provider import FakeProvider

Ftwb = Callable[..., Ran]
MODEL = "gpt-4.1-mini-2025-04-14"


@pytest.fixture
def train(chat_file: Callable[..., Path]) -> str:
    return str(chat_file("train.jsonl", *((f"How much is {n} and 1?", str(n + 1)) for n in range(12))))


def arrived(provider: FakeProvider) -> Any:
    found = [r.json for r in provider.requests if r.method == "POST" and r.path.endswith("/fine_tuning/jobs")]
    return check("CreateFineTuningJobRequest", found[-1])


def test_like_an_earlier_job_with_changes(ftwb: Ftwb, provider: FakeProvider, train: str) -> None:
    """The same data without sending it again, the same settings but for those that are given."""
    first = ftwb(
        "job", "create", "--profile", "openai", "--model", MODEL, "--train", train, "--suffix", "mine", "--seed", "7",
        "--set", "n_epochs=2", "--set", "batch_size=4", "--yes", "--json",
    )  # fmt: skip
    assert first.code == 0, first.err
    before = arrived(provider)
    provider.end_with("failed")
    ran = ftwb(
        "job", "create", "--like", first.json["id"], "--set", "n_epochs=5", "--unset", "batch_size", "--seed", "8",
        "--yes", "--json",
    )  # fmt: skip
    assert ran.code == 0, ran.err
    sent = arrived(provider)
    assert sent["method"] == {"type": "supervised", "supervised": {"hyperparameters": {"n_epochs": 5}}}
    assert (sent["model"], sent["suffix"], sent["seed"]) == (MODEL, "mine", 8)
    assert sent["training_file"] == before["training_file"]
    assert sum(r.method == "POST" and r.path.endswith("/files") for r in provider.requests) == 1
    assert ran.json["id"] != first.json["id"]


def test_a_continued_job_begins_at_a_checkpoint(ftwb: Ftwb, provider: FakeProvider, train: str) -> None:
    created = ("job", "create", "--profile", "openai", "--model", MODEL, "--train", train, "--yes", "--json")
    first = ftwb(*created).json["id"]
    provider.finish()
    (newest, *_) = ftwb("job", "checkpoints", first, "--json").json["checkpoints"]
    name = newest["fine_tuned_model_checkpoint"]
    assert ftwb("job", "create", "--like", first, "--model", name, "--yes", "--json").code == 0
    assert arrived(provider)["model"] == name


def test_reinforcement_with_a_grader_from_a_file(
    ftwb: Ftwb, provider: FakeProvider, train: str, tmp_path: Path
) -> None:
    grader = {"type": "string_check", "name": "g", "input": "{{sample.output_text}}", "reference": "1"}
    (tmp_path / "grader.json").write_text(json.dumps(grader))
    command = (
        "job", "create", "--profile", "openai", "--model", "o4-mini-2025-04-16", "--train", train, "--validation",
        train, "--method", "reinforcement", "--set", "reasoning_effort=low", "--yes", "--json",
    )  # fmt: skip
    ran = ftwb(*command)
    assert (ran.code, ran.json["error"]["message"]) == (2, "method reinforcement: needs a grader")
    ran = ftwb(*command, "--grader", str(tmp_path / "grader.json"))
    assert "lacks 'operation'" in ran.json["error"]["message"]
    (tmp_path / "grader.json").write_text(json.dumps({**grader, "operation": "eq"}))
    assert ftwb(*command, "--grader", str(tmp_path / "grader.json")).code == 0
    inner = arrived(provider)["method"]["reinforcement"]
    assert inner == {"grader": {**grader, "operation": "eq"}, "hyperparameters": {"reasoning_effort": "low"}}


def test_a_job_reports_to_wandb_where_the_profile_can(ftwb: Ftwb, provider: FakeProvider, train: str) -> None:
    options = ("--wandb", "team/tickets", "--wandb-name", "run 1", "--wandb-tag", "a", "--wandb-tag", "b")
    created = ("job", "create", "--profile", "openai", "--model", MODEL, "--train", train, "--yes", "--json")
    ran = ftwb(*created, *options)
    wandb = {"project": "tickets", "entity": "team", "name": "run 1", "tags": ["a", "b"]}
    assert arrived(provider)["integrations"] == [{"type": "wandb", "wandb": wandb}]
    assert ran.json["integrations"] == [{"type": "wandb", "wandb": wandb}]
    shown = ftwb("job", "show", ran.json["id"]).out
    assert "wandb team/tickets (run 1)" in shown
    assert ftwb("job", "create", "--like", ran.json["id"], "--yes", "--json").code == 0
    assert arrived(provider)["integrations"] == [{"type": "wandb", "wandb": wandb}], "a clone keeps it"
    refused = ftwb("job", "create", "--profile", "local", "--train", train, "--wandb", "tickets", "--json")
    assert refused.code == 2
    assert refused.json["error"]["message"].startswith("profile local: reports to no other service")


def test_wandb_can_be_said_with_set_too(ftwb: Ftwb, provider: FakeProvider, train: str) -> None:
    given = 'integrations=[{"type": "wandb", "wandb": {"project": "p"}}]'
    created = ("job", "create", "--profile", "openai", "--model", MODEL, "--train", train, "--yes", "--json")
    assert ftwb(*created, "--set", given).code == 0
    assert arrived(provider)["integrations"] == [{"type": "wandb", "wandb": {"project": "p"}}]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ((), "has no training file"),
        (("--train", "x.jsonl", "--unset", "n_epochs"), "--unset: is only for --like"),
        (("--train", "x.jsonl", "--wandb-name", "n"), "are only for --wandb"),
        (("--train", "x.jsonl", "--wandb", "a/b/c"), "neither PROJECT nor ENTITY/PROJECT"),
    ],
)
def test_options_that_do_not_go_together_are_said(ftwb: Ftwb, options: tuple[str, ...], said: str) -> None:
    ran = ftwb("job", "create", *options)
    assert ran.code == 2
    assert said in ran.err


def test_a_large_upload_is_told_on_its_way(ftwb: Ftwb, provider: FakeProvider, train: str, tmp_path: Path) -> None:
    (tmp_path / "home").mkdir(exist_ok=True)
    (tmp_path / "home" / "config.toml").write_text(
        "[profiles.openai.settings.capabilities]\npart_bytes = 500000\n", "utf-8"
    )
    large = tmp_path / "large.jsonl"
    large.write_text(Path(train).read_text() * 1500)
    ran = ftwb("job", "create", "--profile", "openai", "--model", MODEL, "--train", str(large), "--yes")
    assert ran.code == 0, ran.err
    assert "uploading large.jsonl" in ran.err
    assert sum(r.path.endswith("/parts") for r in provider.requests) >= 2
    assert list(provider.uploads.values()) == [large.read_bytes()]
