"""How many calls a provider gets at once: as many as it takes, and fewer after it refused one as one too many."""

from __future__ import annotations

import asyncio
import random
import time
from collections import deque
from collections.abc import Awaitable, Callable
from typing import TypeVar

from workbench.providers.errors import ProviderError

T = TypeVar("T")

PATIENCE_S = 900.0
"""A call that is still refused for the provider's rate limit this long after its first refusal is given up: limits are
by the minute, and what a quarter of an hour does not cure, waiting does not cure."""
LONGEST_WAIT_S = 60.0
TRIES = 4
"""Of a call that fails for another passing reason: the network, the provider's own trouble."""


class Pace:
    """Calls in flight to one profile.

    A refusal with status 429 halves what is allowed at once (to one at least) and stops new calls for as long as the
    provider asks, else for 1, 2, 4, … seconds; every answer after that lets it grow again by a part of a call, as TCP
    does. Refused calls are made again and nobody counts them as failed.
    """

    def __init__(
        self,
        most: int,
        *,
        waiting: Callable[[str], None] = lambda _: None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._most = max(1, most)
        self._allowed = float(self._most)
        self._in_flight = 0
        self._queue: deque[asyncio.Future[None]] = deque()
        self._not_before = 0.0
        self._cut_at = 0.0
        """When the allowance was last cut: calls that were in flight then say nothing about the new one."""
        self._refusals = 0
        """In a row."""
        self._waiting = waiting
        self._sleep = sleep
        self._now = now

    @property
    def allowed(self) -> int:
        """Calls that may be in flight now."""
        return int(self._allowed)

    async def __call__(self, call: Callable[[], Awaitable[T]]) -> T:
        """Make the call when its turn comes; raises its last error where waiting does not help."""
        tries, first_refusal = 0, None
        while True:
            await self._enter()
            begun = self._now()
            try:
                answer = await call()
            except ProviderError as error:
                if error.status == 429 and error.passing:
                    first_refusal = begun if first_refusal is None else first_refusal
                    if self._now() - first_refusal > PATIENCE_S:
                        raise
                    self._refused(begun, error.retry_after_s)
                elif error.passing and (tries := tries + 1) < TRIES:
                    pause = error.retry_after_s if error.retry_after_s is not None else self._backoff(2 * tries - 2)
                    self._hold(pause, "the provider has trouble")
                else:
                    raise
            else:
                self._answered(begun)
                return answer
            finally:
                self._leave()

    def _refused(self, begun: float, asked_s: float | None) -> None:
        if begun >= self._cut_at:
            self._allowed = max(1.0, self._allowed / 2)
            self._cut_at = self._now()
            self._refusals += 1
        pause = asked_s if asked_s is not None else self._backoff(self._refusals - 1)
        self._hold(pause, f"rate limit: {self.allowed} at once")

    def _answered(self, begun: float) -> None:
        if begun >= self._cut_at:
            self._refusals = 0
            self._allowed = min(float(self._most), self._allowed + 1 / self._allowed)
        self._wake()

    def _backoff(self, power: int) -> float:
        # Spread out, so that several of us do not come back in the same moment.
        return min(LONGEST_WAIT_S, 2.0 ** min(power, 10)) * random.uniform(0.8, 1.2)  # noqa: S311 - not a secret

    def _hold(self, pause_s: float, why: str) -> None:
        self._not_before = max(self._not_before, self._now() + pause_s)
        self._waiting(f"{why}, waiting {pause_s:.0f} s")

    async def _enter(self) -> None:
        while True:
            if self._in_flight >= self.allowed:
                turn = asyncio.get_running_loop().create_future()
                self._queue.append(turn)
                try:
                    await turn
                except asyncio.CancelledError:
                    self._wake()  # the turn that was given to us, if it was, is another's
                    raise
            elif (left := self._not_before - self._now()) > 0:
                await self._sleep(left)
            else:
                self._in_flight += 1
                return

    def _leave(self) -> None:
        self._in_flight -= 1
        self._wake()

    def _wake(self) -> None:
        free = self.allowed - self._in_flight
        while free > 0 and self._queue:
            turn = self._queue.popleft()
            if not turn.done():
                turn.set_result(None)
                free -= 1
