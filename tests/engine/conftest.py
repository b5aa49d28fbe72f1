"""Engines for tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.engine.engine_process import EngineProcess


@pytest.fixture
def engine() -> Iterator[EngineProcess]:
    """A running engine with fakes for models, hosts and trainers."""
    process = EngineProcess()
    try:
        yield process.start()
    finally:
        process.remove()
