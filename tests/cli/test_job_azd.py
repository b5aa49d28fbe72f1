"""What `ftwb job` asks Azure for is shown as the command of azd; anybody else's provider has none."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.conftest import Ran
from workbench.testing.fake_provider import FakeProvider

Ftwb = Callable[..., Ran]


def test_acting_on_a_job_of_azure_shows_the_command_of_azd(
    ftwb: Ftwb, monkeypatch: pytest.MonkeyPatch, chat_file: Callable[..., Path]
) -> None:
    with FakeProvider(flavour="azure") as fake:
        for name, value in fake.environ.items():
            monkeypatch.setenv(name, value)
        train = chat_file("train.jsonl", *((f"How much is {n} and 1?", str(n + 1)) for n in range(12)))
        words = ("job", "create", "--profile", "azure", "--model", "gpt-4.1-mini-2025-04-14", "--train", str(train))
        assert (
            f"azd ai finetuning jobs submit --model gpt-4.1-mini-2025-04-14 --training-file local:{train}"
            in ftwb(*words, "--dry-run").err
        )
        made = fake._work.create({"model": "gpt-4.1-mini-2025-04-14", "training_file": "file-1"})
        assert f"the same: azd ai finetuning jobs cancel --id {made['id']}" in ftwb("job", "cancel", made["id"]).err


def test_a_job_of_somebody_elses_has_no_command_of_azd(ftwb: Ftwb, provider: FakeProvider) -> None:
    made = provider._work.create({"model": "gpt-4.1-mini-2025-04-14", "training_file": "file-1"})
    ran = ftwb("job", "cancel", made["id"])
    assert (ran.code, "azd" in ran.err) == (0, False)
