"""Calls in flight together share the server's seconds."""

from __future__ import annotations

import random

import pytest

from tests.decide.made_runs import TASK
from workbench.evaluate.results import ItemResult
from workbench.evaluate.summary import shared_prefix, summarise
from workbench.evaluate.throughput import Call, Sharing


class FakeClock:
    """A clock that stands still."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def warmed(clock: FakeClock) -> Sharing:
    sharing = Sharing(clock)
    with sharing.call("m"):
        clock.now += 5
    return sharing


def test_a_call_alone_has_all_of_the_server_and_two_have_half() -> None:
    clock = FakeClock()
    sharing = warmed(clock)
    with sharing.call("m") as first:
        clock.now += 1
        with sharing.call("m") as second:
            clock.now += 2
        clock.now += 3
    assert (first.busy_s, second.busy_s) == (1 + 1 + 3, 1)


def test_calls_that_waited_for_the_model_say_nothing() -> None:
    """All that were sent before the first answer of that model came, and a call that failed."""
    clock = FakeClock()
    sharing = Sharing(clock)
    with sharing.call("m") as first, sharing.call("m") as second:
        clock.now += 9
    with sharing.call("other") as third:
        clock.now += 1
    assert (first.busy_s, second.busy_s, third.busy_s) == (None, None, None)
    sharing = Sharing(clock)
    with pytest.raises(OSError, match="gone"), sharing.call("m") as failed:
        raise OSError("gone")
    with sharing.call("m") as after:
        clock.now += 1
    assert (failed.busy_s, after.busy_s) == (None, None), "a failed call warms nothing"


def test_the_shares_add_up_to_the_time_in_which_it_was_busy() -> None:
    rng, clock = random.Random(4), FakeClock()
    sharing = warmed(clock)
    open_calls: list[tuple[object, Call]] = []
    done: list[Call] = []
    busy = 0.0
    for _ in range(400):
        if open_calls and rng.random() < 0.5:
            manager, call = open_calls.pop(rng.randrange(len(open_calls)))
            manager.__exit__(None, None, None)  # type: ignore[attr-defined]
            done.append(call)
        else:
            manager = sharing.call("m")
            open_calls.append((manager, manager.__enter__()))
        step = rng.random()
        busy += step * bool(open_calls)
        clock.now += step
    for manager, call in open_calls:
        manager.__exit__(None, None, None)  # type: ignore[attr-defined]
        done.append(call)
    assert sum(call.busy_s or 0.0 for call in done) == pytest.approx(busy)


def row(index: int, *texts: str, **more: object) -> ItemResult:
    messages = [{"role": "user", "content": text} for text in texts]
    return ItemResult.model_validate(
        {"candidate": "c", "index": index, "sha256": "", "key": str(index), "messages": messages, "reference": "x",
         "output": "x", "score": 1.0} | more
    )  # fmt: skip


def test_the_shared_part_of_prompts_is_measured_from_their_beginning() -> None:
    same = "a" * 90
    rows = [row(0, same, "bcdefghi"), row(1, same, "zzzzzzzz")]
    assert shared_prefix(rows) == pytest.approx((90 + 2 * 5 + 1) / (90 + 2 * 5 + 1 + 8))
    assert shared_prefix([row(0, "x" + same), row(1, "y" + same)]) == pytest.approx(5 / 96)
    assert shared_prefix([row(0, "p"), row(0, "p")]) is None, "repeats of one item share everything"
    assert shared_prefix([]) is None


def test_a_run_says_throughput_cached_tokens_and_what_it_cost() -> None:
    rows = [
        row(0, "p", cost=0.5, busy_s=None, cached_tokens=0, prompt_tokens=1, completion_tokens=1),
        row(1, "q", cost=0.25, busy_s=2.0, cached_tokens=100, prompt_tokens=1, completion_tokens=1),
        row(2, "r", cost=0.25, busy_s=4.0, prompt_tokens=1, completion_tokens=1),
    ]
    (one,) = summarise(rows, ["c"], run="r", test_sha256="", task=TASK, items=3).candidates
    assert (one.busy_s_mean, one.cached_tokens_mean, one.cost_total) == (3.0, 50.0, 1.0)
    rows[0] = rows[0].model_copy(update={"cost": None})
    (one,) = summarise(rows, ["c"], run="r", test_sha256="", task=TASK, items=3).candidates
    assert one.cost_total is None
