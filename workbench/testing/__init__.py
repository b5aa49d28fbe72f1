"""Public: what others use to snapshot-test our screens.

The fixtures `ftwb_app` and `ftwb_pinned` come with the pytest plugin; from here come `wait_idle`, for tests with a
pilot, `FakeProvider`, an OpenAI-compatible server that needs no model, and `ReplayClock`, the time that recordings play
by. Nothing is imported until it is asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from workbench.testing.factory import make_app
    from workbench.testing.fake_provider import FakeProvider
    from workbench.testing.idle import wait_idle
    from workbench.testing.replay_clock import ReplayClock

__all__ = ["FakeProvider", "ReplayClock", "make_app", "wait_idle"]

_PLACES = {
    "FakeProvider": "workbench.testing.fake_provider",
    "ReplayClock": "workbench.testing.replay_clock",
    "make_app": "workbench.testing.factory",
    "wait_idle": "workbench.testing.idle",
}


def __getattr__(name: str) -> Any:
    """Import on first use: pytest loads this package in every run where ftwb is installed."""
    if name in _PLACES:
        import importlib

        return getattr(importlib.import_module(_PLACES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
