"""The order of rows and its packed form."""

from __future__ import annotations

import random
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.dataset.rows import packing
from workbench.dataset.rows.packing import pack, unpack
from workbench.dataset.rows.pieces import Pieces

big = st.integers(-(2**62), 2**62)


@given(
    st.lists(big, max_size=600)
    | st.builds(range, st.integers(-900, 900), st.integers(-900, 900), st.sampled_from([1, -1, 3]))
)
def test_packed_numbers_come_back(numbers: list[int] | range) -> None:
    """Any, few and many, ranges too."""
    assert unpack(pack(numbers)).tolist() == list(numbers)


def test_slices_of_a_packed_list_join(monkeypatch: pytest.MonkeyPatch) -> None:
    """More numbers than are packed at once."""
    monkeypatch.setattr(packing, "_SLICE", 100)
    numbers = random.Random(1).sample(range(10**9), 1234)
    assert unpack(pack(numbers)).tolist() == numbers
    assert len(pack(range(1_000_000))) < 100_000


@pytest.mark.parametrize("packed", [b"", b"\x07abc", b"\x01not zlib", b"\x00123"])
def test_what_is_no_packed_list_is_refused(packed: bytes) -> None:
    """A damaged journal is known by it."""
    with pytest.raises(ValueError, match=r"."):
        unpack(packed)


def test_untouched_stretches_cost_nothing() -> None:
    """Ten million rows with a thousand scattered edits: a few hundred kilobytes, every row found both ways."""
    pieces, chance = Pieces([range(10_000_000)]), random.Random(1)
    for number in range(1000):
        position = chance.randrange(len(pieces))
        pieces.put([position], [-1 - number])
        assert pieces.id_at(position) == -1 - number and pieces.find(-1 - number, position) == position
    assert sum(map(sys.getsizeof, pieces._chunks)) < 4_000_000
    position = chance.randrange(len(pieces))
    pieces.take([position])
    pieces.give([position], [-5000])
    assert pieces.find(-5000) == position and pieces.find(-6000) is None
    assert pieces.id_at(9_999_999) == 9_999_999 and pieces.find(9_999_999) == 9_999_999
    with pytest.raises(IndexError):
        pieces.id_at(10_000_000)


def test_a_snapshot_stays_as_it_was() -> None:
    """Whatever is done to the list afterwards, in the same places too."""
    pieces = Pieces([range(2000)])
    pieces.put([5, 900], [-1, -2])
    snapshot, before = pieces.snapshot(), pieces.ids().tolist()
    pieces.put([5], [-3])
    pieces.take([900])
    pieces.give([900, 901], [-4, -5])
    pieces.put(range(0, 200), range(-100, -300, -1))
    assert snapshot.ids().tolist() == before
    assert pieces.ids().tolist() != before


def test_runs_are_as_long_as_they_can_be() -> None:
    """Rising ids of the file, falling ones of the overlay; they never join each other."""
    pieces = Pieces([range(5), range(5, 9), range(-1, -4, -1), range(0, 1)])
    assert list(pieces.runs()) == [range(9), range(-1, -4, -1), range(1)]
    assert list(Pieces().runs()) == []
