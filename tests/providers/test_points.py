"""Series in little memory: they are what lists of points would be."""

from __future__ import annotations

import sys
import threading
from concurrent.futures import ThreadPoolExecutor

from hypothesis import given
from hypothesis import strategies as st

from workbench.providers.event_log import Event
from workbench.providers.points import GrowingPoints, Points
from workbench.providers.series import SeriesFold

PUT = st.lists(st.tuples(st.integers(0, 30), st.floats(allow_nan=False)), max_size=60)


@given(PUT, PUT)
def test_they_are_a_dict_by_step_and_what_was_lent_stays_as_it_was(
    before: list[tuple[int, float]], after: list[tuple[int, float]]
) -> None:
    """However steps are told again or come in between."""
    growing = GrowingPoints()
    for step, value in before:
        growing.put(step, value)
    lent, expected = growing.points(), sorted(dict(before).items())
    for step, value in after:
        growing.put(step, value)
    assert lent == expected and list(lent) == expected
    assert growing.points() == sorted(dict([*before, *after]).items())
    steps, values = lent.arrays()
    assert list(zip(steps.tolist(), values.tolist(), strict=True)) == expected


@given(st.lists(st.integers(0, 9), unique=True).map(sorted), st.slices(12), st.integers(-12, 12))
def test_they_are_cut_and_picked_as_lists_are(steps: list[int], part: slice, at: int) -> None:
    """From either end, in any direction; and what comes later is not in it."""
    growing = GrowingPoints()
    for step in steps:
        growing.put(step, step / 2)
    points, plain = growing.points(), [(step, step / 2) for step in steps]
    growing.put(99, 1.0)
    assert points[part] == plain[part]
    assert len(points) == len(plain) and bool(points) == bool(plain)
    try:
        expected = plain[at]
    except IndexError:
        expected = None
    try:
        assert points[at] == expected
    except IndexError:
        assert expected is None


def test_a_point_takes_sixteen_bytes() -> None:
    """A report each second for a day is less than two megabytes."""
    growing = GrowingPoints()
    for step in range(10_000):
        growing.put(step, 0.5)
    points = growing.points()
    held = sum(sys.getsizeof(getattr(points, name)) for name in ("_steps", "_values"))
    assert held < 10_000 * 16 * 1.25
    assert isinstance(points, Points) and growing.points() is not points


def test_points_come_while_another_thread_calculates() -> None:
    """The chart does, when the follower has something new: an array whose memory is lent could not grow."""
    growing, done = GrowingPoints(), threading.Event()
    for step in range(200_000):
        growing.put(step, 0.5)

    def calculate() -> None:
        while not done.is_set():
            growing.points().arrays()

    with ThreadPoolExecutor(1) as pool:
        calculating = pool.submit(calculate)
        try:
            for step in range(200_000, 260_000):
                growing.put(step, 0.5)
        finally:
            done.set()
        calculating.result()
    assert len(growing.points().arrays()[0]) == 260_000


def test_nonsense_is_left_out() -> None:
    """Steps and values that no machine number holds; the rest of the report counts."""
    folded = SeriesFold()
    for step, loss in ((1, 0.5), (10**30, 0.4), (2, 10**400), (3, 0.3)):
        data = {"step": step, "train_loss": loss, "tokens": 8}
        folded.add([Event(id=f"{step}", type="metrics", data=data)])
    assert folded.series() == {"train_loss": [(1, 0.5), (3, 0.3)], "tokens": [(1, 8), (2, 8), (3, 8)]}
    assert folded.step == 3


def test_they_are_equal_where_their_points_are() -> None:
    """To other points and to lists; what has grown is not what it was."""
    growing, other = GrowingPoints(), GrowingPoints()
    growing.put(1, 0.5)
    other.put(1, 0.5)
    before = growing.points()
    assert before == growing.points() == other.points() == [(1, 0.5)] != [(1, 0.6)]
    growing.put(2, 0.4)
    assert before != growing.points() and before != 1
