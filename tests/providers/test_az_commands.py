"""Commands of Azure's own tools are whole: they can be pasted into a shell."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

from workbench.providers.az_commands import creation, deletion, job_command, submit_command
from workbench.providers.profiles import Profile
from workbench.providers.request import JobRequest


def test_a_file_is_deleted_where_the_profile_is() -> None:
    """At the address with the environment, a name quoted for the shell and for the address."""
    profile = Profile(name="azure", kind="azure")
    words = shlex.split(deletion(profile, "file", "file 1/x", {"AZURE_OPENAI_ENDPOINT": "https://r.openai.azure.com"}))
    assert words[:5] == ["az", "rest", "--method", "delete", "--url"]
    assert words[5] == "https://r.openai.azure.com/openai/v1/files/file%201%2Fx"
    assert words[6:] == ["--resource", "https://cognitiveservices.azure.com"]


def test_without_an_address_it_says_what_belongs_there() -> None:
    """A placeholder, not half a command."""
    assert "https://RESOURCE.openai.azure.com/openai/v1/models/m" in deletion(
        Profile(name="azure", kind="azure"), "model", "m", {}
    )


def test_a_jobs_command_is_azds() -> None:
    """Of the extension azure.ai.finetune."""
    assert shlex.split(job_command("cancel", "ftjob-1; rm")) == [
        "azd", "ai", "finetuning", "jobs", "cancel", "--id", "ftjob-1; rm",
    ]  # fmt: skip


def request(**given: object) -> JobRequest:
    """A job of Azure's."""
    known = {"profile": "azure", "model": "gpt-4.1-mini-2025-04-14", "training_file": Path("my data/train.jsonl")}
    return JobRequest.model_validate(known | given)


def test_a_job_without_settings_is_submitted_by_options() -> None:
    """Files are local ones."""
    words = shlex.split(str(submit_command(request(suffix="tickets", seed=7, validation_file=Path("v.jsonl")))))
    assert words[:5] == ["azd", "ai", "finetuning", "jobs", "submit"]
    assert dict(zip(words[5::2], words[6::2], strict=True)) == {
        "--model": "gpt-4.1-mini-2025-04-14",
        "--training-file": "local:my data/train.jsonl",
        "--validation-file": "local:v.jsonl",
        "--suffix": "tickets",
        "--seed": "7",
    }


def test_settings_go_through_its_file_by_its_own_names() -> None:
    """The file is JSON, which YAML contains."""
    command = str(submit_command(request(method="dpo", settings={"n_epochs": 3, "beta": 0.1})))
    words = shlex.split(command)
    assert words[0] == "echo" and words[2:5] == [">", "job.yaml", "&&"] and words[-2:] == ["--file", "job.yaml"]
    document = json.loads(words[1])
    assert document["method"] == {"type": "dpo", "dpo": {"hyperparameters": {"epochs": 3, "beta": 0.1}}}
    assert document["training_file"] == "local:my data/train.jsonl" and "seed" not in document


def test_what_azd_has_no_word_for_gives_no_command() -> None:
    """Half a command would train something else."""
    assert submit_command(request(settings={"trainingType": "GlobalStandard"})) is None
    assert submit_command(request(method="reinforcement")) is None


def test_az_creates_what_azd_has_no_word_for() -> None:
    """With the very body that we send; only the ids of the files have to be put in."""
    profile = Profile(name="azure", kind="azure", base_url="https://r.openai.azure.com")
    wanted = request(settings={"trainingType": "GlobalStandard", "n_epochs": 2}, validation_file=Path("v.jsonl"))
    words = shlex.split(creation(profile, wanted))
    assert words[:4] == ["az", "rest", "--method", "post"]
    assert words[words.index("--url") + 1] == "https://r.openai.azure.com/openai/v1/fine_tuning/jobs"
    assert json.loads(words[words.index("--body") + 1]) == {
        "model": wanted.model,
        "training_file": "TRAINING-FILE-ID",
        "validation_file": "VALIDATION-FILE-ID",
        "method": {"type": "supervised", "supervised": {"hyperparameters": {"n_epochs": 2}}},
        "trainingType": "GlobalStandard",
    }
