"""A fake provider over real HTTP, and clients of it in the SDK's strict mode."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from workbench.providers.client import connect
from workbench.providers.profiles import Profile, built_in
from workbench.providers.request import JobRequest
from workbench.testing.fake_provider import FakeProvider
from workbench.testing.replay_clock import ReplayClock

if TYPE_CHECKING:
    import openai

MODEL = "gpt-4.1-mini-2025-04-14"


@pytest.fixture
def clock() -> Iterator[ReplayClock]:
    """Every recording opened in this test plays by it."""
    with ReplayClock() as clock:
        yield clock


@pytest.fixture
def provider() -> Iterator[FakeProvider]:
    with FakeProvider() as provider:
        yield provider


@pytest.fixture
def azure() -> Iterator[FakeProvider]:
    with FakeProvider(flavour="azure") as provider:
        yield provider


@pytest.fixture
def profile() -> Profile:
    return built_in()["openai"]


@pytest.fixture
async def client(provider: FakeProvider, profile: Profile) -> AsyncIterator[openai.AsyncOpenAI]:
    async with await connect(profile, environ=provider.environ, strict=True) as client:
        yield client


@pytest.fixture
async def azure_client(azure: FakeProvider) -> AsyncIterator[openai.AsyncOpenAI]:
    """Not strict: Azure's answers are not of the published shape."""
    async with await connect(built_in()["azure"], environ=azure.environ) as client:
        yield client


@pytest.fixture
def request_for(tmp_path: Path) -> JobRequest:
    path = tmp_path / "train.jsonl"
    path.write_text('{"messages": []}\n' * 10)
    return JobRequest(profile="openai", model=MODEL, training_file=path)
