"""Opening sources: content decides what a file is, and bad input is one sentence."""

from __future__ import annotations

import gzip
import json
import os
import random
from pathlib import Path

import pyarrow as pa
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow import ipc, parquet

from workbench.dataset.rows import open_rows
from workbench.dataset.sources import Source, SourceOptions, open_source
from workbench.errors import WorkbenchError

ROWS = [{"id": 1, "text": "Grüße"}, {"id": 2, "text": "zwei"}, {"id": 3, "text": None}]
LINES = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in ROWS).encode()


def values(source: Source) -> list[dict[str, object]]:
    return [dict(row.values) for row in source.rows()]


def packed(data: bytes, packing: str) -> bytes:
    return {"": lambda: data, ".gz": lambda: gzip.compress(data), ".zst": lambda: zstandard.compress(data)}[packing]()


def _named(value: object) -> str:
    """Test ids without the bytes: packed ones hold the time, and workers have to agree on the names."""
    return "" if isinstance(value, bytes) else str(value)


@pytest.mark.parametrize("packing", ["", ".gz", ".zst"])
@pytest.mark.parametrize(
    ("name", "data", "kind"),
    [
        ("rows.jsonl", LINES, "jsonl"),
        ("rows.json", json.dumps(ROWS, indent=1).encode(), "json"),
        ("rows.json", json.dumps(ROWS).encode(), "json"),
        ("rows.json", json.dumps({"version": "1.0", "data": ROWS}, indent=2).encode(), "json"),
        ("rows.json", json.dumps({"version": "1.0", "data": ROWS}).encode(), "json"),
        ("rows.jsonl", LINES.decode().encode("utf-16"), "jsonl"),
        ("rows.jsonl", b"\xef\xbb\xbf" + LINES.replace(b"\n", b"\r\n\r\n"), "jsonl"),
        ("misnamed.txt", LINES, "jsonl"),
    ],
)
def test_json_in_all_its_clothes_gives_the_same_rows(
    tmp_path: Path, name: str, data: bytes, kind: str, packing: str
) -> None:
    path = tmp_path / (name + packing)
    path.write_bytes(packed(data, packing))
    source = open_source(path)
    assert source.kind == kind
    assert values(source) == ROWS == values(source)  # each reading begins anew
    assert [column.name for column in source.columns] == ["id", "text"]
    assert [column.type for column in source.columns] == ["number", "text"]


def test_a_csv_may_be_packed_too(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv.gz"
    path.write_bytes(gzip.compress(b"id,text\n1,a\n"))
    assert values(open_source(str(path))) == [{"id": "1", "text": "a"}]


def test_frames_and_members_one_after_another_are_one_file(tmp_path: Path) -> None:
    """As `cat a.zst b.zst` makes them."""
    for packing in (".gz", ".zst"):
        path = tmp_path / f"rows.jsonl{packing}"
        path.write_bytes(packed(LINES, packing) + packed(LINES, packing))
        assert len(values(open_source(path))) == 2 * len(ROWS)


@pytest.mark.parametrize("group", [2, 1000])
def test_parquet_is_read_by_row_groups(tmp_path: Path, group: int) -> None:
    path = tmp_path / "rows.parquet"
    parquet.write_table(pa.Table.from_pylist(ROWS), path, row_group_size=group)
    source = open_source(path)
    assert source.kind == "parquet"
    assert source.count == 3
    assert values(source) == ROWS
    assert [column.type for column in source.columns] == ["int64", "string"]
    assert [row.number for row in source.rows()] == [1, 2, 3]


@pytest.mark.parametrize("stream", [True, False])
def test_arrow_files_and_streams(tmp_path: Path, stream: bool) -> None:
    path = tmp_path / "rows.arrow"
    table = pa.Table.from_pylist(ROWS)
    with path.open("wb") as file, (ipc.new_stream if stream else ipc.new_file)(file, table.schema) as writer:
        writer.write_table(table, max_chunksize=2)
    source = open_source(path)
    assert source.kind == "arrow"
    assert source.count == (None if stream else 3)
    assert values(source) == ROWS


def test_content_decides_not_the_name(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    parquet.write_table(pa.Table.from_pylist(ROWS), path)
    assert open_source(path).kind == "parquet"


def test_a_saved_dataset_is_opened_by_its_folder(tmp_path: Path) -> None:
    """One with splits takes `train`, says so, and takes another when told."""
    import datasets

    train = datasets.Dataset.from_list(ROWS)
    datasets.DatasetDict({"train": train, "test": train.select([1])}).save_to_disk(tmp_path / "both")
    train.select([2, 0]).save_to_disk(tmp_path / "one")
    both = open_source(tmp_path / "both")
    assert values(both) == ROWS
    assert both.count == 3
    assert any("train" in fact.value and "test" in fact.why for fact in both.described)
    assert values(open_source(tmp_path / "both", SourceOptions(split="test"))) == [ROWS[1]]
    assert values(open_source(f"hf:{tmp_path / 'both'}::test")) == [ROWS[1]]
    assert values(open_source(tmp_path / "one")) == [ROWS[2], ROWS[0]]  # chosen and ordered by its indices
    with pytest.raises(WorkbenchError, match=r"no split 'dev'.*train, test"):
        open_source(tmp_path / "both", SourceOptions(split="dev"))
    with pytest.raises(WorkbenchError, match="without splits"):
        open_source(tmp_path / "one", SourceOptions(split="dev"))


def test_a_dataset_by_name_is_streamed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The library takes a folder of files by the way it takes a name of the hub."""
    import datasets

    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    folder = tmp_path / "set"
    folder.mkdir()
    (folder / "train.jsonl").write_bytes(LINES)
    (folder / "test.jsonl").write_bytes(LINES)
    source = open_source(f"hf:{folder}::test")
    assert source.kind == "dataset"
    assert values(source) == ROWS


def test_without_a_network_the_hub_is_one_sentence(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import datasets

    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(WorkbenchError) as caught:
        open_source("hf:nobody/nothing-of-this-name")
    assert caught.value.code == "offline"
    assert "HF_HUB_OFFLINE is set" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_hub_that_does_not_answer_is_told_soon(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The library alone would try for most of a minute."""
    import datasets
    from huggingface_hub import constants

    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path)
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    for name in (
        "HF_HUB_OFFLINE",
        "HF_DATASETS_OFFLINE",
        "http_proxy",
        "https_proxy",
        "HTTP_PROXY",
        "HTTPS_PROXY",
        "all_proxy",
        "ALL_PROXY",
    ):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(WorkbenchError, match="the hub does not answer"):
        open_source("hf:nobody/nothing-of-this-name")
    assert constants.HF_HUB_OFFLINE is False


@pytest.mark.parametrize("spec", ["hf:", "hf:a/b:c:d:e"])
def test_a_name_of_the_hub_that_is_none(spec: str) -> None:
    with pytest.raises(WorkbenchError, match="hf:ORG/NAME"):
        open_source(spec)


def test_a_broken_line_is_listed_and_the_others_are_read(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_bytes(b'{"a": "\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc"}\n{"a": \n\n[2]\n{"a": "\xff"}\n{"a": 5}\n')
    rows = list(open_source(path).rows())
    assert [row.line for row in rows] == [1, 2, 4, 5, 6]
    assert [bool(row.problem) for row in rows] == [False, True, True, True, False]
    assert "a list, not an object" in (rows[2].problem or "")
    assert "0xff is not UTF-8" in (rows[3].problem or "")


def test_an_array_that_is_cut_off_says_so_in_its_last_row(tmp_path: Path) -> None:
    path = tmp_path / "rows.json"
    path.write_bytes(b'[{"a": 1},\n{"a": 2},\n{"a"')
    problems = [row.problem for row in open_source(path).rows()]
    assert problems[:2] == [None, None]
    assert "never closed" in (problems[-1] or "")


def test_the_key_of_the_list_can_be_said(tmp_path: Path) -> None:
    path = tmp_path / "rows.json"
    path.write_text(json.dumps({"train": ROWS, "test": ROWS[:1]}, indent=1))
    with pytest.raises(WorkbenchError, match=r"one JSON object.*`train`, `test`.*records"):
        open_source(path)
    assert values(open_source(path, SourceOptions(records="test"))) == ROWS[:1]
    with pytest.raises(WorkbenchError, match="no list of records under `dev`"):
        open_source(path, SourceOptions(records="dev"))


def test_a_conversation_on_one_line_is_a_record_and_no_wrapper(tmp_path: Path) -> None:
    path = tmp_path / "one.jsonl"
    path.write_text(json.dumps({"id": 7, "messages": [{"role": "user", "content": "hi"}]}))
    source = open_source(path)
    assert source.kind == "jsonl"
    assert values(source)[0]["id"] == 7


@pytest.mark.parametrize(
    ("name", "data", "words"),
    [
        ("empty.csv", b"", "is empty"),
        ("blank.csv", b"\n \n", "is empty"),
        ("header.csv", b"a,b\n", "no rows"),
        ("blank.jsonl.gz", gzip.compress(b""), "is empty"),
        ("noise.bin", bytes(range(256)) * 40, "binary"),
        ("noise.csv", random.Random(4).randbytes(1000) + bytes(100), "binary"),
        ("book.xlsx", b"PK\x03\x04" + bytes(50), "save the sheet as CSV"),
        ("cut.gz", gzip.compress(LINES * 50)[:-9], "cut off"),
        ("damaged.gz", gzip.compress(LINES * 50)[:40] + bytes(60), "damaged|cut off"),
        ("cut.zst", zstandard.compress(LINES * 50)[:-5], "cut off"),
        ("damaged.zst", b"\x28\xb5\x2f\xfd" + b"\xff" * 60, "damaged"),
        ("cut.parquet", b"PAR1" + bytes(100), "Parquet.*cut off or damaged"),
        ("cut.arrow", b"ARROW1\0\0" + bytes(100), "Arrow.*cut off or damaged"),
        ("cut-stream.arrow", b"\xff\xff\xff\xff\x70", "Arrow.*cut off or damaged"),
        ("empty.json", b"[]", "no records"),
    ],
    ids=_named,
)
def test_what_cannot_hold_rows_is_one_sentence(tmp_path: Path, name: str, data: bytes, words: str) -> None:
    path = tmp_path / name
    path.write_bytes(data)
    with pytest.raises(WorkbenchError, match=words) as caught:
        list(open_source(path).rows())
    assert name in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_parquet_file_that_lost_its_end_is_told(tmp_path: Path) -> None:
    path = tmp_path / "rows.parquet"
    parquet.write_table(pa.Table.from_pylist(ROWS * 100), path)
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(WorkbenchError, match="cut off or damaged"):
        open_source(path)


def test_a_folder_names_the_files_it_has(tmp_path: Path) -> None:
    (tmp_path / "train.csv").write_text("a,b\n")
    with pytest.raises(WorkbenchError, match=r"directory.*train\.csv"):
        open_source(tmp_path)


def test_missing_and_special_files(tmp_path: Path) -> None:
    with pytest.raises(WorkbenchError, match="does not exist"):
        open_source(tmp_path / "nothing.csv")
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(WorkbenchError, match="not a regular file"):
        open_source(tmp_path / "pipe")


def test_a_file_that_may_not_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Root may read everything, so the system's answer is given here."""
    path = tmp_path / "rows.csv"
    path.write_text("a,b\n1,2\n")

    def refuse(*arguments: object, **more: object) -> int:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr("workbench.dataset.sources.streams.os.open", refuse)
    with pytest.raises(WorkbenchError, match="may not be read by you"):
        open_source(path)


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("a.jsonl.gz", gzip.compress(LINES)), ("a.jsonl.zst", zstandard.compress(LINES)),
        ("a.jsonl", LINES.decode().encode("utf-16")), ("a.csv", b"id,text\n1,a\n"), ("a.tsv", b"id\ttext\n1\ta\n"),
    ],
    ids=_named,
)  # fmt: skip
def test_what_the_editor_refuses_to_open_it_offers_to_import(tmp_path: Path, name: str, data: bytes) -> None:
    """And the import takes it."""
    path = tmp_path / name
    path.write_bytes(data)
    with pytest.raises(WorkbenchError, match="import it: ftwb dataset import"):
        open_rows(path)
    assert values(open_source(path))


MARKS = (b"\xff\xfe", b"\xef\xbb\xbf", b"\x1f\x8b\x08", b"\x28\xb5\x2f\xfd", b"PAR1", b"ARROW1", b"sep=;", b"\x00")
SIGNS = (b'"', b",", b";", b"\t", b"\n", b"\r\n", b"[", b"]", b"{", b'{"a": 1}', b"\\", b"a,b\n")
chunks = st.lists(st.binary(max_size=8) | st.sampled_from(MARKS + SIGNS), max_size=12)


@settings(max_examples=150)
@given(chunks.map(b"".join), st.sampled_from(["x.csv", "x.jsonl", "x.tsv", "x"]))
def test_any_bytes_are_rows_or_one_sentence(tmp_path_factory: pytest.TempPathFactory, data: bytes, name: str) -> None:
    """No other error ever comes out."""
    path = tmp_path_factory.getbasetemp() / name
    path.write_bytes(data)
    try:
        rows = list(open_source(path).rows())
    except WorkbenchError as error:
        assert "\n" not in str(error)
        return
    assert [row.number for row in rows] == list(range(1, len(rows) + 1))
