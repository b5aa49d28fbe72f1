"""A workspace whose profiles are a fake OpenAI and a fake Azure with its resource manager, all over HTTP."""

from __future__ import annotations

import types
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from workbench.app import WorkbenchApp
from workbench.testing.fake_arm import RESOURCE, FakeArm
from workbench.testing.fake_provider import FakeProvider
from workbench.testing.idle import settled
from workbench.workflow.context import Context
from workbench.workflow.project import Project, new_project, remember_project

NOW = 1_790_000_900.0
TUNED = "gpt-4.1-mini-2025-04-14.ft-0123456789abcdef0123456789abcdef-tickets"


@dataclass
class Cloud:
    """Everything a test of the screens about providers needs."""

    context: Context
    project: Project
    openai: FakeProvider
    azure: FakeProvider
    arm: FakeArm

    def app(self, start: str = "jobs") -> WorkbenchApp:
        """The workbench; a pilot's pause waits for its workers."""
        app = settled(WorkbenchApp)(self.context, self.project, start)  # type: ignore[call-arg, arg-type]
        app.animation_level = "none"
        app.theme = "ftwb-dark"
        return app  # type: ignore[return-value]

    def deployed(self, name: str, model: str = TUNED, sku: str = "GlobalStandard", *, hours: float = 100.0) -> None:
        """A deployment that was made so many hours ago."""
        made = datetime.fromtimestamp(NOW - hours * 3600, UTC).isoformat().replace("+00:00", "Z")
        self.arm.add(name, model, sku, created_at=made)

    def stored(self) -> str:
        """A tuned model at Azure and a file at OpenAI; returns the file's id."""
        self.azure.add_model(TUNED)
        return str(self.openai._files.add("train.jsonl", b"{}\n", "fine-tune")["id"])

    def config(self, text: str) -> None:
        """Exchange `config.toml`."""
        (self.context.home / "config.toml").write_text(text)

    @property
    def written(self) -> str:
        """`config.toml` as it is."""
        return (self.context.home / "config.toml").read_text()


@pytest.fixture
def cloud(ftwb_pinned: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cloud]:
    """The clock stands still; tokens and keys come from the environment."""
    monkeypatch.setattr("workbench.widgets.clock.now", lambda: NOW)
    monkeypatch.setattr("workbench.workflow.deployments.time.time", lambda: NOW)
    clock = iter(range(1_000_000))
    still = types.SimpleNamespace(perf_counter=lambda: next(clock) * 0.042)
    monkeypatch.setattr("workbench.providers.probe.time", still)
    with FakeArm() as arm, FakeProvider(flavour="azure") as azure, FakeProvider() as openai:
        ftwb_pinned.mkdir(parents=True, exist_ok=True)
        (ftwb_pinned / "config.toml").write_text(
            f'[profiles.openai]\nbase_url = "{openai.base_url}"\napi_key_env = "OPENAI_KEY"\n'
            f'[profiles.azure]\nbase_url = "{azure.endpoint}"\napi_key_env = "AZURE_KEY"\n'
            f'resource_id = "{RESOURCE}"\n'
            f'[profiles.azure.settings.arm]\nurl = "{arm.url}"\ntoken_env = "ARM_TOKEN"\n'
        )
        environ = {
            "OPENAI_KEY": str(openai.api_key), "AZURE_KEY": str(azure.api_key), "ARM_TOKEN": arm.token,
            "TERM": "xterm-256color",
        }  # fmt: skip
        context = Context(home=ftwb_pinned, cache=ftwb_pinned / "cache", environ=environ)
        project = new_project(context, "tickets", "tickets")
        remember_project(context, project)
        yield Cloud(context, project, openai, azure, arm)
