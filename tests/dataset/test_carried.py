"""The analysis after a save: what is known of untouched rows is kept, and nothing differs from looking at all."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.benchmarks.make_records import write
from tests.dataset.test_analysis import same
from workbench.dataset.analysis import AnalysisCancelled, Before, Chunk, Spec, analyse
from workbench.dataset.analysis.pool import Pool
from workbench.dataset.analysis.stored import load_grounds
from workbench.dataset.analysis.tallied import dump_tally, read_tally
from workbench.dataset.analysis.wire import Done, Task
from workbench.dataset.counting import counting_of
from workbench.dataset.formats import Format
from workbench.dataset.rows import Document, open_document
from workbench.dataset.rules.facts import Tally
from workbench.dataset.tokens import COOKBOOK_ENCODING, encoding_counter

CHAT = Spec(Format.CHAT)


@pytest.fixture
def looked_at(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many rows the workers got, run by run."""
    counts: list[int] = []
    run = Pool.run

    def counting(self: Pool, tasks: Iterator[Task], cancelled: Callable[[], bool] | None = None) -> Iterator[Done]:
        counts.append(0)
        for done in run(self, tasks, cancelled):
            counts[-1] += len(done.part.columns)
            yield done

    monkeypatch.setattr(Pool, "run", counting)
    return counts


def changed(document: Document, chance: random.Random, others: list[bytes], edits: int) -> None:
    """Some edits of all kinds."""
    for _ in range(edits):
        position = chance.randrange(len(document))
        row = document.id_at(position)
        kind = chance.choice(["replace", "replace", "insert", "copy", "delete", "move"])
        if kind == "replace":
            document.replace({row: chance.choice(others)}, title="")
        elif kind == "insert":
            document.insert(position, [chance.choice(others)], title="")
        elif kind == "copy":
            document.insert(position, [document.raw(row)], title="")
        elif kind == "delete":
            document.delete([row], title="")
        else:
            document.move([row], chance.randrange(len(document)), title="")


def counted(cache: Path, document: Document, spec: Spec) -> list[object]:
    """The grounds that are kept of a file, in order; without the marks of short answers, which only grow."""
    grounds = load_grounds(cache, document.rows, spec)
    assert grounds is not None
    tally = grounds.tally
    plain = replace(tally, label_marks=bytearray(), labels_gone=0)
    return [plain, list(plain.systems), list(plain.grader_keys), grounds.digests.tolist()]


def check(path: Path, cache: Path, spec: Spec, edit: Callable[[Document], object], *, times: int = 1) -> None:
    """Analyse, edit, save, and compare what is carried with an analysis of all; again from there."""
    with open_document(path, cache / "journals") as document:
        document.index_rest()
        analyse(document.rows, spec, workers=1, cache=cache)
        for _ in range(times):
            edit(document)
            saved = document.save()
            chunks: list[Chunk] = []
            carried = analyse(
                document.rows,
                spec,
                workers=1,
                cache=cache,
                before=Before.of(saved),
                on_chunk=chunks.append,
            )
            same(carried, analyse(path, spec, workers=0, cache=cache / "other"))
            assert counted(cache, document, spec) == counted(cache / "other", document, spec)
            assert chunks[-1].first_row + len(chunks[-1].columns) == len(document)


@pytest.fixture
def made(tmp_path: Path) -> Path:
    """Chat records with mistakes, secrets and copies; blank lines between some, CRLF behind some."""
    path = tmp_path / "chats.jsonl"
    write(path, 600, 5, broken=0.1, duplicates=0.1, near=0.02, secrets=0.02)
    chance = random.Random(3)
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(
        b"\n" + b"".join(chance.choice([line] * 8 + [line + b"\n", line[:-1] + b"\r\n"]) for line in lines)
    )
    return path


@pytest.mark.parametrize("seed", range(3))
def test_what_is_carried_is_what_looking_at_all_finds(
    made: Path, tmp_path: Path, seed: int, looked_at: list[int]
) -> None:
    """Three saves, each from the one before; rows that were not written are not looked at."""
    chance = random.Random(seed)
    others = [line for line in made.read_bytes().splitlines() if line.strip()][:200]
    counting = counting_of(encoding_counter(COOKBOOK_ENCODING, tmp_path / "cache"))
    spec = Spec(Format.CHAT, counting=counting, scan=True)
    assert counting is not None
    check(made, tmp_path / "cache", spec, lambda document: changed(document, chance, others, 30), times=3)
    rows, *carried = looked_at
    assert rows > 500 and len(carried) == 3 and all(0 < count <= 60 for count in carried)


def test_nothing_is_looked_at_where_rows_only_went_elsewhere_or_nowhere(
    made: Path, tmp_path: Path, looked_at: list[int]
) -> None:
    """Sorted; and saved with nothing changed but undone."""

    def shuffle(document: Document) -> None:
        ids = document.ids()
        np.random.default_rng(1).shuffle(ids)
        document.reorder(ids, title="")

    check(made, tmp_path / "cache", CHAT, shuffle)
    assert len(looked_at) == 1
    check(made, tmp_path / "cache", CHAT, lambda document: (document.delete([0], title=""), document.undo()))
    assert len(looked_at) == 1


def answers(path: Path, texts: list[str], system: Callable[[int], str | None] = lambda number: "s") -> Path:
    """A file of records with these answers."""
    with path.open("w") as file:
        for number, text in enumerate(texts):
            prompt = system(number)
            messages = [] if prompt is None else [{"role": "system", "content": prompt}]
            messages += [{"role": "user", "content": f"q{number}"}, {"role": "assistant", "content": text}]
            file.write(json.dumps({"messages": messages}) + "\n")
    return path


def test_labels_are_counted_again(tmp_path: Path, looked_at: list[int]) -> None:
    """The one that becomes rare is told, and the one that goes is not there any more."""
    path = answers(tmp_path / "labels.jsonl", ["a", "b"] * 100 + ["c"] * 30)
    check(path, tmp_path / "cache", CHAT, lambda document: document.delete(range(1, 190, 2), title=""))
    with open_document(path, tmp_path / "cache" / "journals") as document:
        document.index_rest()
        found = analyse(document.rows, CHAT, workers=1, cache=tmp_path / "cache").findings.counts()
    assert found["B001"] == 1 and len(looked_at) == 2


def test_where_too_many_short_answers_went_all_are_looked_at(tmp_path: Path, looked_at: list[int]) -> None:
    """Of more than a thousand different ones two are left, which are labels then."""
    path = answers(tmp_path / "many.jsonl", [f"answer {number}" for number in range(1600)] + ["yes", "no"] * 700)
    check(path, tmp_path / "cache", CHAT, lambda document: document.delete(range(0, 400), title=""))
    assert looked_at[1:] == [400], "more than a thousand are certain still"
    check(path, tmp_path / "cache", CHAT, lambda document: document.delete(range(0, 1199), title=""))
    assert looked_at[-1] == 1401


def test_system_prompts_are_told_from_each_other_again(tmp_path: Path) -> None:
    """Another one has the majority after the save; records that had one have none, and the other way round."""

    def system(number: int) -> str | None:
        return None if number % 11 == 0 else "one" if number % 5 < 3 else f"two{number % 2}"

    path = answers(tmp_path / "systems.jsonl", ["x" * 70] * 300, system)
    lines = path.read_bytes().splitlines()

    def edit(document: Document) -> None:
        document.delete([row for row in range(len(lines)) if row % 5 < 2], title="")
        document.replace({2: lines[0], 12: lines[3]}, title="")
        document.move([3, 4], 50, title="")

    check(path, tmp_path / "cache", CHAT, edit)


def test_records_for_a_grader_are_carried(tmp_path: Path) -> None:
    """Their keys are compared over the whole file."""
    path = tmp_path / "graded.jsonl"
    records: list[dict[str, Any]] = [
        {
            "messages": [{"role": "user", "content": f"q{number}"}],
            "reference": "r",
            **({"extra": 1} if number % 9 else {}),
        }
        for number in range(90)
    ]
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    check(path, tmp_path / "cache", CHAT, lambda document: document.delete(range(0, 40), title=""))


@pytest.mark.parametrize("damage", ["grounds", "analysis", "both"])
def test_without_what_was_kept_all_are_looked_at(made: Path, tmp_path: Path, damage: str, looked_at: list[int]) -> None:
    """A cache that was emptied or broken costs time, never a wrong result."""

    def edit(document: Document) -> None:
        document.delete([0], title="")
        for kept in (tmp_path / "cache" / "analyses").glob("*.bin"):
            is_grounds = kept.name.endswith("-grounds.bin")
            if damage == "both" or is_grounds == (damage == "grounds"):
                kept.write_bytes(kept.read_bytes()[:-1])

    check(made, tmp_path / "cache", CHAT, edit)
    assert len(looked_at) == 2 and looked_at[1] == looked_at[0] - 1


def test_most_of_a_file_or_an_array_is_looked_at_as_a_whole(tmp_path: Path, looked_at: list[int]) -> None:
    """It is as quick."""
    path = answers(tmp_path / "most.jsonl", ["x"] * 100)
    check(path, tmp_path / "cache", CHAT, lambda document: document.delete(range(0, 60), title=""))
    assert looked_at == [100, 40]
    array = tmp_path / "array.json"
    array.write_bytes(b"[" + b",\n".join(path.read_bytes().splitlines()) + b"]")
    check(array, tmp_path / "cache", CHAT, lambda document: document.delete([0], title=""))
    assert looked_at[2:] == [40, 39]


def test_what_was_saved_once_more_is_looked_at_as_a_whole(made: Path, tmp_path: Path, looked_at: list[int]) -> None:
    """The rows of the first save are not those of the second; and a save to another file leaves nothing behind."""
    with open_document(made, tmp_path / "journals") as document:
        document.index_rest()
        analyse(document.rows, CHAT, workers=1, cache=tmp_path)
        document.move([0], 9, title="")
        first = document.save()
        document.move([0], 5, title="")
        document.save()
        twice = analyse(document.rows, CHAT, workers=1, cache=tmp_path, before=Before.of(first))
        same(twice, analyse(made, CHAT, workers=0))
        assert looked_at == [len(document)] * 2
        assert Before.of(document.save(tmp_path / "copy.jsonl")) is None


def test_carrying_can_be_cancelled(made: Path, tmp_path: Path) -> None:
    """As any analysis."""
    with open_document(made, tmp_path / "journals") as document:
        document.index_rest()
        analyse(document.rows, CHAT, workers=1, cache=tmp_path)
        document.insert(0, [document.raw(5)], title="")
        saved = document.save()
        before = Before.of(saved)
        with pytest.raises(AnalysisCancelled):
            analyse(document.rows, CHAT, workers=1, cache=tmp_path, before=before, cancelled=lambda: True)


def test_a_tally_is_kept_as_it_is() -> None:
    """Every field, through bytes and back; lone surrogates too."""
    tally = Tally(records=9, images=2)
    tally.count_system("one \ud800", 3)
    tally.count_system("two", 4)
    tally.count_system("two", 7)
    tally.count_system(None, 5)
    tally.grader_keys = {"a\0b": [8, 9], "c": [10]}
    tally.count_answer("yes")
    assert read_tally(*dump_tally(tally)) == tally
    for number in range(1500):
        tally.count_answer(f"answer {number}")
    again = read_tally(*dump_tally(tally))
    assert again == tally and 1400 < again.labels_at_least <= 1501 and not again.labels
    described, lines = dump_tally(tally)
    with pytest.raises(ValueError, match="lines"):
        read_tally(described, lines[:-1])
