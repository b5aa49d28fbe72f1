"""A clock for recordings: a job or a deployment goes on when a test says so, not while it waits."""

from __future__ import annotations

from contextlib import AbstractContextManager
from types import TracebackType

from workbench.providers.recordings import playing_by


class ReplayClock:
    """`with ReplayClock() as clock:` every recording plays by it; `clock.now += 3` lets three seconds pass.

    A recording plays ten of its own seconds in one: a job takes about fifteen.
    """

    def __init__(self, now: float = 1_800_000_000.0) -> None:
        self.now = now
        """Unix seconds."""
        self._playing: AbstractContextManager[None] | None = None

    def __call__(self) -> float:
        return self.now

    def __enter__(self) -> ReplayClock:
        self._playing = playing_by(self)
        self._playing.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._playing is not None
        self._playing.__exit__(kind, error, trace)
