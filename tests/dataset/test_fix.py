"""Fixes: only what is safe, only where it is needed, everything else byte for byte."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.dataset.rows import open_rows
from workbench.dataset.rules import check, fix
from workbench.errors import WorkbenchError

USER = {"role": "user", "content": "hi"}


def record(**answer: Any) -> dict[str, Any]:
    return {"messages": [USER, {"role": "assistant", "content": "hello", **answer}]}


def fixed(folder: Path, data: bytes, **options: Any) -> tuple[bytes, dict[str, int], int]:
    source, out = folder / "in.jsonl", folder / "out.jsonl"
    source.write_bytes(data)
    with open_rows(source) as rows:
        result = fix(rows, out, **options)
    assert source.read_bytes() == data
    return out.read_bytes(), result.places, result.changed


def test_layout_and_records_are_fixed_and_the_rest_is_kept(tmp_path: Path) -> None:
    """The mark and blank lines go, CRLF and the missing last newline stay, odd spacing stays."""
    odd = b'{ "messages" :[{"content":"x","role":"user"},{"role":"assistant","content":"caf\\u00e9"} ]}'
    bad = json.dumps(record(weight=True, name=None)).encode()
    broken = b'{"messages": ['
    data = b"\xef\xbb\xbf\r\n" + odd + b"\r\n\r\n  \r\n" + bad + b"\r\n" + broken + b"\r\n" + odd
    out, places, changed = fixed(tmp_path, data)
    assert out == b"\r\n".join([odd, json.dumps(record(weight=1)).encode(), broken, odd])
    assert places == {"byte_order_mark": 1, "blank_line": 3, "weight_value": 1, "null_value": 1}
    assert changed == 1


def test_a_fixed_file_has_nothing_left_to_fix(tmp_path: Path) -> None:
    """And no finding that was not there before."""
    call = {"id": "c", "type": "function", "function": {"name": "f", "arguments": {"é": 1}}}
    rows = [record(weight=1.0), record(weight="0", tool_calls=None), record(tool_calls=[call]), record(name="ok")]
    data = b"\xef\xbb\xbf" + b"\n\n".join(json.dumps(row).encode() for row in rows) + b"\n"
    out, places, changed = fixed(tmp_path, data, profile="openai")
    assert changed == 3 and places["arguments_not_text"] == 1
    (tmp_path / "again.jsonl").write_bytes(out)
    with open_rows(tmp_path / "again.jsonl") as again:
        report = check(again, profile="openai")
        assert not [finding for finding in report.findings if finding.fixable]
        assert again.decode(2)["messages"][1]["tool_calls"][0]["function"]["arguments"] == '{"é": 1}'  # type: ignore[index]
    assert fixed(tmp_path, out, profile="openai") == (out, {}, 0)


def test_only_selected_rules_fix(tmp_path: Path) -> None:
    """And Azure keeps the mark that its documents ask for."""
    bad = json.dumps(record(weight=True, name=None)).encode()
    data = b"\xef\xbb\xbf" + bad + b"\n\n"
    assert fixed(tmp_path, data, select=["blank_line"])[0] == b"\xef\xbb\xbf" + bad + b"\n"
    assert fixed(tmp_path, data, ignore=["J", "M"])[0] == data.replace(b"true", b"1")
    assert fixed(tmp_path, data, profile="azure")[0].startswith(b"\xef\xbb\xbf{")


def test_an_array_file_stays_one(tmp_path: Path) -> None:
    """Elements are replaced in place, the layout around them is the person's."""
    data = b"[\n  " + json.dumps(record()).encode() + b",\n\n  " + json.dumps(record(weight=False)).encode() + b"\n]\n"
    assert fixed(tmp_path, data)[0] == data.replace(b"false", b"0")


def test_a_file_may_be_fixed_in_place(tmp_path: Path) -> None:
    """The rows that are being read stay those of the old file until the new one is whole."""
    path = tmp_path / "data.jsonl"
    path.write_bytes(json.dumps(record(weight=True)).encode() * 1 + b"\n" + json.dumps(record()).encode() + b"\n")
    path.chmod(0o640)
    with open_rows(path) as rows:
        fix(rows, path)
    assert json.loads(path.read_bytes().splitlines()[0])["messages"][1]["weight"] == 1
    assert path.stat().st_mode & 0o777 == 0o640 and list(tmp_path.iterdir()) == [path]


def test_a_place_that_cannot_be_written_is_one_sentence(tmp_path: Path) -> None:
    """Nothing half-written stays."""
    path = tmp_path / "data.jsonl"
    path.write_bytes(b"{}\n")
    with open_rows(path) as rows, pytest.raises(WorkbenchError, match="folder does not exist"):
        fix(rows, tmp_path / "no" / "out.jsonl")


lines = st.sampled_from(
    [b"", b"  ", b"{}", b"{broken", b'{"messages": [ ]}', b'{"messages":[{"role":"assistant","content":"\xc3\xa9"}]}']
)


@settings(max_examples=40)  # each one waits for the disk
@given(st.lists(lines, min_size=1).filter(lambda found: any(line.strip() for line in found)), st.booleans())
def test_without_layout_rules_a_clean_file_is_copied_byte_for_byte(
    tmp_path_factory: pytest.TempPathFactory, found: list[bytes], crlf: bool
) -> None:
    """Broken rows, blank lines and all."""
    data = (b"\r\n" if crlf else b"\n").join(found)
    folder = tmp_path_factory.mktemp("fix")
    assert fixed(folder, data, ignore=["J002"])[0] == data
    kept = fixed(folder, data)[0]
    assert [line for line in kept.split(b"\n") if line.strip()] == [line for line in data.split(b"\n") if line.strip()]
    assert not any(not line.strip() for line in kept.split(b"\n")[:-1])
