"""`ftwb job create --then-evaluate` and `ftwb job evaluate`: asked, priced, done, and told."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.conftest import Ran
from workbench.testing.fake_provider import FakeProvider

Ftwb = Callable[..., Ran]
MODEL = "gpt-4.1-mini-2025-04-14"
PAIRS = [(f"is {n} even?", "yes" if n % 2 == 0 else "no") for n in range(12)]


@pytest.fixture
def data(ftwb: Ftwb, chat_file: Callable[..., Path], tmp_path: Path) -> str:
    """The open project has a test set, a validation side and one candidate at the provider; returns training data."""
    sides = {side: str(chat_file(f"{side}.jsonl", *PAIRS)) for side in ("test", "validation")}
    ftwb("project", "list")
    document = tmp_path / "home" / "projects" / "default" / "project.toml"
    lines = "".join(f'{side} = "{path}"\n' for side, path in sides.items())
    document.write_text(
        f'schema_version = 1\ncandidates = ["openai/{MODEL}"]\n[task]\nscorer = "exact"\nmax_tokens = 8\n{lines}'
    )
    return str(chat_file("train.jsonl", *[(f"is {n} odd?", "no") for n in range(12)]))


def create(data: str, *more: str) -> tuple[str, ...]:
    return ("job", "create", "--profile", "openai", "--model", MODEL, "--train", data, *more)


def chats(provider: FakeProvider) -> int:
    return sum(one.path.endswith("/chat/completions") for one in provider.requests)


def finish_soon(provider: FakeProvider) -> threading.Thread:
    """Lets the job that is about to be created succeed."""

    def finish() -> None:
        while not provider.jobs:
            time.sleep(0.01)
        provider.finish(provider.jobs[-1]["id"])

    thread = threading.Thread(target=finish)
    thread.start()
    return thread


def test_a_wish_is_priced_agreed_to_and_recorded(ftwb: Ftwb, provider: FakeProvider, data: str) -> None:
    """The dry run tells its price; without a yes neither job nor wish; the price is the ceiling unless one is given."""
    told = ftwb(*create(data, "--then-evaluate", "--dry-run", "--json")).json["after_training"]
    assert told["calls"] == 2 * 12 + 2 * 64 and told["needs_yes"] and told["cost"]["value"] > 0
    assert "after_training" in ftwb(*create(data, "--dry-run", "--json")).json
    refused = ftwb(*create(data, "--then-evaluate", "--json"))
    assert refused.code == 2 and "then measure its model for at most" in refused.json["error"]["message"]
    assert "price of measuring: " in refused.err and not provider.jobs
    made = ftwb(*create(data, "--then-evaluate", "--yes", "--json")).json
    wish = made["after_training"]
    assert (wish["state"], wish["checkpoints"], wish["job"]) == ("asked", False, made["id"])
    assert wish["max_cost"] == told["cost"]["value"]
    given = ftwb(*create(data, "--then-evaluate", "--then-checkpoints", "--then-limit", "4", "--max-cost", "0.5",
                         "--yes", "--json")).json["after_training"]  # fmt: skip
    assert (given["checkpoints"], given["limit"], given["max_cost"]) == (True, 4, 0.5)
    assert ftwb(*create(data, "--yes", "--json")).json["after_training"] is None
    assert "then            asked: measured when" in ftwb("job", "show", made["id"]).out


def test_a_flag_that_would_do_nothing_is_refused(ftwb: Ftwb, provider: FakeProvider, data: str) -> None:
    for flag in (("--then-checkpoints",), ("--then-limit", "3"), ("--then-regression", data), ("--max-cost", "1")):
        refused = ftwb(*create(data, *flag, "--yes"))
        assert refused.code == 2 and f"ftwb: {flag[0]}: says something of --then-evaluate" in refused.err
    assert not provider.jobs


def test_what_cannot_be_measured_creates_no_job(ftwb: Ftwb, provider: FakeProvider, data: str) -> None:
    refused = ftwb(*create(data, "--then-evaluate", "--then-regression", "nowhere.jsonl", "--yes"))
    assert refused.code == 1 and "nowhere.jsonl" in refused.err and not provider.jobs


def test_with_wait_it_is_done_in_the_same_command(ftwb: Ftwb, provider: FakeProvider, data: str) -> None:
    """The job's document says so, and the verdict is the one after training."""
    thread = finish_soon(provider)
    ran = ftwb(*create(data, "--then-evaluate", "--then-checkpoints", "--then-limit", "6", "--yes", "--wait", "--json"))
    thread.join()
    assert ran.code == 0, ran.err
    wish = ran.json["after_training"]
    assert (wish["state"], wish["verdict"]) == ("done", "not-enough-evidence")
    assert "measuring the test set" in ran.err
    decided = ftwb("decide", "--json").json
    assert decided["stage"] == "after-training"
    assert (
        f"then            done: the verdict is not enough evidence ({wish['chosen']} on"
        in ftwb("job", "show", ran.json["id"]).out
    )


def test_a_training_that_failed_drops_it(ftwb: Ftwb, provider: FakeProvider, data: str) -> None:
    def fail() -> None:
        while not provider.jobs:
            time.sleep(0.01)
        provider.end_with("failed", provider.jobs[-1]["id"], error={"message": "bad data", "code": "bad"})

    thread = threading.Thread(target=fail)
    thread.start()
    ran = ftwb(*create(data, "--then-evaluate", "--yes", "--wait", "--json"))
    thread.join()
    assert ran.code == 1 and ran.json["after_training"]["state"] == "dropped"
    assert ran.json["after_training"]["why"] == "the training failed (bad data)" and not chats(provider)


def test_asked_later_taken_back_and_done_at_once(ftwb: Ftwb, provider: FakeProvider, data: str) -> None:
    """For a job that is there already: asked while it trains, done where it has ended."""
    job = ftwb(*create(data, "--yes", "--json")).json["id"]
    assert ftwb("job", "evaluate", job).code == 2, "it can cost money"
    assert ftwb("job", "evaluate", job, "--drop").code == 2, "nothing was asked"
    asked = ftwb("job", "evaluate", job, "--limit", "6", "--yes", "--json").json["after_training"]
    assert (asked["state"], asked["limit"]) == ("asked", 6)
    assert ftwb("job", "evaluate", job, "--drop", "--json").json["after_training"]["state"] == "dropped"
    provider.finish(job)
    done = ftwb("job", "evaluate", job, "--limit", "6", "--yes", "--json")
    assert done.code == 0 and done.json["after_training"]["state"] == "done"
    paid = chats(provider)
    again = ftwb("job", "evaluate", job, "--limit", "6", "--json")
    assert again.code == 0 and chats(provider) == paid, "every answer is there: no yes is needed"


def test_what_could_not_be_done_says_why_and_goes_on_when_asked_again(
    ftwb: Ftwb, provider: FakeProvider, data: str
) -> None:
    job = ftwb(*create(data, "--yes", "--json")).json["id"]
    provider.finish(job)
    stopped = ftwb("job", "evaluate", job, "--max-cost", "0.0001", "--yes", "--json")
    assert stopped.code == 1 and stopped.json["after_training"]["state"] == "could-not"
    assert f"ftwb: measuring after job {job}: run " in stopped.err and "stopped at the ceiling" in stopped.err
    done = ftwb("job", "evaluate", job, "--yes", "--json")
    assert done.code == 0 and done.json["after_training"]["run"] == stopped.json["after_training"]["run"]


def test_own_questions_of_general_ability(
    ftwb: Ftwb, provider: FakeProvider, data: str, chat_file: Callable[..., Path]
) -> None:
    """`evaluate --regression FILE` asks those of the file in place of the bundled ones."""
    job = ftwb(*create(data, "--yes", "--json")).json["id"]
    provider.finish(job)
    tuned = f"openai/{ftwb('job', 'show', job, '--json').json['fine_tuned_model']}"
    own = str(chat_file("own.jsonl", ("capital of France?", "Paris"), ("2 + 2?", "4")))
    ran = ftwb("evaluate", "--candidate", tuned, "--regression", own, "--yes", "--json").json
    assert (ran["regression"]["items"], ran["regression"]["task"]["test"]) == (2, own)
    sent = [one.json["messages"][-1]["content"] for one in provider.requests if one.path.endswith("/chat/completions")]
    assert "capital of France?" in sent
    assert json.dumps(ran["regression"]["scorer"]) == '"contains"'
