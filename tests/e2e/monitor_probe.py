"""The Jobs screen in a real process on a pseudo-terminal, following a job of a `FakeProvider`, and what it costs."""

from __future__ import annotations

import asyncio
import math
import random
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from tests.e2e.test_terminal import Terminal
from workbench.providers.jobs import Job
from workbench.providers.request import JobRequest
from workbench.testing.fake_provider import FakeProvider
from workbench.workflow.context import Context
from workbench.workflow.train import create_job

TOTAL = 20_000
"""Steps of the job: more than any test lets it report."""


class Monitor:
    """The app on its Jobs screen, and the job under its cursor."""

    def __init__(self, terminal: Terminal, provider: FakeProvider, job: Job) -> None:
        self.terminal = terminal
        self.process = psutil.Process(terminal.child.pid)
        self.step = 0
        self._provider = provider
        self._job = job
        self._luck = random.Random(3)

    def report(self, steps: int = 1) -> None:
        """The job reports its next steps, as a training that goes well."""
        for _ in range(steps):
            self.step += 1
            loss = 2.5 * math.exp(-self.step / 600) + 0.4 + self._luck.random() * 0.15
            data = {"step": self.step, "total_steps": TOTAL, "train_loss": loss, "tokens": self.step * 800}
            self._provider.emit(f"Step {self.step}/{TOTAL}: training loss={loss:.2f}", data, self._job.id)

    def bytes_within(self, seconds: float, *, every_s: float | None = None) -> int:
        """Bytes written to the terminal meanwhile; the job reports once in `every_s`."""
        before, start, reported = len(self.terminal.written), time.monotonic(), 0
        while (spent := time.monotonic() - start) < seconds:
            if every_s is not None and spent >= reported * every_s:
                self.report()
                reported += 1
            self.terminal.read(0.05)
        return len(self.terminal.written) - before

    def seen(self, seconds: float = 60.0) -> None:
        """Until the newest event was written to the terminal."""
        self.terminal.until(f"Step {self.step}/{TOTAL}", seconds)

    def cpu_s(self) -> float:
        """Processor seconds of the process so far."""
        times = self.process.cpu_times()
        return float(times.user + times.system)


@contextmanager
def monitor(home: Path, environ: dict[str, str], **more: str) -> Iterator[Monitor]:
    """A running job with some history, on screen at 80×24; nothing is left to be drawn."""
    with FakeProvider(models=("starter",), total_steps=TOTAL) as provider:
        home.mkdir(parents=True, exist_ok=True)
        (home / "config.toml").write_text(
            f'[profiles.hosted]\nkind = "openai"\nbase_url = "{provider.base_url}"\napi_key_env = "FAKE_KEY"\n'
        )
        environ = {**environ, "FTWB_HOME": str(home), "FAKE_KEY": str(provider.api_key), **more}
        train = home / "train.jsonl"
        train.write_text('{"messages": []}\n' * 10)
        context = Context(home=home, cache=home / "cache", environ=environ)
        # Its age is told in days and its last report is new: no minute that passes changes the screen.
        provider._clock._now = int(time.time()) - 3 * 86400
        job = asyncio.run(create_job(context, JobRequest(profile="hosted", model="starter", training_file=train)))
        provider.advance(times=2)
        provider._clock._now = int(time.time()) - 60
        terminal = Terminal([sys.executable, "-m", "workbench.cli", "open", "--start", "jobs"], environ)
        try:
            found = Monitor(terminal, provider, job)
            found.report(120)
            terminal.until("120")
            terminal.until_quiet(3.0)
            yield found
        finally:
            terminal.close()
