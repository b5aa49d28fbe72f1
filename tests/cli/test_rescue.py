"""`ftwb rescue`: everything of fine-tuned models comes home, the provider is only read, and what broke off goes on."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Ran
from workbench.testing.fake_provider import FakeProvider

Ftwb = Callable[..., Ran]
MODEL = "gpt-4.1-mini-2025-04-14"
CSV = "step,train_loss,train_accuracy,valid_loss,valid_mean_token_accuracy\n1,2.0,0.5,,\n2,1.0,0.7,1.1,0.6\n"


def trained(fake: FakeProvider, records: bytes, *, suffix: str = "x", **body: Any) -> str:
    """A finished job of somebody who never used ftwb; returns its model."""
    made = fake._files.add("train.jsonl", records, "fine-tune")
    fake._work.create({"model": MODEL, "training_file": made["id"], "suffix": suffix, **body})
    fake.finish()
    fake.add_result(CSV)
    return str(fake.jobs[-1]["fine_tuned_model"])


@pytest.fixture
def records(chat_file: Callable[..., Path]) -> bytes:
    return chat_file("theirs.jsonl", *((f"How much is {n} and 1?", str(n + 1)) for n in range(12))).read_bytes()


@pytest.fixture
def model(provider: FakeProvider, records: bytes) -> Iterator[str]:
    """One fine-tuned model, of a job with chosen epochs."""
    method = {"type": "supervised", "supervised": {"hyperparameters": {"n_epochs": 4}}}
    yield trained(provider, records, suffix="mine", method=method)


def reads_only(fake: FakeProvider) -> bool:
    return {request.method for request in fake.requests} == {"GET"}


def test_the_days_left_come_from_the_provider_else_from_the_catalogue(
    ftwb: Ftwb, provider: FakeProvider, model: str, records: bytes
) -> None:
    soon = (date.today() + timedelta(days=9)).isoformat()
    dying = trained(provider, records, suffix="dying")
    provider.add_model(dying, shutdown_date=soon)
    ran = ftwb("rescue", "--list", "--json")
    assert ran.code == 0
    first, second = ran.json["models"]
    assert (first["id"], first["retires"], first["days_left"], first["saved"]) == (dying, soon, 9, [])
    assert (second["id"], second["base"], second["retires"]) == (model, MODEL, "2027-01-14")
    assert second["days_left"] == (date(2027, 1, 14) - date.today()).days
    assert "deprecations" in second["source"]
    assert not any(request.path.endswith(("/events", "/content")) for request in provider.requests), "only lists"


def test_everything_of_a_job_comes_home(
    ftwb: Ftwb, provider: FakeProvider, model: str, records: bytes, tmp_path: Path
) -> None:
    ran = ftwb("rescue", "--json")
    assert ran.code == 0, ran.err
    (found,) = ran.json["models"]
    assert found["saved"] == ["job", "events", "checkpoints", "results", "training file"]
    assert found["missing"] == []
    home = tmp_path / "home"
    folder = home / "jobs" / "openai" / found["job"]
    assert (folder / next(folder.glob("result-*.csv")).name).read_text() == CSV, "out of base64"
    assert len((folder / "checkpoints.jsonl").read_text().splitlines()) == 3
    events = [json.loads(line) for line in (folder / "events.jsonl").read_text().splitlines()]
    assert events[-1]["message"] == f"New fine-tuned model created: {model}"
    assert records in [path.read_bytes() for path in (home / "data").iterdir()]
    assert reads_only(provider)


def test_a_second_rescue_fetches_nothing_again(ftwb: Ftwb, provider: FakeProvider, model: str) -> None:
    ftwb("rescue")
    provider.requests.clear()
    assert ftwb("rescue", "--json").json["models"][0]["saved"]
    assert [request.path for request in provider.requests] == ["/v1/models", "/v1/fine_tuning/jobs"]


@pytest.mark.parametrize("trouble", ["/content", "/events", "/checkpoints"])
def test_what_is_refused_is_told_and_the_rest_is_saved(
    ftwb: Ftwb, provider: FakeProvider, model: str, trouble: str
) -> None:
    body = {"error": {"message": "Not allowed to download files of purpose: fine-tune", "code": None}}
    provider.fail(trouble, status=400, body=body, times=9)
    (found,) = ftwb("rescue", "--json").json["models"]
    assert "job" in found["saved"]
    if trouble == "/content":
        assert any("Not allowed to download" in why for why in found["missing"])
        assert "checkpoints" in found["saved"] and "training file" not in found["saved"]
    provider._faults.clear()
    (found,) = ftwb("rescue", "--json").json["models"]
    assert found["saved"] == ["job", "events", "checkpoints", "results", "training file"], "later all of it"


def test_a_connection_that_breaks_in_a_file_leaves_no_half_of_it(
    ftwb: Ftwb, provider: FakeProvider, model: str, tmp_path: Path
) -> None:
    provider.drop("/content", times=9)
    ran = ftwb("rescue", "--json")
    assert ran.code == 0
    assert "training file" not in ran.json["models"][0]["saved"]
    home = tmp_path / "home"
    assert not [path for path in home.rglob("*") if path.is_file() and path.suffix in (".csv", ".download")]
    assert not list(home.rglob(".saving-*"))


def test_a_key_that_is_refused_ends_it(ftwb: Ftwb, provider: FakeProvider, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-wrong-key-0123456789")
    ran = ftwb("rescue")
    assert (ran.code, "check OPENAI_API_KEY" in ran.err) == (1, True)
    monkeypatch.delenv("OPENAI_API_KEY")
    assert "needs OPENAI_API_KEY" in ftwb("rescue").err


def test_a_job_whose_model_is_gone_and_a_model_whose_job_is_gone_are_both_told(
    ftwb: Ftwb, provider: FakeProvider, model: str
) -> None:
    orphan = f"ft:{MODEL}:fake:orphan:12345678"
    provider.add_model(orphan)
    del provider._models[model]
    found = {one["id"]: one for one in ftwb("rescue", "--json").json["models"]}
    assert (found[model]["listed"], "job" in found[model]["saved"]) == (False, True)
    assert found[orphan]["missing"] == ["no job of it is listed any more"]


def test_the_commands_to_train_again_are_ready_to_be_run(
    ftwb: Ftwb, provider: FakeProvider, model: str, tmp_path: Path
) -> None:
    ran = ftwb("rescue", "--json")
    (again,) = ran.json["retrain"]
    assert again["local"].startswith("ftwb job create --profile local --model starter --train ")
    assert again["local"].endswith("--method sft --suffix mine --seed 7 --set n_epochs=4")
    assert f"--profile azure --model {MODEL} " in again["azure"]
    written = Path(ran.json["retrain_file"]).read_text()
    assert f"# {again['local']}" in written and model in written
    words = again["azure"].replace("azure", "openai").split()[1:]
    assert ftwb(*words, "--dry-run", "--json").json["eligible"] is True, "the command is one of ours"


def test_a_golden_set_is_answered_once_after_a_yes(
    ftwb: Ftwb, provider: FakeProvider, model: str, chat_file: Callable[..., Path], tmp_path: Path
) -> None:
    golden = str(chat_file("golden.jsonl", ("Capital of France?", "Paris"), ("Capital of Spain?", "Madrid")))
    refused = ftwb("rescue", "--golden", golden)
    assert (refused.code, "needs a yes" in refused.err) == (2, True)
    provider.replies = lambda body: f"says {body['messages'][-1]['content']}"
    provider.fail("/chat/completions", status=400)
    ran = ftwb("rescue", "--golden", golden, "--yes", "--json")
    assert ran.code == 1
    assert (ran.json["answers"][0]["answers"], ran.json["answers"][0]["failed"]) == (1, 1)
    ran = ftwb("rescue", "--golden", golden, "--yes", "--json")
    assert (ran.code, ran.json["answers"][0]["answers"]) == (0, 2)
    assert "answers" in ran.json["models"][0]["saved"]
    asked = [request for request in provider.requests if request.path.endswith("/chat/completions")]
    assert len(asked) == 3, "two questions, one of them twice"
    lines = [json.loads(line) for line in Path(ran.json["answers"][0]["path"]).read_text().splitlines()]
    assert {line["output"] for line in lines} == {"says Capital of France?", "says Capital of Spain?"}
    assert {line["reference"] for line in lines} == {"Paris", "Madrid"}
    provider.requests.clear()
    assert ftwb("rescue", "--golden", golden).code == 0, "nothing is left to ask, so nothing to agree to"


def test_azures_files_are_plain_and_its_models_last_longer(
    ftwb: Ftwb, monkeypatch: pytest.MonkeyPatch, records: bytes, tmp_path: Path
) -> None:
    with FakeProvider(flavour="azure") as fake:
        for name, value in fake.environ.items():
            monkeypatch.setenv(name, value)
        trained(fake, records)
        (found,) = ftwb("rescue", "--profile", "azure", "--json").json["models"]
    assert found["retires"] == "2027-10-14"
    folder = tmp_path / "home" / "jobs" / "azure" / found["job"]
    assert next(folder.glob("result-*.csv")).read_text() == CSV


def test_ids_from_a_server_name_no_file_elsewhere(
    ftwb: Ftwb, provider: FakeProvider, model: str, tmp_path: Path
) -> None:
    provider.jobs[-1]["result_files"] = ["../../../evil"]
    ran = ftwb("rescue", "--json")
    assert ran.code == 0
    assert not list(tmp_path.parent.rglob("*evil*"))


def test_no_models_is_said(ftwb: Ftwb, provider: FakeProvider) -> None:
    assert "no fine-tuned models" in ftwb("rescue").out
    assert ftwb("rescue", "--json").json["models"] == []
    assert ftwb("rescue", "--model", "x").code == 2


def test_a_key_is_in_nothing_that_is_kept_or_said(
    ftwb: Ftwb, provider: FakeProvider, model: str, chat_file: Callable[..., Path], tmp_path: Path
) -> None:
    key, golden = provider.api_key or "", str(chat_file("golden.jsonl", ("Capital of France?", "Paris")))
    echo = {"error": {"message": f"no such thing for {key}", "code": None}}
    provider.fail("/content", status=400, body=echo, times=2)
    said = [ftwb("rescue", "--golden", golden, "--yes", "--json", "--debug"), ftwb("rescue", "--debug")]
    assert key not in "".join(ran.out + ran.err for ran in said)
    kept = [
        path.read_bytes() for folder in ("home", "cache") for path in (tmp_path / folder).rglob("*") if path.is_file()
    ]
    assert kept and not any(key.encode() in content for content in kept)


def test_a_method_that_the_engine_has_not_gets_no_command(ftwb: Ftwb, provider: FakeProvider, records: bytes) -> None:
    trained(provider, records, method={"type": "dpo", "dpo": {"hyperparameters": {"beta": 0.2}}})
    (again,) = ftwb("rescue", "--json").json["retrain"]
    assert again["local"] is None and "locally: the engine has no method dpo" in again["why_not"]
    assert "--method dpo" in again["azure"] and "--set beta=0.2" in again["azure"]


def test_stored_completions_come_home_as_records(
    ftwb: Ftwb, provider: FakeProvider, model: str, tmp_path: Path
) -> None:
    provider.page_size = 2
    for number in range(5):
        provider.completions.add(model, f"How much is {number} and 1?", str(number + 1))
    provider.completions.add("gpt-4.1-mini-2025-04-14", "Not of a tuned model", "no")
    provider.fail("/messages", status=500, times=9)
    (first,) = ftwb("rescue", "--stored", "--json").json["stored"]
    assert (first["records"], "scripted failure" in first["why_not"]) == (0, True)
    provider._faults.clear()
    (stored,) = ftwb("rescue", "--stored", "--json").json["stored"]
    assert (stored["records"], stored["why_not"]) == (5, None)
    lines = [json.loads(line) for line in Path(stored["path"]).read_text().splitlines()]
    assert lines[0]["messages"] == [
        {"role": "user", "content": "How much is 0 and 1?"},
        {"role": "assistant", "content": "1"},
    ]
    assert ftwb("dataset", "check", stored["path"], "--json").json["errors"] == 0
    provider.requests.clear()
    assert ftwb("rescue", "--stored", "--json").json["stored"][0]["records"] == 5
    assert not any(request.path.endswith("/messages") for request in provider.requests), "not asked for again"
    assert reads_only(provider)


def test_a_provider_without_stored_completions_is_told(ftwb: Ftwb, provider: FakeProvider, model: str) -> None:
    provider.fail("/chat/completions", method="GET", status=404, body={"detail": "Not Found"})
    ran = ftwb("rescue", "--stored", "--json")
    assert (ran.code, ran.json["stored"][0]["why_not"]) == (0, "Not Found")


def test_stored_completions_become_one_new_dataset(
    ftwb: Ftwb, provider: FakeProvider, model: str, tmp_path: Path
) -> None:
    """`--stored-to`: of all models together, never over a file that is there, none where there is nothing."""
    path = tmp_path / "stored.jsonl"
    ran = ftwb("rescue", "--list", "--stored-to", str(path), "--json")
    assert (ran.code, ran.json["stored_file"], path.exists()) == (0, None, False)
    for number in range(3):
        provider.completions.add(model, f"q {number}", str(number))
    ran = ftwb("rescue", "--list", "--stored-to", str(path), "--json")
    assert (ran.code, ran.json["stored_file"]) == (0, str(path))
    assert ftwb("dataset", "check", str(path), "--json").json["records"] == 3
    provider.requests.clear()
    refused = ftwb("rescue", "--list", "--stored-to", str(path))
    assert (refused.code, "is there already" in refused.err) == (1, True)


def test_a_reinforced_model_is_trained_again_with_its_grader(
    ftwb: Ftwb, provider: FakeProvider, records: bytes
) -> None:
    """At Azure, which has the method and the base; what its job was graded by goes along."""
    grader = {"type": "string_check", "name": "g", "input": "i", "reference": "r", "operation": "eq"}
    method = {"type": "reinforcement", "reinforcement": {"grader": grader, "hyperparameters": {"n_epochs": 2}}}
    trained(provider, records, model="o4-mini-2025-04-16", method=method)
    provider.jobs[-1]["method"]["reinforcement"]["grader"] = grader
    (again,) = ftwb("rescue", "--json").json["retrain"]
    assert "--method reinforcement" in again["azure"]
    (given,) = (word for word in shlex.split(again["azure"]) if word.startswith("grader="))
    assert json.loads(given.removeprefix("grader=")) == grader
