"""Commands of Azure's own tools are whole: they can be pasted into a shell."""

from __future__ import annotations

import shlex

from workbench.providers.az_commands import deletion, job_command
from workbench.providers.profiles import Profile


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
