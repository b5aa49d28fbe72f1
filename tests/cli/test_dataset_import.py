"""`ftwb dataset import`: any source to records, the template kept for the next time."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from workbench.dataset.sources import read_mapping

TABLE = "question,answer\nwhy,so\nhow,\n"


def test_a_guessed_template_is_shown_and_can_be_kept(ftwb: Callable[..., object], tmp_path: Path) -> None:
    path, out, kept = tmp_path / "table.csv", tmp_path / "out.jsonl", tmp_path / "kept.toml"
    path.write_text(TABLE)
    ran = ftwb("dataset", "import", str(path), str(out))
    assert ran.code == 0
    assert "[[messages]]" in ran.err
    assert "encoding: UTF-8" in ran.err
    assert "line 3: the assistant message would be empty" in ran.out
    assert "1 records written; 1 of 2 rows found no place" in ran.out
    first = out.read_bytes()
    assert ftwb("dataset", "import", str(path), str(out), "--write-template", str(kept)).code == 0
    assert read_mapping(kept).messages[0].text == "{question}"
    assert ftwb("dataset", "import", str(path), str(out), "--template", str(kept)).code == 0
    assert out.read_bytes() == first


def test_a_template_changes_what_is_made(ftwb: Callable[..., object], tmp_path: Path) -> None:
    path, out, template = tmp_path / "table.csv", tmp_path / "out.jsonl", tmp_path / "t.toml"
    path.write_text(TABLE.replace(",", ";"))
    template.write_text('format = "text"\ntext = "{question}!"\n[source]\ndelimiter = ";"\n')
    assert ftwb("dataset", "import", str(path), str(out), "--template", str(template)).code == 0
    assert out.read_text() == '{"text": "why!"}\n{"text": "how!"}\n'


def test_json_has_the_contracts_keys(ftwb: Callable[..., object], tmp_path: Path) -> None:
    path, out = tmp_path / "table.csv", tmp_path / "out.jsonl"
    path.write_text(TABLE)
    ran = ftwb("dataset", "import", str(path), str(out), "--json")
    assert (ran.json["records"], ran.json["written"]) == (2, 1)
    assert ran.json["unplaced"] == [
        {"number": 2, "line": 3, "reason": "the assistant message would be empty: column 'answer' is empty"}
    ]


def test_nothing_written_is_a_failure(ftwb: Callable[..., object], tmp_path: Path) -> None:
    path, out = tmp_path / "table.csv", tmp_path / "out.jsonl"
    path.write_text("question,answer\nhow,\n")
    ran = ftwb("dataset", "import", str(path), str(out))
    assert ran.code == 1
    assert "nothing written" in ran.out
    assert not out.exists()


def test_columns_of_no_known_shape_ask_for_a_template(ftwb: Callable[..., object], tmp_path: Path) -> None:
    path = tmp_path / "odd.csv"
    path.write_text("alpha,beta\na,b\n")
    ran = ftwb("dataset", "import", str(path), str(tmp_path / "out.jsonl"), "--json")
    assert ran.code == 1
    assert ran.json["error"]["code"] == "no_template"
    assert "alpha, beta" in ran.err
    assert "--template" in ran.err


def test_a_faulty_template_is_told_with_its_line(ftwb: Callable[..., object], tmp_path: Path) -> None:
    path, template = tmp_path / "table.csv", tmp_path / "t.toml"
    path.write_text(TABLE)
    template.write_text('format = "text"\ntext = "{qestion}"\n')
    ran = ftwb("dataset", "import", str(path), str(tmp_path / "out.jsonl"), "--template", str(template))
    assert ran.code == 1
    assert "t.toml, line 2: there is no column 'qestion'" in ran.err
    assert "did you mean 'question'" in ran.err


def test_control_characters_of_a_cell_are_shown_and_not_obeyed(ftwb: Callable[..., object], tmp_path: Path) -> None:
    path = tmp_path / "chats.csv"
    rows = ["1,customer,hi", "1,agent,yes", "1,\x1b[2Jghost,x"]
    path.write_text("ticket_id,author,body\n" + "\n".join(rows) + "\n")
    template = tmp_path / "t.toml"
    template.write_text(
        '[roles]\ncustomer = "user"\nagent = "assistant"\n[grouping]\nconversation = "ticket_id"\nauthor = "author"\n'
        'text = "{body}"\n'
    )
    ran = ftwb("dataset", "import", str(path), str(tmp_path / "out.jsonl"), "--template", str(template))
    assert ran.code == 0
    assert "ghost" in ran.out
    assert "\x1b" not in ran.out
    assert json.loads((tmp_path / "out.jsonl").read_text())["messages"][1]["content"] == "yes"
