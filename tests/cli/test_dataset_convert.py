"""`ftwb dataset convert`: there and back, what is refused and named, and what nothing may happen to."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Ran
from workbench.cli.dataset_convert import _TARGETS
from workbench.dataset.formats import TARGETS
from workbench.resources import samples_dir

Ftwb = Callable[..., Ran]
USER = {"role": "user", "content": "hi"}
ANSWER = {"role": "assistant", "content": "héllo"}
CHAT = {"messages": [USER, ANSWER]}


def write(path: Path, *records: Any) -> Path:
    path.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")
    return path


def lines(path: Path) -> list[Any]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_every_format_is_offered() -> None:
    assert set(_TARGETS) == {str(fmt) for fmt in TARGETS}


@pytest.mark.parametrize("target", ["prompt-completion", "alpaca", "sharegpt", "unpaired"])
def test_the_sample_goes_there_and_back(ftwb: Ftwb, tmp_path: Path, target: str) -> None:
    """Real records with a system prompt: nothing is lost on the way."""
    source = samples_dir() / "recipes" / "train.jsonl"
    there, back = tmp_path / "there.jsonl", tmp_path / "back.jsonl"
    ran = ftwb("dataset", "convert", str(source), str(there), "--to", target, "--json")
    assert ran.code == 0
    assert (ran.json["records"], ran.json["written"], ran.json["dropped"]) == (330, 330, [])
    assert (ran.json["format"], ran.json["to"]) == ("chat", target)
    assert ftwb("dataset", "convert", str(there), str(back), "--to", "chat").code == 0
    assert lines(back) == lines(source)


def test_what_the_target_cannot_hold_is_refused_by_name_and_nothing_is_written(ftwb: Ftwb, tmp_path: Path) -> None:
    source = write(
        tmp_path / "in.jsonl", CHAT, {"messages": [USER | {"name": "Ann"}, ANSWER], "tools": [{"name": "f"}]}
    )
    out = tmp_path / "out.jsonl"
    ran = ftwb("dataset", "convert", str(source), str(out), "--to", "alpaca")
    assert ran.code == 1 and not out.exists()
    assert ran.err.count("\n") == 1 and "`tools`" in ran.err and "`messages[].name`" in ran.err and "line 2" in ran.err
    ran = ftwb("dataset", "convert", str(source), str(out), "--to", "alpaca", "--json")
    assert ran.code == 1 and ran.json["error"]["code"] == "would_lose" and ran.json["written"] == 0
    assert {(one["line"], one["reason"].split("`")[1]) for one in ran.json["dropped"]} == {
        (2, "tools"),
        (2, "messages[0].name"),
    }
    assert sorted(tmp_path.iterdir()) == [source]


def test_lossy_leaves_it_out_and_lists_it(ftwb: Ftwb, tmp_path: Path) -> None:
    """Parts of records, records that fit nothing, and lines that cannot be read."""
    source = write(tmp_path / "in.jsonl", CHAT | {"tools": [{"name": "f"}]}, {"messages": [USER]}, {"x": 1})
    with source.open("a", encoding="utf-8") as file:
        file.write('{"messages": [\n')
    out = tmp_path / "out.jsonl"
    ran = ftwb("dataset", "convert", str(source), str(out), "--to", "alpaca", "--lossy", "--json")
    assert ran.code == 0
    assert (ran.json["records"], ran.json["written"]) == (4, 1)
    assert [(one["line"], one["whole"]) for one in ran.json["dropped"]] == [(1, False), (2, True), (3, True), (4, True)]
    assert lines(out) == [{"instruction": "hi", "input": "", "output": "héllo"}]
    assert "héllo" in out.read_text(encoding="utf-8")
    said = ftwb("dataset", "convert", str(source), str(out), "--to", "alpaca", "--lossy").out
    assert "left out: `tools`: alpaca has no tools (1 time, line 1)" in said


def test_a_file_of_mixed_formats_becomes_one(ftwb: Ftwb, tmp_path: Path) -> None:
    """Each record is read by its own format; the mixture is said with its counts and its first line."""
    source = write(tmp_path / "in.jsonl", CHAT, CHAT, {"prompt": "hi", "completion": "héllo"})
    out = tmp_path / "out.jsonl"
    ran = ftwb("dataset", "convert", str(source), str(out), "--to", "chat", "--json")
    assert ran.code == 0 and lines(out) == [CHAT] * 3
    assert "mixed with 1 prompt-completion (line 3)" in ran.json["reason"]


def test_all_records_get_one_shape(ftwb: Ftwb, tmp_path: Path) -> None:
    """A column that is text here and a list there is refused by every trainer; alone, text would do for the first."""
    system = {"role": "system", "content": "s"}
    source = write(tmp_path / "in.jsonl", CHAT, {"messages": [system, USER, ANSWER]})
    out = tmp_path / "out.jsonl"
    ran = ftwb("dataset", "convert", str(source), str(out), "--to", "prompt-completion", "--json")
    assert (ran.json["records"], ran.json["written"]) == (2, 2)
    assert [one["prompt"] for one in lines(out)] == [[USER], [system, USER]]


def test_pairs_become_unpaired_records_and_pairs_again(ftwb: Ftwb, tmp_path: Path) -> None:
    pair = {"prompt": "hi", "chosen": "yes", "rejected": "no"}
    source = write(tmp_path / "in.jsonl", pair, pair | {"prompt": "other"})
    halves, back = tmp_path / "halves.jsonl", tmp_path / "back.jsonl"
    ran = ftwb("dataset", "convert", str(source), str(halves), "--to", "unpaired", "--json")
    assert (ran.json["records"], ran.json["written"]) == (2, 4)
    assert ftwb("dataset", "convert", str(halves), str(back), "--to", "trl-preference").code == 0
    assert lines(back) == lines(source)
    write(halves, *lines(halves)[:3])
    ran = ftwb("dataset", "convert", str(halves), str(back), "--to", "trl-preference", "--lossy", "--json")
    assert (ran.json["written"], [one["line"] for one in ran.json["dropped"]]) == (1, [3])


def test_a_table_is_converted_through_a_template(ftwb: Ftwb, tmp_path: Path) -> None:
    """The one that is given, and without one what its columns suggest; rows without a place are listed by line."""
    source = tmp_path / "in.csv"
    source.write_text("frage,antwort\nhi,héllo\nwhat?,\n", encoding="utf-8")
    template = tmp_path / "t.toml"
    template.write_text(
        """[[messages]]\nrole = "user"\ntext = "{frage}"\n[[messages]]\nrole = "assistant"\ntext = "{antwort}"\n"""
    )
    out = tmp_path / "out.jsonl"
    convert = ("dataset", "convert", str(source), str(out), "--to", "alpaca", "--json")
    for options in (["--template", str(template)], []):
        ran = ftwb(*convert, *options)
        assert ran.code == 1 and [one["line"] for one in ran.json["dropped"]] == [3], ran
        ran = ftwb(*convert, *options, "--lossy")
        assert (ran.code, ran.json["records"], ran.json["written"]) == (0, 2, 1)
        assert lines(out) == [{"instruction": "hi", "input": "", "output": "héllo"}]
    source.write_text("x,y\n1,2\n", encoding="utf-8")
    ran = ftwb(*convert)
    assert ran.code == 1 and "--template" in ran.json["error"]["hint"]
    template.write_text("[[messages]\n")
    assert ftwb(*convert, "--template", str(template)).code == 1


def test_what_was_exported_is_a_source_again(ftwb: Ftwb, tmp_path: Path) -> None:
    """Packed files and tables: judged answers keep their labels, conversations their messages."""
    pair = {"prompt": "hi", "chosen": "yes", "rejected": "no"}
    source = write(tmp_path / "in.jsonl", pair)
    for name in ("a.csv", "a.tsv", "a.parquet", "a.jsonl.gz", "a.jsonl.zst"):
        there, back = tmp_path / name, tmp_path / "back.jsonl"
        assert ftwb("dataset", "convert", str(source), str(there), "--to", "unpaired").code == 0
        ran = ftwb("dataset", "convert", str(there), str(back), "--to", "trl-preference", "--json")
        assert ran.code == 0 and lines(back) == [pair], (name, ran)
    there = tmp_path / "chat.parquet"
    write(source, CHAT, CHAT)
    assert ftwb("dataset", "convert", str(source), str(there), "--to", "chat").code == 0
    assert ftwb("dataset", "convert", str(there), str(back), "--to", "chat").code == 0
    assert lines(back) == [CHAT, CHAT]


def test_a_file_is_never_converted_onto_itself(ftwb: Ftwb, tmp_path: Path) -> None:
    """Nor through a symbolic link."""
    source = write(tmp_path / "in.jsonl", CHAT)
    link = tmp_path / "link.jsonl"
    link.symlink_to(source)
    for out in (source, link):
        ran = ftwb("dataset", "convert", str(source), str(out), "--to", "sharegpt")
        assert ran.code == 2 and ran.err.count("\n") == 1 and "is the file that is read" in ran.err
    assert lines(source) == [CHAT]


def test_nothing_left_is_an_error_even_when_loss_is_allowed(ftwb: Ftwb, tmp_path: Path) -> None:
    source = write(tmp_path / "in.jsonl", CHAT)
    ran = ftwb("dataset", "convert", str(source), str(tmp_path / "out.jsonl"), "--to", "preference", "--lossy")
    assert ran.code == 1 and "a pair needs two" in ran.err
    assert not (tmp_path / "out.jsonl").exists()


def test_the_end_of_the_name_the_mark_and_the_columns_are_heeded(ftwb: Ftwb, tmp_path: Path) -> None:
    source = write(tmp_path / "in.jsonl", CHAT)
    out = tmp_path / "out.csv"
    assert ftwb("dataset", "convert", str(source), str(out), "--to", "alpaca", "--bom").code == 0
    assert out.read_text(encoding="utf-8") == "\ufeffinstruction,input,output\nhi,,héllo\n"
    out = tmp_path / "out.jsonl"
    assert ftwb("dataset", "convert", str(source), str(out), "--to", "chat", "--autotrain").code == 0
    assert lines(out) == [{"text": CHAT["messages"]}]


@pytest.mark.parametrize("content", [b"", bytes(range(256)) * 8, b'{"messages"'])
def test_unusable_sources_get_one_sentence(ftwb: Ftwb, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "in.jsonl").write_bytes(content)
    ran = ftwb("dataset", "convert", str(tmp_path / "in.jsonl"), str(tmp_path / "out.jsonl"), "--to", "chat")
    assert ran.code == 1 and ran.err.count("\n") == 1 and "in.jsonl" in ran.err
    assert not (tmp_path / "out.jsonl").exists()


def test_a_target_that_cannot_be_written_is_said(ftwb: Ftwb, tmp_path: Path) -> None:
    source = write(tmp_path / "in.jsonl", CHAT)
    for out in (tmp_path, tmp_path / "none" / "out.jsonl"):
        ran = ftwb("dataset", "convert", str(source), str(out), "--to", "sharegpt")
        assert ran.code == 1 and ran.err.count("\n") == 1
    assert ftwb("dataset", "convert", str(source), str(tmp_path / "o"), "--to", "nonsense").code == 2
