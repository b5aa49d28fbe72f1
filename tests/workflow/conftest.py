"""A workspace whose only provider is a fake one over HTTP, and a small label task with a right answer."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from workbench.testing.fake_provider import FakeProvider
from workbench.workflow.context import Context
from workbench.workflow.project import Project, new_project, update_project

MODEL = "gpt-4.1-mini-2025-04-14"
COLOURS = ("red", "green", "blue")


def colour_of(number: int) -> str:
    return COLOURS[number * 7 % 3]


def records(start: int, count: int) -> str:
    lines = []
    for number in range(start, start + count):
        asked = f"Item {number}: what colour has the thing called {number * 7919 % 10007} of shelf {number * 31 % 97}?"
        messages = [{"role": "user", "content": asked}, {"role": "assistant", "content": colour_of(number)}]
        lines.append(json.dumps({"messages": messages}))
    return "\n".join(lines) + "\n"


def asked_number(body: dict) -> int:
    return int(body["messages"][-1]["content"].split()[1].rstrip(":"))


@pytest.fixture
def provider() -> Iterator[FakeProvider]:
    """Its base model always says red; whatever it has tuned knows the answers."""
    with FakeProvider() as fake:
        fake.replies = lambda body: colour_of(asked_number(body)) if body["model"].startswith("ft:") else "red"
        yield fake


@pytest.fixture
def context(tmp_path: Path, provider: FakeProvider) -> Context:
    return Context(home=tmp_path / "home", cache=tmp_path / "cache", environ=provider.environ)


@pytest.fixture
def project(context: Context, tmp_path: Path) -> Project:
    """120 test items, 40 training records, everything at the fake provider."""
    for side, start, count in (("train", 0, 40), ("validation", 1000, 10), ("test", 2000, 120)):
        (tmp_path / f"{side}.jsonl").write_text(records(start, count))
    made = new_project(context, "colours")
    return update_project(
        context,
        made,
        task={side: str(tmp_path / f"{side}.jsonl") for side in ("train", "validation", "test")}
        | {"scorer": "classification", "max_tokens": 8},
        candidates=[f"openai/{MODEL}", f"openai/{MODEL}+few-shot:2"],
        training={"profile": "openai", "model": MODEL, "suffix": "colours"},
    )
