"""Items: what is asked, what is expected, and what is refused."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from workbench.errors import WorkbenchError
from workbench.evaluate.task import TaskError, content_hash, item_of, load_items

USER, ASSISTANT = {"role": "user", "content": "sky?"}, {"role": "assistant", "content": "blue"}


def test_the_reference_is_the_last_assistant_message(write: Callable[..., str]) -> None:
    item = load_items(write("t.jsonl", [("sky?", "blue"), ("grass?", "green")]))[1]
    assert (item.index, item.reference, item.question) == (1, "green", "grass?")
    assert [message["role"] for message in item.messages] == ["system", "user"]


def test_earlier_turns_are_part_of_the_prompt() -> None:
    item = item_of(
        [USER, ASSISTANT, {"role": "user", "content": "and at night?"}, {"role": "assistant", "content": "black"}], 0
    )
    assert item.reference == "black"
    assert [message["content"] for message in item.messages] == ["sky?", "blue", "and at night?"]


def test_the_tasks_system_prompt_takes_the_place_of_the_records_own(write: Callable[..., str]) -> None:
    path = write("t.jsonl", [("sky?", "blue")])
    assert load_items(path, "Be brief.")[0].messages[0] == {"role": "system", "content": "Be brief."}
    assert [message["role"] for message in load_items(path, "")[0].messages] == ["user"]
    assert load_items(path)[0].sha256 != load_items(path, "Be brief.")[0].sha256


def test_other_formats_are_read_too(tmp_path: Path) -> None:
    path = tmp_path / "p.jsonl"
    path.write_text(json.dumps({"prompt": "sky?", "completion": "blue"}) + "\n")
    item = load_items(path)[0]
    assert (item.question, item.reference) == ("sky?", "blue")


def test_parts_of_a_message_are_its_text() -> None:
    parts = {"role": "user", "content": [{"type": "text", "text": "sky"}, {"type": "image_url", "image_url": {}}]}
    assert item_of([parts, ASSISTANT], 0).question == "sky"


def test_groups_come_from_the_record(write: Callable[..., str]) -> None:
    assert load_items(write("t.jsonl", [("sky?", "blue")], group=7))[0].group == "7"
    assert load_items(write("u.jsonl", [("sky?", "blue")], metadata={"group": "doc"}))[0].group == "doc"
    assert load_items(write("v.jsonl", [("sky?", "blue")]))[0].group is None


@pytest.mark.parametrize(
    ("messages", "why"),
    [
        ([USER], "no assistant message"),
        ([USER, {"role": "assistant", "content": " "}], "has no text"),
        ([{"role": "system", "content": "x"}, ASSISTANT], "nothing is asked"),
        ([ASSISTANT], "nothing is asked"),
    ],
)
def test_a_record_that_asks_or_answers_nothing_is_refused(messages: list, why: str) -> None:
    with pytest.raises(TaskError, match=why):
        item_of(messages, 0)


def test_a_broken_line_is_named(write: Callable[..., str]) -> None:
    path = Path(write("t.jsonl", [(f"q{n}", "blue") for n in range(9)]))
    lines = path.read_text().splitlines()
    lines[6] = lines[6][:-3]
    path.write_text("\n".join(lines))
    with pytest.raises(TaskError, match="line 7"):
        load_items(path)
    assert len(load_items(path, limit=6)) == 6


def test_no_file_and_no_records_are_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(WorkbenchError):
        load_items(tmp_path / "none.jsonl")
    with pytest.raises(TaskError, match="no such file"):
        content_hash(tmp_path / "none.jsonl")
    (tmp_path / "empty.jsonl").write_text("")
    with pytest.raises(WorkbenchError):
        load_items(tmp_path / "empty.jsonl")


def test_the_content_hash_is_that_of_the_bytes(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"abc")
    assert content_hash(tmp_path / "a") == hashlib.sha256(b"abc").hexdigest()
