"""The pace of calls to one provider, with a clock of its own."""

from __future__ import annotations

import asyncio

import pytest

from workbench.errors import WorkbenchError
from workbench.evaluate.pacing import PATIENCE_S, TRIES, Pace
from workbench.providers.errors import ProviderError


class FakeTime:
    """Time passes when somebody sleeps."""

    def __init__(self) -> None:
        self.at = 100.0
        self.slept: list[float] = []

    def now(self) -> float:
        return self.at

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.at += seconds
        await asyncio.sleep(0)


class FakeLimit:
    """A provider that refuses whoever comes while `most` are in flight."""

    def __init__(self, most: int, retry_after_s: float | None = 2.0) -> None:
        self.most, self.retry_after_s = most, retry_after_s
        self.in_flight = self.answered = self.refused = self.peak = 0

    async def __call__(self) -> str:
        self.in_flight += 1
        self.peak = max(self.peak, self.in_flight)
        try:
            if self.in_flight > self.most:
                self.refused += 1
                raise limited(self.retry_after_s)
            for _ in range(3):
                await asyncio.sleep(0)
            self.answered += 1
            return "ok"
        finally:
            self.in_flight -= 1


def limited(retry_after_s: float | None = None) -> ProviderError:
    return ProviderError("p", "slow down", status=429, passing=True, retry_after_s=retry_after_s)


def pace_of(most: int, time: FakeTime, **more) -> Pace:
    return Pace(most, sleep=time.sleep, now=time.now, **more)


async def test_never_more_than_allowed_are_in_flight() -> None:
    limit = FakeLimit(100)
    await asyncio.gather(*(pace(limit) for pace in [pace_of(5, FakeTime())] * 40))
    assert (limit.peak, limit.answered, limit.refused) == (5, 40, 0)


async def test_a_refused_call_is_made_again_and_fewer_are_allowed_until_it_recovers() -> None:
    """Nothing is lost to a limit, the provider's wait is kept, and the speed comes back."""
    time, limit, said = FakeTime(), FakeLimit(3), []
    pace = pace_of(16, time, waiting=said.append)
    answers = await asyncio.gather(*(pace(limit) for _ in range(60)))
    assert answers == ["ok"] * 60
    assert limit.refused > 0 and time.slept and max(time.slept) == pytest.approx(2.0)
    assert "rate limit: 8 at once, waiting 2 s" in said
    limit.most = 100
    await asyncio.gather(*(pace(limit) for _ in range(200)))
    assert pace.allowed == 16


async def test_one_burst_of_refusals_is_one_cut() -> None:
    """Sixteen calls that were in flight together say the same thing sixteen times."""
    time, refused = FakeTime(), 0

    async def once() -> str:
        nonlocal refused
        await asyncio.sleep(0)
        if refused < 8:
            refused += 1
            time.at += 0.001
            raise limited(1.0)
        return "ok"

    pace = pace_of(8, time)
    seen: list[int] = []
    await asyncio.gather(*(pace(once) for _ in range(8)))
    seen.append(pace.allowed)
    assert refused == 8 and seen[0] >= 4


async def test_without_a_told_wait_it_grows_with_every_refusal_in_a_row() -> None:
    time, left = FakeTime(), 5

    async def call() -> str:
        nonlocal left
        left -= 1
        if left >= 0:
            raise limited()
        return "ok"

    assert await pace_of(4, time)(call) == "ok"
    assert [round(s / 2**power, 1) for power, s in enumerate(time.slept)] == pytest.approx([1.0] * 5, abs=0.2)


async def test_a_limit_that_waiting_does_not_cure_ends() -> None:
    time = FakeTime()

    async def call() -> str:
        raise limited(30.0)

    with pytest.raises(ProviderError, match="slow down"):
        await pace_of(4, time)(call)
    assert PATIENCE_S <= sum(time.slept) <= PATIENCE_S + 60


async def test_passing_trouble_is_tried_again_and_other_errors_are_not() -> None:
    time, calls = FakeTime(), 0

    async def broken() -> str:
        nonlocal calls
        calls += 1
        raise ProviderError("p", "bad gateway", status=502, passing=True, ambiguous=True)

    with pytest.raises(ProviderError):
        await pace_of(2, time)(broken)
    assert calls == TRIES and len(time.slept) == TRIES - 1

    async def refused() -> str:
        nonlocal calls
        calls += 1
        raise ProviderError("p", "the budget is spent", status=429, passing=False)

    for error in (refused,):
        calls = 0
        with pytest.raises(WorkbenchError):
            await pace_of(2, time)(error)
        assert calls == 1


async def test_a_cancelled_call_gives_its_turn_to_the_next() -> None:
    pace, gate = pace_of(1, FakeTime()), asyncio.Event()

    async def held() -> str:
        await gate.wait()
        return "held"

    async def quick() -> str:
        return "quick"

    first = asyncio.create_task(pace(held))
    await asyncio.sleep(0)
    second, third = (asyncio.create_task(pace(quick)) for _ in range(2))
    await asyncio.sleep(0)
    first.cancel()
    second.cancel()
    assert await asyncio.wait_for(third, 5) == "quick"
