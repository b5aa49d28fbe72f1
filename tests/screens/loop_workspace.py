"""A workspace with a project, a provider over HTTP in the place of the engine, and runs made by the real models."""

from __future__ import annotations

import asyncio
import math
import random
import types
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest

from workbench.app import WorkbenchApp
from workbench.evaluate.results import ItemResult, RunResult
from workbench.evaluate.summary import summarise
from workbench.evaluate.task import content_hash, load_items
from workbench.providers.jobs import Job
from workbench.providers.request import JobRequest
from workbench.testing.fake_provider import FakeProvider
from workbench.testing.idle import settled
from workbench.workflow.context import Context
from workbench.workflow.project import Project, new_project, open_project, remember_project
from workbench.workflow.train import create_job

NOW = 1_790_000_900.0
"""A quarter of an hour after the fake provider's first job."""
TUNED = "local/ft:starter:local:tickets:1a2b3c4d"
ACCURACY = {"trivial/majority": 0.14, "trivial/nearest": 0.55, "local/starter": 0.21, "local/starter+few-shot:5": 0.42}
HOSTILE = "billing [b]no markup[/b] \x1b[2J"


@dataclass
class Loop:
    """Everything a test of a screen needs."""

    context: Context
    project: Project
    provider: FakeProvider
    settings: dict[str, object] = field(default_factory=lambda: {"n_epochs": 2})
    """What the next job is asked for."""

    def app(self, start: str, theme: str = "ftwb-dark") -> WorkbenchApp:
        """The workbench on this project; a pilot's pause waits for its workers."""
        self.project = open_project(self.context, self.project.slug)
        app = settled(WorkbenchApp)(self.context, self.project, start)  # type: ignore[call-arg, arg-type]
        app.animation_level = "none"
        app.theme = theme
        return app  # type: ignore[return-value]

    def few_records(self) -> None:
        """Eight training records: too few for the label classifier, whose import takes seconds."""
        path = self.project.files["train"]
        path.write_text("".join(path.read_text("utf-8").splitlines(keepends=True)[:8]), "utf-8")

    def measured(
        self, accuracy: Mapping[str, float] = ACCURACY, *, items: int = 60, run: str = "run-20261101-101500-abc123",
        hour: int = 10, seed: int = 1,
    ) -> RunResult:  # fmt: skip
        """A run in which each candidate is right as often as told; its last answer failed."""
        rng = random.Random(seed)
        task = self.project.task
        asked = load_items(Path(str(task.test)), limit=items)
        rows = [
            _row(candidate, item, rng.random() < share, rng.random())
            for candidate, share in accuracy.items()
            for item in asked
        ]
        rows[-1] = rows[-1].model_copy(update={"error": "timed out", "score": None, "output": None})
        result = summarise(
            rows, list(accuracy), run=run, test_sha256=content_hash(str(task.test)), task=task, items=len(asked),
            created_at=datetime(2026, 11, 1, hour, 15, tzinfo=UTC), leaked=(0, 0),
        )  # fmt: skip
        folder = f"projects/{self.project.slug}/runs/{run}"
        self.context.store.update(f"{folder}/run.toml", RunResult, lambda _: result)
        lines = "".join(f"{row.model_dump_json()}\n" for row in rows)
        (self.context.home / folder / "items.jsonl").write_text(lines, "utf-8")
        return result

    def job(self, suffix: str = "tickets") -> Job:
        """A job that was just created."""
        files = self.project.files
        request = JobRequest(
            profile="local", model="starter", training_file=files["train"], validation_file=files["validation"],
            suffix=suffix, settings=dict(self.settings),
        )  # fmt: skip
        return asyncio.run(create_job(self.context, request, project=self.project.slug))

    def train(self, steps: int, total: int = 400, job_id: str | None = None) -> None:
        """Let the newest job report these many more steps, as a training that goes well."""
        rng = random.Random(2)
        for step in range(1, steps + 1):
            loss = 2.5 * math.exp(-step / 60) + 0.4 + rng.random() * 0.15
            data = {"step": step, "total_steps": total, "train_loss": loss, "learning_rate": 1e-3, "tokens": step * 800}
            self.provider.emit(f"Step {step}/{total}: training loss={loss:.2f}", data, job_id)
            if step % 25 == 0:
                seen = {"step": step, "total_steps": total, "valid_loss": 2.4 * math.exp(-step / 60) + 0.55}
                self.provider.emit(f"Step {step}/{total}: validation loss={seen['valid_loss']:.2f}", seen, job_id)


def _row(candidate: str, item, right: bool, luck: float) -> ItemResult:
    trivial = candidate.startswith("trivial/")
    return ItemResult(
        candidate=candidate,
        index=item.index,
        sha256=item.sha256,
        key="key",
        messages=[dict(message) for message in item.messages],
        output=item.reference if right else HOSTILE,
        reference=item.reference,
        score=1.0 if right else 0.0,
        prompt_tokens=None if trivial else 940 if "few-shot" in candidate else 220,
        completion_tokens=None if trivial else 4,
        latency_s=None if trivial else 0.2 + luck / 2,
    )


@pytest.fixture
def loop(ftwb_pinned: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Loop]:
    """The profile `local` is a fake provider over HTTP; the clock stands still."""
    monkeypatch.setattr("workbench.widgets.clock.now", lambda: NOW)
    monkeypatch.setattr("workbench.workflow.follow.time", types.SimpleNamespace(time=lambda: NOW))
    with FakeProvider(models=("starter",), total_steps=400) as provider:
        ftwb_pinned.mkdir(parents=True, exist_ok=True)
        (ftwb_pinned / "config.toml").write_text(
            f'[profiles.local]\nkind = "openai"\nbase_url = "{provider.base_url}"\napi_key_env = "FAKE_KEY"\n'
        )
        environ = {"FAKE_KEY": str(provider.api_key), "TERM": "xterm-256color"}
        context = Context(home=ftwb_pinned, cache=ftwb_pinned / "cache", environ=environ)
        project = new_project(context, "tickets", "tickets")
        remember_project(context, project)
        yield Loop(context, project, provider)
