"""Engines for tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.engine.engine_process import EngineProcess, running_engine


@pytest.fixture
def engine() -> Iterator[EngineProcess]:
    """A running engine with fakes for models, hosts and trainers."""
    with running_engine() as process:
        yield process
