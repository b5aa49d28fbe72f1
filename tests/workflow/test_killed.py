"""kill -9 in the middle of a run of 400 calls that cost money, by a real process against a provider over HTTP."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from tests.workflow.conftest import MODEL, asked_number, colour_of, records
from workbench.evaluate.asking import CONCURRENCY
from workbench.testing.fake_provider import FakeProvider

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]
CALLS = 400


def start(home: Path, test: Path, provider: FakeProvider) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "workbench.cli", "evaluate", "--test", str(test), "--scorer", "classification",
               "--candidate", f"openai/{MODEL}", "--max-tokens", "8", "--yes", "--json"]  # fmt: skip
    environ = {**os.environ, **provider.environ, "FTWB_HOME": str(home), "FTWB_CACHE": str(home / "cache"),
               "PYTHONPATH": str(Path.cwd())}  # fmt: skip
    return subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def chats(provider: FakeProvider) -> list[int]:
    return [asked_number(one.json) for one in provider.requests if one.path.endswith("/chat/completions")]


def answered_on_disk(home: Path) -> set[int]:
    found = set()
    for path in (home / "projects").glob("*/runs/*/items.jsonl"):
        for line in path.read_bytes().split(b"\n")[:-1]:
            row = json.loads(line)
            found.add(int(row["messages"][-1]["content"].split()[1].rstrip(":")))
    return found


def test_a_killed_run_of_400_calls_repeats_no_paid_one(tmp_path: Path) -> None:
    """Killed twice: every answer that had arrived is asked for once in all three starts; only calls that were in the
    air when the process died can be asked again."""
    test, home = tmp_path / "test.jsonl", tmp_path / "home"
    test.write_text(records(0, CALLS))
    with FakeProvider() as provider:
        provider.replies = lambda body: colour_of(asked_number(body))
        kept: set[int] = set()
        for stop_at in (120, 270):
            process = start(home, test, provider)
            while len(chats(provider)) < stop_at and process.poll() is None:
                time.sleep(0.01)
            process.kill()
            assert process.wait() == -signal.SIGKILL
            process.communicate()
            kept |= answered_on_disk(home)
        assert 100 < len(kept) < CALLS
        last = start(home, test, provider)
        out, err = last.communicate(timeout=300)
        assert last.returncode == 0, err.decode()
        asked = Counter(chats(provider))
    row = next(one for one in json.loads(out)["candidates"] if one["candidate"] == f"openai/{MODEL}")
    assert (row["n"], row["failed"], row["score"]) == (CALLS, 0, 1.0)
    assert set(asked) == set(range(CALLS))
    assert all(asked[number] == 1 for number in kept), "an answer on disk was paid for twice"
    assert asked.total() <= CALLS + 2 * CONCURRENCY
