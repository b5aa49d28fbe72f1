"""A task: a frozen test set, a scorer, a system prompt, and how answers are made."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, Field, field_validator

from workbench.errors import WorkbenchError

if TYPE_CHECKING:
    from workbench.dataset.formats import Format

_SAMPLE = 50
"""Records looked at to tell a file's format."""


class RagSettings(BaseModel):
    """How `+rag:K` cuts documents and puts them before the question. K itself is part of the candidate."""

    model_config = ConfigDict(extra="allow")

    chunk: int = Field(default=1_000, ge=100)
    """Characters of a passage, at most: about 250 tokens, a few of which fit any prompt."""
    template: str = "Passages that may help:\n\n{passages}\n\n{question}"
    """What is sent in the place of the question."""
    embeddings: str | None = None
    """`PROFILE/MODEL` for `+rag:K:dense`; None: the candidate's own profile and its embedding model."""

    @field_validator("template")
    @classmethod
    def _holds_both(cls, value: str) -> str:
        for name in ("{passages}", "{question}"):
            if name not in value:
                raise ValueError(f"the template does not hold {name}")
        return value


class TaskSpec(BaseModel):
    """What a run measures. Paths are strings, as they are stored."""

    model_config = ConfigDict(extra="allow")

    test: str | None = None
    """None where a task is not finished; it cannot be run then."""
    train: str | None = None
    validation: str | None = None
    docs: str | None = None
    """A folder of text files; `+rag` searches it in place of the training records."""
    rag: RagSettings = Field(default_factory=RagSettings)
    scorer: str = "exact"
    scorer_args: dict[str, str] = Field(default_factory=dict)
    system: str | None = None
    """Takes the place of every item's own system message; None leaves those as they are."""
    prompts: dict[str, str] = Field(default_factory=dict)
    """System prompts by name, for `+prompt:NAME`."""
    max_tokens: int = Field(default=256, ge=1)
    temperature: float = Field(default=0.0, ge=0.0)
    seed: int = 0
    goal: float | None = None
    """The score at which the person would be content, 0 to 1."""
    max_cost: float | None = Field(default=None, ge=0.0)
    """US dollars that one start of a run may cost; it stops before a call that might go over."""
    test_sha256: str | None = None
    """The frozen test set's hash; a file that differs is refused."""


@dataclass(frozen=True, slots=True)
class Item:
    """One record of a test or training side, cut into what is asked and what is expected."""

    index: int
    """From 0, in the file's order."""
    messages: tuple[dict[str, Any], ...]
    """The prompt: everything before the reference."""
    reference: str
    """The text of the last assistant message."""
    sha256: str
    """Of messages and reference."""
    group: str | None = None
    """Items of one group are not independent: the record's `group`, or that of its `metadata`."""

    @property
    def question(self) -> str:
        """What the item asks, as one text: all messages but the system's."""
        return "\n".join(text_of(message) for message in self.messages if message.get("role") not in SYSTEM_ROLES)

    @property
    def system(self) -> str:
        """The text of its system messages."""
        return "\n".join(text_of(message) for message in self.messages if message.get("role") in SYSTEM_ROLES)


SYSTEM_ROLES = ("system", "developer")


class TaskError(WorkbenchError):
    """A file that cannot be measured on."""

    code = "bad_test_set"


def text_of(message: Mapping[str, Any]) -> str:
    """A message's text; the text parts of a list content, joined."""
    content = message.get("content")
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        parts = [part.get("text", "") for part in content if isinstance(part, dict)]
        return "".join(part for part in parts if isinstance(part, str))
    return ""


def content_hash(path: Path | str) -> str:
    """SHA-256 of a file's bytes, in hex."""
    try:
        with Path(path).open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise TaskError(str(path), (error.strerror or "cannot be read").lower(), "give a JSONL file") from error


def digest(value: object) -> str:
    """SHA-256 of a JSON value in one canonical spelling."""
    text = json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def with_system(messages: Sequence[Mapping[str, Any]], system: str | None) -> list[dict[str, Any]]:
    """The messages with `system` in place of their own system message; None changes nothing."""
    if system is None:
        return [dict(message) for message in messages]
    rest = [dict(message) for message in messages if message.get("role") not in SYSTEM_ROLES]
    return [{"role": "system", "content": system}, *rest] if system else rest


def load_items(path: Path | str, system: str | None = None, limit: int | None = None) -> list[Item]:
    """All items of a file of chat, prompt-completion, text, Alpaca or ShareGPT records.

    Raises `TaskError`, naming the line, for a record without an answer to compare with or one that cannot be read.
    """
    from workbench.dataset.formats import detect
    from workbench.dataset.rows.open import open_rows

    items: list[Item] = []
    with open_rows(Path(path)) as rows:
        form = detect([record for record in rows.sample(_SAMPLE) if isinstance(record, dict)]).format
        for position, record in islice(rows.records(), limit):
            place = f"{path}, line {rows.line(position)}"
            items.append(_item(record, form, position, place, system))
    if not items:
        raise TaskError(str(path), "it holds no records", "give a file with at least one record")
    return items


def count_items(path: Path | str) -> int:
    """How many items a file has."""
    from workbench.dataset.rows.open import open_rows

    with open_rows(Path(path)) as rows:
        return len(rows)


def _item(record: object, form: Format, index: int, place: str, system: str | None) -> Item:
    from workbench.dataset.formats import RecordError, to_chat

    hint = "mend the line, or see `ftwb dataset check`"
    if isinstance(record, Exception):
        raise TaskError(place, str(record), hint) from record
    if not isinstance(record, dict):
        raise TaskError(place, "it is no JSON object", hint)
    try:
        messages = to_chat(record, form)
    except RecordError as error:
        raise TaskError(place, str(error), hint) from error
    return item_of(messages, index, place=place, system=system, group=_group(record))


def item_of(
    messages: Sequence[Mapping[str, Any]],
    index: int,
    *,
    place: str = "record",
    system: str | None = None,
    group: str | None = None,
) -> Item:
    """Cut a conversation at its last assistant message; raises `TaskError` where there is none with text."""
    last = max((at for at, message in enumerate(messages) if message.get("role") == "assistant"), default=None)
    if last is None:
        raise TaskError(place, "it has no assistant message to compare with", "add the expected answer as the last one")
    reference = text_of(messages[last])
    if not reference.strip():
        raise TaskError(place, "its last assistant message has no text", "add the expected answer as text")
    prompt = with_system(messages[:last], system)
    if not any(message.get("role") not in SYSTEM_ROLES for message in prompt):
        raise TaskError(place, "nothing is asked before the answer", "add a user message")
    return Item(index, tuple(prompt), reference, digest([prompt, reference]), group)


def _group(record: Mapping[str, Any]) -> str | None:
    metadata = record.get("metadata")
    group = record.get("group", metadata.get("group") if isinstance(metadata, dict) else None)
    return None if group is None else str(group)
