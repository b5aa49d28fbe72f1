"""The training records that an item is nearest to."""

from __future__ import annotations

from workbench.evaluate.neighbours import nearest
from workbench.evaluate.task import item_of


def records(*questions: str):
    """Training records that ask these."""
    return [
        item_of([{"role": "user", "content": text}, {"role": "assistant", "content": "x"}], at)
        for at, text in enumerate(questions)
    ]


def test_the_nearest_comes_first_with_the_words_it_shares() -> None:
    """The same words share all; a record without one in common is no neighbour."""
    train = records("How tall is a tree?", "What colour is the sea?", "Which colour has snow?")
    found = nearest("what COLOUR is the sea", train)
    assert [one.record.index for one in found] == [1, 2, 0]
    assert found[0].shared == 1.0
    assert 0 < found[1].shared < 0.2
    assert found[0].score > found[1].score
    assert nearest("zebra", train) == nearest("anything", []) == []
    assert len(nearest("colour is", train, k=1)) == 1
