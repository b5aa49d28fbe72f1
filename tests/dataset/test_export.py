"""Files for others: what was written can be read back with their own readers."""

from __future__ import annotations

import csv
import gzip
import json
from pathlib import Path
from typing import Any

import pyarrow.parquet
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.dataset.export import Container, autotrain_columns, container_of, export
from workbench.dataset.formats import Format, RecordError
from workbench.errors import WorkbenchError

TEXTS = [{"prompt": f"q{n}", "completion": 'a,"b"\n\u2028é'} for n in range(3)]
CHAT = {"messages": [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "hello"}]}
OTHER = {"role": "assistant", "content": "no"}


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("a.jsonl", Container.JSONL),
        ("a", Container.JSONL),
        ("a.jsonl.gz", Container.JSONL_GZ),
        ("a.jsonl.zst", Container.JSONL_ZST),
        ("a.CSV", Container.CSV),
        ("a.tsv", Container.TSV),
        ("a.parquet", Container.PARQUET),
    ],
)
def test_the_name_says_what_is_written_and_it_is_read_back(tmp_path: Path, name: str, kind: Container) -> None:
    path = tmp_path / name
    assert container_of(path) is kind
    done = export(iter(TEXTS), path, Format.PROMPT_COMPLETION)
    assert (done.records, done.container) == (3, kind)
    assert read(path, kind) == TEXTS


def read(path: Path, kind: Container) -> list[Any]:
    """The records, by readers that are not ours."""
    data = path.read_bytes()
    if kind is Container.PARQUET:
        return list(pyarrow.parquet.read_table(path).to_pylist())
    if kind in (Container.CSV, Container.TSV):
        with path.open(newline="", encoding="utf-8") as file:
            return list(csv.DictReader(file, delimiter="," if kind is Container.CSV else "\t"))
    if kind is Container.JSONL_GZ:
        data = gzip.decompress(data)
    if kind is Container.JSONL_ZST:
        data = zstandard.ZstdDecompressor().decompressobj().decompress(data)
    return [json.loads(line) for line in data.decode().split("\n") if line]


@given(st.lists(st.dictionaries(st.text(max_size=3), st.text(max_size=5) | st.integers() | st.none(), max_size=3)))
@settings(max_examples=25, deadline=None)
def test_lines_hold_any_value(tmp_path_factory: pytest.TempPathFactory, records: list[dict[str, Any]]) -> None:
    """Half surrogate pairs, which UTF-8 cannot hold, are escaped."""
    path = tmp_path_factory.mktemp("lines") / "out.jsonl"
    broken = [*records, {"text": "\ud800"}]
    export(broken, path, Format.TEXT)
    assert [json.loads(line) for line in path.read_bytes().decode().split("\n")[:-1]] == broken


def test_text_stays_text_in_lines(tmp_path: Path) -> None:
    export(TEXTS, tmp_path / "out.jsonl", Format.PROMPT_COMPLETION)
    assert "é" in (tmp_path / "out.jsonl").read_text(encoding="utf-8")


def test_a_byte_order_mark_where_it_is_asked_for(tmp_path: Path) -> None:
    export(TEXTS, tmp_path / "out.jsonl", Format.PROMPT_COMPLETION, bom=True)
    assert (tmp_path / "out.jsonl").read_bytes().startswith(b"\xef\xbb\xbf{")
    with pytest.raises(WorkbenchError, match="has no place"):
        export(TEXTS, tmp_path / "out.parquet", Format.PROMPT_COMPLETION, bom=True)


@pytest.mark.parametrize("name", ["a.csv", "a.parquet"])
@pytest.mark.parametrize(
    ("records", "why"),
    [
        ([TEXTS[0], TEXTS[0] | {"new": 1}], "record 2: .*new"),
        ([TEXTS[0], TEXTS[0] | {"completion": {"a": 1}}], "record 2: .*completion: is an object"),
    ],
)
def test_what_a_table_cannot_hold_names_the_record_and_nothing_is_written(
    tmp_path: Path, name: str, records: list[Any], why: str
) -> None:
    with pytest.raises(WorkbenchError, match=why):
        export(records, tmp_path / name, Format.PROMPT_COMPLETION)
    assert list(tmp_path.iterdir()) == []


def test_conversations_fit_parquet_but_not_csv(tmp_path: Path) -> None:
    export([CHAT], tmp_path / "a.parquet", Format.CHAT)
    assert read(tmp_path / "a.parquet", Container.PARQUET) == [CHAT]
    with pytest.raises(WorkbenchError, match="messages: is a list of messages"):
        export([CHAT], tmp_path / "a.csv", Format.CHAT)


def test_a_column_that_is_null_at_first_may_be_text_later_and_types_may_not_mix(tmp_path: Path) -> None:
    """Over the border of a batch, where the type was chosen from what came before."""
    many = [{"text": "a", "note": None}] * 10_000
    export([*many, {"text": "a", "note": "b"}], tmp_path / "a.parquet", Format.TEXT)
    assert pyarrow.parquet.read_table(tmp_path / "a.parquet")["note"][10_000].as_py() == "b"
    with pytest.raises(WorkbenchError, match="several types"):
        export([*many, {"text": 1, "note": None}], tmp_path / "b.parquet", Format.TEXT)


def test_autotrains_columns(tmp_path: Path) -> None:
    """Its names, and conversations as it reads them: lists in JSON Lines, Python's own writing in a table."""
    answer = CHAT["messages"][1]
    assert autotrain_columns(CHAT, Format.CHAT) == {"text": CHAT["messages"]}
    assert autotrain_columns({"text": "t"}, Format.TEXT) == {"text": "t"}
    texts = {"prompt": "p", "chosen": "c", "rejected": "r"}
    assert autotrain_columns(texts, Format.TRL_PREFERENCE) == {"prompt": "p", "text": "c", "rejected_text": "r"}
    pair = {"prompt": CHAT["messages"][:1], "chosen": [answer], "rejected": [OTHER]}
    made = autotrain_columns(pair, Format.TRL_PREFERENCE)
    assert (made["text"], made["rejected_text"]) == (CHAT["messages"], [CHAT["messages"][0], OTHER])
    export([CHAT], tmp_path / "a.csv", Format.CHAT, autotrain=True)
    (row,) = read(tmp_path / "a.csv", Container.CSV)
    assert row == {"text": repr(CHAT["messages"])}


@pytest.mark.parametrize(
    ("value", "fmt", "why"),
    [
        (CHAT | {"tools": [{"name": "f"}]}, Format.CHAT, "tools"),
        ({"messages": [CHAT["messages"][0], OTHER | {"weight": 0}]}, Format.CHAT, "weight"),
        (
            {"prompt": [CHAT["messages"][0]], "chosen": [OTHER] * 2, "rejected": [OTHER]},
            Format.TRL_PREFERENCE,
            "2 messages",
        ),
    ],
)
def test_what_autotrain_would_not_read_is_refused(value: Any, fmt: Format, why: str, tmp_path: Path) -> None:
    with pytest.raises(RecordError, match=why):
        autotrain_columns(value, fmt)
    with pytest.raises(WorkbenchError, match=r"record 1: .*; write it without AutoTrain's columns"):
        export([value], tmp_path / "a.jsonl", fmt, autotrain=True)
