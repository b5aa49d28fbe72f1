"""What is known about the rows of an open file: right, and small."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from workbench.dataset.analysis import Analysis, Chunk, Spec, analyse
from workbench.dataset.formats import Format
from workbench.dataset.rows import open_rows
from workbench.screens.datasets.facts import GrowingFacts, facts_of_analysis

COLUMNS = ("turns", "roles", "tokens", "severity", "flags", "size")


def write(path: Path, count: int) -> Path:
    """Records of all sizes; some of them have mistakes, some are there twice."""
    chats = (
        {
            "messages": [{"role": "user", "content": "x" * (number * 37 % 900)}]
            + [{"role": "assistant" if number % 7 else "robot", "content": "y"}] * (1 + number % 5 * 80)
        }
        for number in [*range(count), 3, 4]
    )
    path.write_text("".join(json.dumps(chat) + "\n" for chat in chats))
    return path


def analysed(path: Path, chunks: list[Chunk] | None = None) -> Analysis:
    with open_rows(path) as rows:
        return analyse(
            rows,
            Spec(Format.CHAT),
            workers=0,
            part_bytes=50_000,
            on_chunk=None if chunks is None else chunks.append,
        )


def test_facts_say_what_the_analysis_found(tmp_path: Path) -> None:
    """Every column, which is the analysis's own, and the findings of every row."""
    analysis = analysed(write(tmp_path / "data.jsonl", 300))
    facts = facts_of_analysis(analysis)
    for name in COLUMNS:
        assert getattr(facts.known, name) is getattr(analysis.columns, name), name
    assert facts.known.seen.all() and len(facts.known.seen) == 302
    assert facts.known.seen.strides == (0,)
    assert facts.found().tolist() == [len(facts.findings_of(row)) for row in range(302)]
    assert facts.of(7).findings and not facts.of(5).findings


def test_facts_grow_with_the_analysis_and_are_its_columns(tmp_path: Path) -> None:
    """Nothing is copied; a row is seen once all of it is there, and its findings with it."""
    chunks: list[Chunk] = []
    analysis = analysed(write(tmp_path / "data.jsonl", 300), chunks)
    growing = GrowingFacts()
    assert growing.facts is None and len(chunks) > 3
    for chunk in chunks:
        growing.take(chunk)
        known = growing.facts.known
        last = chunk.first_row + len(chunk.columns)
        assert known.seen[:last].all() and not known.seen[last:].any()
        assert growing.facts.sees(range(last)) and not growing.facts.sees([last])
        assert growing.facts.of(last - 1).turns == analysis.columns.turns[last - 1]
    assert all(np.shares_memory(getattr(known, name), getattr(analysis.columns, name)) for name in COLUMNS)
    assert [finding.code for finding in growing.facts.of(7).findings] == [
        finding.code for finding in analysis.findings.of(7)
    ]


def test_a_file_whose_length_is_not_known_has_its_facts_at_the_end(tmp_path: Path) -> None:
    """Its chunks come without the columns of the whole file."""
    chunks: list[Chunk] = []
    path = write(tmp_path / "data.jsonl", 1500)
    analysis = analyse(path, Spec(Format.CHAT), workers=0, part_bytes=200_000, on_chunk=chunks.append)
    growing = GrowingFacts()
    for chunk in chunks:
        growing.take(chunk)
    assert len(chunks) > 3 and growing.facts is None
    assert len(analysis.columns) == 1502
