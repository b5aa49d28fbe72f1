"""Running commands in this process, as `ftwb` would, and reading what they print."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from workbench.cli import main
from workbench.testing.fake_provider import FakeProvider


@dataclass(frozen=True)
class Ran:
    """What a command did."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The one document on stdout."""
        return json.loads(self.out)


@pytest.fixture
def ftwb(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., Ran]:
    """`ftwb("job", "list", "--json")` in a workspace and cache of its own."""
    monkeypatch.setenv("FTWB_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("FTWB_CACHE", str(tmp_path / "cache"))

    def run(*arguments: str) -> Ran:
        capsys.readouterr()
        try:
            code = main(list(arguments))
        except SystemExit as stop:  # argparse
            code = int(stop.code or 0)
        printed = capsys.readouterr()
        return Ran(code, printed.out, printed.err)

    return run


@pytest.fixture
def provider(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeProvider]:
    """A provider that the profile `openai` comes to."""
    with FakeProvider() as fake:
        for name, value in fake.environ.items():
            monkeypatch.setenv(name, value)
        yield fake


@pytest.fixture
def chat_file(tmp_path: Path) -> Callable[..., Path]:
    """A JSONL file of question-and-answer records."""

    def write(name: str, *pairs: tuple[str, str]) -> Path:
        path = tmp_path / name
        lines = [
            json.dumps({"messages": [{"role": "user", "content": q}, {"role": "assistant", "content": a}]})
            for q, a in pairs
        ]
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return path

    return write
