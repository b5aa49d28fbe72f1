"""A workspace with nothing but a key, and a provider that holds models of jobs that were made elsewhere."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from workbench.app import WorkbenchApp
from workbench.testing.fake_provider import FakeProvider
from workbench.testing.idle import settled
from workbench.workflow.context import Context
from workbench.workflow.project import Project, new_project, open_project, remember_project

MODEL = "gpt-4.1-mini-2025-04-14"
CSV = "step,train_loss,train_accuracy,valid_loss,valid_mean_token_accuracy\n1,2.0,0.5,,\n2,1.0,0.7,1.1,0.6\n"
NOW = 1_790_000_900.0


def records(count: int = 12) -> bytes:
    """Sums, as chat records."""
    lines = []
    for number in range(count):
        messages = [
            {"role": "user", "content": f"How much is {number} and 1?"},
            {"role": "assistant", "content": str(number + 1)},
        ]
        lines.append(json.dumps({"messages": messages}) + "\n")
    return "".join(lines).encode()


@dataclass
class Theirs:
    """Everything a test of the rescue needs."""

    context: Context
    project: Project
    provider: FakeProvider

    def app(self, start: str = "jobs") -> WorkbenchApp:
        """The workbench; a pilot's pause waits for its workers."""
        app = settled(WorkbenchApp)(self.context, open_project(self.context, self.project.slug), start)  # type: ignore[call-arg, arg-type]
        app.animation_level = "none"
        app.theme = "ftwb-dark"
        return app  # type: ignore[return-value]

    def tuned(self, suffix: str = "mine", **body: Any) -> str:
        """A finished job of somebody who never used ftwb; returns its model."""
        made = self.provider._files.add("train.jsonl", records(), "fine-tune")
        method = {"type": "supervised", "supervised": {"hyperparameters": {"n_epochs": 4}}}
        wanted = {"model": MODEL, "training_file": made["id"], "suffix": suffix, "method": method, **body}
        self.provider._work.create(wanted)
        self.provider.finish()
        self.provider.add_result(CSV)
        return str(self.provider.jobs[-1]["fine_tuned_model"])


@pytest.fixture
def theirs(ftwb_pinned: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Theirs]:
    """Fresh: no job and no profile of its own, only a key in the environment. The clock stands still."""
    monkeypatch.setattr("workbench.widgets.clock.now", lambda: NOW)
    with FakeProvider(models=(MODEL,)) as provider:
        ftwb_pinned.mkdir(parents=True, exist_ok=True)
        environ = {**provider.environ, "TERM": "xterm-256color"}
        context = Context(home=ftwb_pinned, cache=ftwb_pinned / "cache", environ=environ)
        project = new_project(context, "mine")
        remember_project(context, project)
        yield Theirs(context, project, provider)
