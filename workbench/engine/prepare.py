"""The child process that turns a job's records into tokens: `python -m workbench.engine.prepare JOB_DIR`.

It reads JOB_DIR/settings.json and data/*.jsonl, writes data/*.tokens.jsonl, and prints one JSON line:
`{"train": {records, tokens, trained_tokens, max, truncated, skipped}, "validation": … | null}`, or, with exit status 3,
`{"error": {message, code, param, line}}`.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.dataset.formats import Format, RecordError, detect, to_chat, tools_of
from workbench.dataset.template import Tokenized, render, tokenize
from workbench.engine.models.folder import ModelFolder, read_folder
from workbench.errors import WorkbenchError

if TYPE_CHECKING:
    from tokenizers import Tokenizer

BAD_DATA = 3
"""Exit status when the data cannot be trained on."""

DEFAULT_MAX_LENGTH = 1024
"""Tokens of a record that are kept; TRL's own default."""

SAMPLE = 20
"""Records by which the format of a file is told."""

TRAINABLE = frozenset({Format.CHAT, Format.PROMPT_COMPLETION, Format.TEXT, Format.ALPACA, Format.SHAREGPT})


class DataError(WorkbenchError):
    """The data of a job cannot be trained on."""

    code = "invalid_training_file"

    def __init__(self, why: str, param: str, line: int | None, code: str | None = None) -> None:
        place = f"{param}, line {line}" if line else param
        super().__init__(place, why, "correct the file, then create the job again", code=code)
        self.param = param
        self.line = line


@dataclass
class Counts:
    """What became of one file."""

    records: int = 0
    """Records that are trained on."""
    tokens: int = 0
    trained_tokens: int = 0
    max: int = 0
    """Tokens of the longest record, after cutting."""
    truncated: int = 0
    """Records cut to `max_length`."""
    skipped: int = 0
    """Records left out because nothing in them is trained (every answer has weight 0, or was cut away)."""

    def add(self, record: Tokenized) -> None:
        """Count one record that is trained on."""
        self.records += 1
        self.tokens += len(record.input_ids)
        self.trained_tokens += sum(record.trained)
        self.max = max(self.max, len(record.input_ids))


def prepare(job_dir: Path) -> dict[str, Any]:
    """Tokenize the files of a job. Raises DataError, ModelRefused, OSError."""
    job = json.loads((job_dir / "settings.json").read_text(encoding="utf-8"))
    model = read_folder(Path(job["base"]["path"]), job["base"]["id"], hashes=None)
    if not model.chat_template:
        raise WorkbenchError(
            f"model {model.id}",
            "has no chat template, so records cannot be rendered",
            "choose a chat (instruct) model",
            code="no_chat_template",
        )
    tokenizer = load_tokenizer(model.path)
    length = min(job["settings"].get("max_length") or DEFAULT_MAX_LENGTH, model.max_length)
    found: dict[str, Any] = {"validation": None}
    for name, param in (("train", "training_file"), ("validation", "validation_file")):
        if job.get(name):
            source = job_dir / "data" / f"{name}.jsonl"
            found[name] = asdict(_prepare_file(source, job_dir / job[name], model, tokenizer, length, param))
    return found


def load_tokenizer(model: Path) -> Tokenizer:
    """The model's tokenizer; transformers is only needed where a model brings SentencePiece's file alone."""
    from tokenizers import Tokenizer

    if (model / "tokenizer.json").exists():
        return Tokenizer.from_file(str(model / "tokenizer.json"))
    from transformers import AutoTokenizer

    loaded = AutoTokenizer.from_pretrained(model, trust_remote_code=False, local_files_only=True)
    backend: Tokenizer = loaded.backend_tokenizer
    return backend


def _prepare_file(
    source: Path, target: Path, model: ModelFolder, tokenizer: Tokenizer, length: int, param: str
) -> Counts:
    counts = Counts()
    records = list(_records(source, param))
    fmt = _format([record for _, record in records[:SAMPLE]], param)
    temporary = target.with_name(f".{target.name}.{os.getpid()}")
    with temporary.open("w", encoding="utf-8") as file:
        for line, record in records:
            tokenized = _tokenize(record, fmt, model, tokenizer, length, param, line)
            counts.truncated += tokenized.truncated
            if not any(tokenized.trained):
                counts.skipped += 1
                continue
            counts.add(tokenized)
            mask = [int(flag) for flag in tokenized.trained]
            file.write(json.dumps({"input_ids": tokenized.input_ids, "completion_mask": mask}) + "\n")
        file.flush()
        os.fsync(file.fileno())
    if not counts.records:
        temporary.unlink()
        raise DataError(
            "no record has anything to train: no assistant message is left", param, None, "nothing_to_train"
        )
    temporary.replace(target)
    return counts


def _records(source: Path, param: str) -> Iterator[tuple[int, Any]]:
    """Line number (from 1) and record of every line that is not blank. Raises DataError."""
    with source.open("rb") as file:
        for number, raw in enumerate(file, 1):
            try:
                text = raw.decode("utf-8-sig" if number == 1 else "utf-8")
                if text.strip():
                    yield number, json.loads(text)
            except UnicodeDecodeError as error:
                raise DataError("is not UTF-8 text", param, number) from error
            except ValueError as error:
                raise DataError(f"is not JSON ({error})", param, number) from error


def _format(sample: list[Any], param: str) -> Format:
    if not sample:
        raise DataError("has no record", param, None, "empty_file")
    detected = detect([record if isinstance(record, Mapping) else {} for record in sample])
    if detected.format not in TRAINABLE:
        raise DataError(
            f"supervised training needs conversations; this file's format is {detected.format} ({detected.reason})",
            param,
            None,
        )
    return detected.format


def _tokenize(
    record: Any, fmt: Format, model: ModelFolder, tokenizer: Tokenizer, length: int, param: str, line: int
) -> Tokenized:
    try:
        messages = to_chat(record, fmt)
        rendered = render(
            messages,
            chat_template=model.chat_template,
            bos_token=model.bos_token,
            eos_token=model.eos_token,
            tools=tools_of(record),
        )
    except RecordError as error:
        raise DataError(str(error), param, line) from error
    except WorkbenchError as error:
        raise DataError(error.message, param, line, error.code) from error
    return tokenize(rendered, tokenizer, length)


def main(arguments: list[str]) -> int:
    """Print the result or the error; the exit status."""
    if len(arguments) != 1:
        print("usage: python -m workbench.engine.prepare JOB_DIR", file=sys.stderr)  # noqa: T201 - a child's protocol
        return 2
    try:
        answer = prepare(Path(arguments[0]))
    except WorkbenchError as error:
        place = {"param": getattr(error, "param", None), "line": getattr(error, "line", None)}
        print(json.dumps({"error": {"message": str(error), "code": error.code, **place}}))  # noqa: T201
        return BAD_DATA
    print(json.dumps(answer))  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
