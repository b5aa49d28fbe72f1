"""From a job's records to its tokens, in a process of its own as the engine runs it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.engine.tiny import build_tiny_model
from workbench.engine.prepare import prepare

CHAT = [
    {"messages": [{"role": "user", "content": "The parcel"}, {"role": "assistant", "content": "shipping"}]},
    {"messages": [{"role": "user", "content": "Charged twice"}, {"role": "assistant", "content": "billing"}]},
]


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_tiny_model(tmp_path_factory.mktemp("base"))


@pytest.fixture
def job(tmp_path: Path, base: Path):
    """Makes a job folder out of the text of its files."""

    def make(train: str | bytes, validation: str | None = None, **settings: Any) -> Path:
        (tmp_path / "data").mkdir()
        (tmp_path / "data/train.jsonl").write_bytes(train if isinstance(train, bytes) else train.encode())
        if validation is not None:
            (tmp_path / "data/validation.jsonl").write_text(validation)
        described = {
            "base": {"id": "tiny", "path": str(base)},
            "train": "data/train.tokens.jsonl",
            "validation": "data/validation.tokens.jsonl" if validation is not None else None,
            "settings": settings,
        }
        (tmp_path / "settings.json").write_text(json.dumps(described))
        return tmp_path

    return make


def jsonl(records: list[Any]) -> str:
    return "".join(json.dumps(record) + "\n" for record in records)


def run(job_dir: Path) -> tuple[int, dict[str, Any]]:
    ended = subprocess.run(
        [sys.executable, "-m", "workbench.engine.prepare", str(job_dir)], capture_output=True, text=True, check=False
    )
    assert ended.stderr == ""
    return ended.returncode, json.loads(ended.stdout)


def rows(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text().splitlines()]


def test_a_job_is_tokenized_and_counted(job) -> None:
    folder = job(jsonl(CHAT), jsonl(CHAT[:1]))
    status, answer = run(folder)
    assert status == 0
    train = rows(folder / "data/train.tokens.jsonl")
    assert answer["train"]["records"] == len(train) == 2
    assert answer["train"]["tokens"] == sum(len(row["input_ids"]) for row in train)
    assert answer["train"]["trained_tokens"] == sum(sum(row["completion_mask"]) for row in train)
    assert answer["train"]["max"] == max(len(row["input_ids"]) for row in train)
    assert answer["validation"]["records"] == 1
    for row in train:
        assert len(row["input_ids"]) == len(row["completion_mask"])
        end = [i for i, token in enumerate(row["input_ids"]) if token == 2][-1]
        assert row["completion_mask"][end] == 1


def test_without_validation_there_is_none(job) -> None:
    assert prepare(job(jsonl(CHAT)))["validation"] is None


@pytest.mark.parametrize(
    "record",
    [
        {"prompt": "The parcel", "completion": "shipping"},
        {"instruction": "The parcel", "input": "", "output": "shipping"},
        {"conversations": [{"from": "human", "value": "The parcel"}, {"from": "gpt", "value": "shipping"}]},
    ],
)
def test_other_formats_are_the_same_conversation(job, record: dict[str, Any]) -> None:
    folder = job(jsonl([record]), jsonl(CHAT[:1]))
    prepare(folder)
    assert rows(folder / "data/train.tokens.jsonl") == rows(folder / "data/validation.tokens.jsonl")


def test_plain_text_is_trained_whole(job) -> None:
    folder = job(jsonl([{"text": "Once upon a time"}]))
    prepare(folder)
    (row,) = rows(folder / "data/train.tokens.jsonl")
    assert row["completion_mask"].count(1) == len(row["input_ids"]) - row["completion_mask"].index(1) - 1


def test_byte_order_mark_and_blank_lines_are_no_matter(job) -> None:
    folder = job(b"\xef\xbb\xbf" + jsonl(CHAT[:1]).encode() + b"\r\n\n" + jsonl(CHAT[1:]).encode())
    assert prepare(folder)["train"]["records"] == 2


def test_long_records_are_cut_and_counted_and_those_without_an_answer_left_are_skipped(job) -> None:
    long_answer = {"messages": [{"role": "user", "content": "x"}, {"role": "assistant", "content": "y" * 300}]}
    long_prompt = {"messages": [{"role": "user", "content": "x" * 300}, {"role": "assistant", "content": "y"}]}
    silent = {"messages": [{"role": "user", "content": "x"}, {"role": "assistant", "content": "y", "weight": 0}]}
    answer = prepare(job(jsonl([*CHAT, long_answer, long_prompt, silent]), max_length=64))
    assert answer["train"]["records"] == 3
    assert answer["train"]["truncated"] == 2
    assert answer["train"]["skipped"] == 2
    assert answer["train"]["max"] == 64


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        (jsonl(CHAT) + '{"messages": [\n', 3, "training_file, line 3: is not JSON"),
        (jsonl(CHAT).encode() + b"\xff\xfe\x00\n", 3, "training_file, line 3: is not UTF-8"),
        ("", None, "has no record"),
        (jsonl([CHAT[0], {"messages": "x"}]), 2, "training_file, line 2: messages"),
        (jsonl([*CHAT, 7]), 3, "training_file, line 3"),
        (jsonl([{"messages": [{"role": "user"}, {"role": "assistant", "content": "x"}]}]), 1, "line 1"),
        (jsonl([{"prompt": "x", "chosen": "a", "rejected": "b"}]), None, "supervised training needs conversations"),
        (jsonl([{"foo": 1}]), None, "this file's format is unknown"),
        (jsonl([{"messages": [{"role": "user", "content": "hi"}]}]), None, "anything to train|format is"),
    ],
)
def test_bad_data_is_named_with_its_line(job, text: str | bytes, line: int | None, words: str) -> None:
    status, answer = run(job(text))
    assert status == 3
    assert answer["error"]["line"] == line
    assert answer["error"]["param"] == "training_file"
    import re

    assert re.search(words, answer["error"]["message"])


def test_a_bad_validation_file_is_named_as_such(job) -> None:
    status, answer = run(job(jsonl(CHAT), "nonsense\n"))
    assert status == 3
    assert answer["error"]["param"] == "validation_file"
    assert answer["error"]["line"] == 1


def test_a_model_without_a_template_is_said(job, tmp_path: Path) -> None:
    folder = job(jsonl(CHAT))
    described = json.loads((folder / "settings.json").read_text())
    plain = build_tiny_model(tmp_path / "plain")
    (plain / "chat_template.jinja").unlink()
    described["base"]["path"] = str(plain)
    (folder / "settings.json").write_text(json.dumps(described))
    status, answer = run(folder)
    assert (status, answer["error"]["code"]) == (3, "no_chat_template")
