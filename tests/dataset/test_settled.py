"""The split and the search for leaks agree: what one has put on two sides the other does not call leaked."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from workbench.dataset.digest import digest_raw
from workbench.dataset.duplicates import alike, leaked, settle, settled
from workbench.dataset.duplicates.alike import Cuts, Sets
from workbench.dataset.duplicates.join import Union
from workbench.dataset.duplicates.meet import across, within
from workbench.dataset.duplicates.scaffold import Scaffolding, scaffolding, scaffolding_of
from workbench.dataset.duplicates.shingles import shingles
from workbench.dataset.duplicates.signatures import Plan, sign_texts
from workbench.dataset.rows import open_rows
from workbench.dataset.split import Split, split
from workbench.errors import WorkbenchError
from workbench.workflow.split import split_dataset

WORDS = [f"{a}{b}{c}" for a in "bdgklmnprst" for b in "aeiou" for c in ("n", "r", "lo", "ti", "sk")]
NO_SCAFFOLDING = Scaffolding(*[np.zeros(0, np.uint64)] * 3)


def templated(chance: random.Random, count: int, templates: int, things: int, forms: int) -> list[bytes]:
    """Records as programs write them: a few sentences, names and numbers put in, a form before some."""

    def said(fewest: int, most: int) -> str:
        return " ".join(chance.choice(WORDS) for _ in range(chance.randint(fewest, most)))

    before = [said(40, 40) for _ in range(forms)]
    sentences = [(said(3, 9), said(3, 9), said(3, 9)) for _ in range(templates)]
    names = [said(1, 3) for _ in range(things)]
    raws = []
    for _ in range(count):
        first, second, third = chance.choice(sentences)
        number = chance.randrange(10 ** chance.randint(1, 6))
        parts = [first, chance.choice(names), second, str(number)]
        parts += [third] if chance.random() < 0.5 else []
        parts = [chance.choice(before), *parts] if before and chance.random() < 0.6 else parts
        messages = [
            {"role": "user", "content": " ".join(parts)},
            {"role": "assistant", "content": chance.choice(WORDS)},
        ]
        raws.append(json.dumps({"messages": messages}).encode())
    return raws


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    seed=st.integers(0, 10**6),
    count=st.sampled_from([100, 250, 600]),
    templates=st.integers(1, 12),
    things=st.integers(1, 20),
    forms=st.integers(0, 3),
)
def test_nothing_is_leaked_between_the_sides_of_a_split(
    tmp_path: Path, seed: int, count: int, templates: int, things: int, forms: int
) -> None:
    """Whichever two sides, whichever way round; or so few groups are there that it cannot be parted."""
    path = tmp_path / "data.jsonl"
    path.write_bytes(b"\n".join(templated(random.Random(seed), count, templates, things, forms)) + b"\n")
    try:
        split_dataset(path, tmp_path / "sides", (0.8, 0.1, 0.1), seed=seed, force=True)
    except WorkbenchError as error:
        assert error.code == "too_few_groups"
        return
    for one, other in combinations(("train", "validation", "test"), 2):
        with (
            open_rows(tmp_path / "sides" / f"{one}.jsonl") as rows,
            open_rows(tmp_path / "sides" / f"{other}.jsonl") as others,
        ):
            assert leaked(rows, others) == leaked(others, rows) == ()


def test_what_a_first_split_has_parted_is_put_together(monkeypatch: pytest.MonkeyPatch) -> None:
    """From groups that keep nothing together to a split without leaks, by trying it."""
    raws = templated(random.Random(4), 120, 3, 4, 0)
    monkeypatch.setattr(settle, "groups", lambda rows, **_: np.arange(len(rows), dtype=np.int32))

    def made(numbers: np.ndarray) -> Split:
        return split([digest_raw(raw) for raw in raws], (0.8, 0.2), 0, numbers.tolist())

    numbers = settled(raws, lambda numbers: made(numbers).sides())
    train, validation = made(numbers).sides()
    assert len(set(numbers.tolist())) < 120
    assert not any(
        match.sure for match in settle.parted([raws[row] for row in validation], [raws[row] for row in train])
    )


def test_a_split_that_is_refused_at_once_is_refused() -> None:
    """Three copies cannot be on three sides; the sentence is the split's."""
    raws = templated(random.Random(1), 1, 1, 1, 0) * 3
    keys = [str(number) for number in range(3)]
    with pytest.raises(WorkbenchError, match="needs a group of records for each of 3 sides, and there is one"):
        settled(raws, lambda numbers: split(keys, (0.8, 0.1, 0.1), 0, numbers.tolist()).sides())


def test_scaffolding_is_of_the_records_not_of_their_order() -> None:
    """The same for the file shuffled; a form in all is surely scaffolding, a word of one record never."""
    raws = templated(random.Random(2), 300, 4, 5, 1)
    [told] = scaffolding_of(raws, "characters")
    [again] = scaffolding_of(random.Random(0).sample(raws, len(raws)), "characters")
    assert told.told.tolist() == again.told.tolist() and len(told.told)
    assert set(told.surely.tolist()) < set(told.told.tolist()) < set(told.doubtful.tolist())
    made = scaffolding(shingles([f"the same to all {word}" for word in WORDS[:40]], "words"))
    assert (
        made.surely.tolist() == made.told.tolist() == np.unique(shingles(["the same to all"], "words").hashes).tolist()
    )


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6), st.integers(2, 12))
def test_similarity_is_jaccards(seed: int, count: int) -> None:
    """Held against sets of tuples, for every pair; without scaffolding and with some."""
    chance = random.Random(seed)
    texts = [" ".join(chance.choice("abcdefgh") for _ in range(chance.randint(3, 30))) for _ in range(count)]
    cut = [{tuple(text.split()[at : at + 3]) for at in range(len(text.split()) - 2)} for text in texts]
    left, right = np.triu_indices(count, 1)
    shared = sorted(cut[0])[:3]
    common = np.sort(shingles([" ".join(one) for one in shared], "words").hashes)
    for known, dropped in ((NO_SCAFFOLDING, set()), (Scaffolding(common, common, common), set(shared))):
        compared = Sets.of(texts, Plan("words", known)).compare(left, right)
        for place, (one, other) in enumerate(zip(left.tolist(), right.tolist(), strict=True)):
            a, b = cut[one], cut[other]
            assert compared.plain()[place] == pytest.approx(len(a & b) / len(a | b))
            if a - dropped or b - dropped:
                a, b = a - dropped, b - dropped
            assert compared.told()[place] == pytest.approx(len(a & b) / len(a | b))


def test_cuts_that_are_not_kept_are_made_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is kept, a row's shingles are its own; with room for all, each text is asked for once."""
    texts = [" ".join(WORDS[at : at + 12]) for at in range(30)]
    for room, times in ((1 << 20, 0), (15, 58)):
        monkeypatch.setattr(alike, "_KEPT", room)
        asked: list[int] = []

        def texts_of(rows: Sequence[int], asked: list[int] = asked) -> list[str]:
            asked.extend(rows)
            return [texts[row] for row in rows]

        cuts = Cuts(texts_of, Plan("words", NO_SCAFFOLDING))
        for _ in range(3):
            again = cuts.sets(range(30)).compare(np.arange(29), np.arange(1, 30))
            assert again.plain().tolist() == pytest.approx([9 / 11] * 29)
        assert asked[:30] == [*range(30)] and len(asked) == 30 + times


def test_rows_that_are_alike_meet_however_many_are_alike() -> None:
    """Six hundred questions that differ in a number: few pairs are looked at, and all come to one group."""
    words = " ".join(WORDS[:40])
    texts = [f"{words} {number}" for number in range(600)]
    keys = sign_texts(texts, Plan("characters", NO_SCAFFOLDING)).keys
    rows = np.arange(600)
    union = Union(600)
    for left, right in within(keys, rows):
        assert len(left) <= 120_000 and (left < right).all()
        union.join(left, right)
    assert not union.roots().any()
    met = np.concatenate([left for left, _ in across(keys[:3], rows[:3], keys, rows)])
    assert set(met.tolist()) == {0, 1, 2}


def test_groups_of_groups_are_one() -> None:
    """Put together in any order, also in a long chain."""
    chance = random.Random(1)
    pairs = [(row, row + 1) for row in range(500) if row != 250]
    chance.shuffle(pairs)
    union = Union(501)
    union.join(np.array([one for one, _ in pairs]), np.array([other for _, other in pairs]))
    assert union.roots().tolist() == [0] * 251 + [251] * 250
