"""An engine in a process of its own, for tests: started, killed, started again."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import httpx2
import openai
import psutil

T = TypeVar("T")
FAKE = Path(__file__).parent / "fake_engine.py"


def until(look: Callable[[], T], what: str = "", deadline_s: float = 30.0) -> T:
    """The first true value of `look`; fails when there is none before the deadline."""
    end = time.monotonic() + deadline_s
    while not (value := look()):
        assert time.monotonic() < end, f"waited {deadline_s:.0f} s in vain for {what or look}"
        time.sleep(0.01)
    return value


class EngineProcess:
    """One workspace's engine. `command` is what is run; `--home` and `--cache` follow."""

    def __init__(self, *, command: list[str] | None = None, cache: Path | None = None) -> None:
        self.base = Path(tempfile.mkdtemp(prefix="ftwb-test-", dir="/tmp"))
        self.home = self.base / "home"
        self.cache = cache or self.base / "cache"
        self.folder = self.home / "engine"
        self.runtime = self.base / "run"
        for folder in (self.home, self.cache, self.runtime):
            folder.mkdir(exist_ok=True)
        self.environ = {**os.environ, "XDG_RUNTIME_DIR": str(self.runtime), "SOME_API_KEY": "sk-secret"}
        self._command = command or [sys.executable, str(FAKE)]
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, *more: str) -> EngineProcess:
        self.spawn(*more)
        until(self.answers, "the engine's first answer")
        return self

    def spawn(self, *more: str) -> subprocess.Popen[bytes]:
        command = [*self._command, "--home", str(self.home), "--cache", str(self.cache), *more]
        self.process = subprocess.Popen(command, env=self.environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        return self.process

    def lock(self) -> dict[str, Any]:
        try:
            return json.loads((self.folder / "lock").read_text())
        except (FileNotFoundError, ValueError):
            return {}

    @property
    def key(self) -> str:
        return (self.folder / "key").read_text().strip()

    @property
    def socket(self) -> Path:
        return Path(self.lock()["socket"])

    def answers(self) -> bool:
        assert self.process is not None
        if self.process.poll() is not None:
            raise AssertionError(f"the engine ended: {self.process.stdout.read().decode()}\n{self.log()}")
        if self.lock().get("pid") != self.process.pid:
            return False
        try:
            return self.http().get("/ftwb/v1/status").status_code == 200
        except (httpx2.HTTPError, OSError):
            return False

    def http(self, *, key: str | None = None) -> httpx2.Client:
        key = self.key if key is None else key
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        transport = httpx2.HTTPTransport(uds=str(self.socket))
        return httpx2.Client(transport=transport, base_url="http://ftwb.local", headers=headers, timeout=60)

    def sdk(self, **more: Any) -> openai.OpenAI:
        http = openai.DefaultHttpx2Client(transport=httpx2.HTTPTransport(uds=str(self.socket)))
        arguments = {"api_key": self.key, "base_url": "http://ftwb.local/v1", "http_client": http, "max_retries": 0}
        return openai.OpenAI(**arguments, _strict_response_validation=True, **more)

    def log(self) -> str:
        path = self.folder / "engine.log"
        return path.read_text() if path.exists() else ""

    def job_dir(self, job_id: str) -> Path:
        return self.folder / "jobs" / job_id

    def record(self, job_id: str) -> dict[str, Any]:
        return json.loads((self.job_dir(job_id) / "job.json").read_text())

    def status(self, job_id: str) -> str:
        return self.record(job_id)["status"]

    def wait(self, job_id: str, *states: str, deadline_s: float = 60.0) -> str:
        """Wait, by the files alone, until the job is in one of `states`."""
        return until(
            lambda: (now := self.status(job_id)) in states and now,
            f"{states} of {job_id}: {self.record(job_id)['status']} {self.record(job_id)['error']}",
            deadline_s,
        )

    def wait_step(self, job_id: str, step: int, deadline_s: float = 30.0) -> None:
        until(lambda: step in self.steps(job_id), f"step {step}", deadline_s)

    def steps(self, job_id: str) -> list[int]:
        """The steps in the engine's events, in their order."""
        path = self.job_dir(job_id) / "events.jsonl"
        lines = path.read_text().splitlines() if path.exists() else []
        events = [json.loads(line) for line in lines if line.endswith("}")]
        return [event["data"]["step"] for event in events if "train_loss" in event["data"]]

    def wait_step_started(self, job_id: str) -> None:
        """Wait until the engine has seen the trainer's start."""
        until(lambda: "Fine-tuning job started" in self.events_text(job_id), "the start")
        self.trainer(job_id)

    def events_text(self, job_id: str) -> str:
        path = self.job_dir(job_id) / "events.jsonl"
        return path.read_text() if path.exists() else ""

    def over(self, job_id: str) -> bool:
        return self.status(job_id) in ("succeeded", "failed", "cancelled")

    def trainer(self, job_id: str, *, other_than: int = 0) -> psutil.Process:
        """The running trainer, by its own state.json."""
        path = self.job_dir(job_id) / "state.json"

        def look() -> psutil.Process | None:
            with contextlib.suppress(OSError, ValueError, psutil.NoSuchProcess):
                pid = json.loads(path.read_text())["pid"]
                return psutil.Process(pid) if pid != other_than else None
            return None

        return until(look, "a running trainer")

    def kill(self) -> None:
        """kill -9, nothing else."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def stop(self) -> int:
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(30)

    def remove(self) -> None:
        """End everything that this workspace started."""
        if self.process is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                if self.process.poll() is None:
                    self.process.kill()
                self.process.wait(10)
            self.process.stdout.close()
        for path in (self.folder / "jobs").glob("*/state.json"):
            with contextlib.suppress(psutil.Error, ValueError, KeyError):
                state = json.loads(path.read_text())
                process = psutil.Process(state["pid"])
                if abs(process.create_time() - state["start"]) < 2:
                    process.kill()
        shutil.rmtree(self.base, ignore_errors=True)


@contextlib.contextmanager
def running_engine() -> Iterator[EngineProcess]:
    """A started engine that leaves nothing behind."""
    process = EngineProcess()
    try:
        yield process.start()
    finally:
        process.remove()
