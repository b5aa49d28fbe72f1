"""Import: what is previewed is what is written, whole or not at all, every row accounted for."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from workbench.dataset.rows import open_rows
from workbench.dataset.sources import parse_mapping
from workbench.errors import WorkbenchError
from workbench.workflow.importing import import_dataset, preview_import

MAPPING = parse_mapping(
    '[[messages]]\nrole = "user"\ntext = "{question}"\n[[messages]]\nrole = "assistant"\ntext = "{answer}"\n'
)


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "table.csv"
    lines = [f"why {number},so {number}" for number in range(50)]
    lines[7] = "why 7,"
    path.write_text("question,answer\n" + "\n".join(lines) + "\n")
    return path


def test_a_preview_shows_the_columns_the_template_and_the_first_records(table: Path) -> None:
    preview = preview_import(table, None, 10)
    assert [column.name for column in preview.columns] == ["question", "answer"]
    assert preview.mapping == MAPPING
    assert "'question', 'answer'" in preview.reason
    assert len(preview.records) == 10
    assert preview.records[0].value["messages"][1] == {"role": "assistant", "content": "so 0"}
    assert [one.line for one in preview.unplaced] == [9]
    assert not preview.partial
    assert preview_import(table, MAPPING, 3).reason == ""


def test_a_preview_without_a_template_that_fits_shows_the_columns(tmp_path: Path) -> None:
    path = tmp_path / "odd.csv"
    path.write_text("alpha,beta\na,b\n")
    preview = preview_import(path)
    assert preview.mapping is None
    assert preview.records == ()
    assert [column.examples for column in preview.columns] == [("a",), ("b",)]


def test_what_is_written_is_what_was_previewed(table: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.jsonl"
    seen: list[tuple[int, int | None]] = []
    imported = import_dataset(table, MAPPING, out, lambda done, total: seen.append((done, total)))
    assert (imported.records, imported.written) == (50, 49)
    assert [(one.number, one.line) for one in imported.unplaced] == [(8, 9)]
    assert imported.sha256 == hashlib.sha256(out.read_bytes()).hexdigest()
    written = [json.loads(line) for line in out.read_text().splitlines()]
    assert written == [one.value for one in preview_import(table, MAPPING, 100).records]
    assert seen[-1] == (table.stat().st_size, table.stat().st_size)
    with open_rows(out) as rows:
        assert len(rows) == 49


def test_grouped_rows_are_previewed_from_the_first_rows_and_imported_whole(tmp_path: Path) -> None:
    path = tmp_path / "chats.csv"
    pairs = zip(range(3000), reversed(range(3000)), strict=True)  # question and answer are far apart
    rows = [row for asked, said in pairs for row in (f"{asked},1,customer,{asked}?", f"{said},2,agent,{said}!")]
    path.write_text("ticket_id,turn,author,body\n" + "\n".join(rows) + "\n")
    preview = preview_import(path)
    assert preview.mapping is not None
    assert preview.partial
    imported = import_dataset(path, preview.mapping, tmp_path / "out.jsonl")
    assert (imported.records, imported.written, imported.unplaced) == (6000, 3000, ())


def test_nothing_is_written_where_no_row_becomes_a_record(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text("question,answer\nwhy,\nhow,\n")
    out = tmp_path / "out.jsonl"
    out.write_text("as it was\n")
    imported = import_dataset(path, MAPPING, out)
    assert (imported.records, imported.written, imported.sha256) == (2, 0, None)
    assert len(imported.unplaced) == 2
    assert out.read_text() == "as it was\n"


def test_a_source_that_breaks_off_leaves_the_old_file(tmp_path: Path) -> None:
    """A damaged file is told as a whole: its first half alone would be a silent loss."""
    import gzip
    import random

    noise = random.Random(1)
    lines = "".join(f"why {noise.random()},so {noise.random()}\n" for _ in range(200_000))
    path = tmp_path / "table.csv.gz"
    path.write_bytes(gzip.compress(b"question,answer\n" + lines.encode(), 1)[:-2000])
    out = tmp_path / "out.jsonl"
    out.write_text("as it was\n")
    with pytest.raises(WorkbenchError, match="cut off"):
        import_dataset(path, MAPPING, out)
    assert out.read_text() == "as it was\n"
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["out.jsonl", "table.csv.gz"]


def test_the_source_is_never_written_over(table: Path, tmp_path: Path) -> None:
    link = tmp_path / "link.jsonl"
    link.symlink_to(table)
    with pytest.raises(WorkbenchError, match="is the source itself"):
        import_dataset(table, MAPPING, link)


def test_half_a_surrogate_pair_is_written_as_json_spells_it(tmp_path: Path) -> None:
    path = tmp_path / "table.jsonl"
    path.write_text('{"question": "\\ud83d", "answer": "ü"}\n')
    out = tmp_path / "out.jsonl"
    assert import_dataset(path, MAPPING, out).written == 1
    assert json.loads(out.read_bytes())["messages"][0]["content"] == "\ud83d"
