"""What a query is made of. Values: equal queries are equal, and `str` of one reads as the same query again."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, TypeAlias

NUMBERS: Final = ("tokens", "turns", "size", "line")
"""Fields that are compared with numbers: tokens of the record, messages, bytes, line of the file."""
ROLES: Final = {"system": 1, "user": 2, "assistant": 4, "tool": 8, "developer": 16, "other": 128}
"""Bit of each role in a record's mask."""
KINDS: Final = {
    "secret": "a key, token or password",
    "personal": "personal data",
    "tools": "tools or calls of them",
    "image": "an image",
    "weight": "a message with a weight",
    "error": "an error of a rule",
    "warning": "a warning of a rule",
    "duplicate": "a copy elsewhere in the file",
    "broken": "JSON that cannot be read",
    "edited": "changes that are not saved",
}
"""What `has:` knows."""
FLAGS: Final = {"secret": 1, "personal": 2, "duplicate": 4, "broken": 8}
"""Bit of the kinds that the analysis marks."""
SEVERITIES: Final = {"warning": 1, "error": 2}


@dataclass(frozen=True, slots=True)
class Number:
    """A field compared with a number."""

    field: str
    operator: str
    value: int

    def __str__(self) -> str:
        return f"{self.field}{self.operator}{self.value}"


@dataclass(frozen=True, slots=True)
class Role:
    """A message of the role is there."""

    name: str

    def __str__(self) -> str:
        return f"role:{self.name}"


@dataclass(frozen=True, slots=True)
class Has:
    """The record has something of a kind of `KINDS`."""

    kind: str

    def __str__(self) -> str:
        return f"has:{self.kind}"


@dataclass(frozen=True, slots=True)
class Severity:
    """The worst finding about the record is of this severity."""

    name: str

    def __str__(self) -> str:
        return f"severity:{self.name}"


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule found something in the record: its code, its name, or the beginning of codes."""

    text: str

    def __str__(self) -> str:
        return f"rule:{self.text}"


@dataclass(frozen=True, slots=True)
class Label:
    """The last message of the assistant is this text, blanks around it and case aside."""

    text: str

    def __str__(self) -> str:
        return f"label:{_quoted(self.text)}"


@dataclass(frozen=True, slots=True)
class Text:
    """A text stands somewhere in the record, or in a message of `role`; case is ignored."""

    needle: str
    role: str = ""

    def __str__(self) -> str:
        return (f"{self.role}:" if self.role else "") + _quoted(self.needle)


@dataclass(frozen=True, slots=True)
class Regex:
    """A regular expression matches a text of the record, or of a message of `role`."""

    pattern: str
    flags: str = ""
    role: str = ""

    def __str__(self) -> str:
        escaped = re.sub(r"\\.|/", lambda match: r"\/" if match.group() == "/" else match.group(), self.pattern)
        return (f"{self.role}:" if self.role else "") + f"/{escaped}/{self.flags}"


@dataclass(frozen=True, slots=True)
class Not:
    """Everything else."""

    of: Node

    def __str__(self) -> str:
        return f"-{_grouped(self.of, And, Or)}"


@dataclass(frozen=True, slots=True)
class And:
    """All of them."""

    parts: tuple[Node, ...]

    def __str__(self) -> str:
        return " ".join(_grouped(part, And, Or) for part in self.parts)


@dataclass(frozen=True, slots=True)
class Or:
    """Any of them."""

    parts: tuple[Node, ...]

    def __str__(self) -> str:
        return " or ".join(_grouped(part, Or) for part in self.parts)


Node: TypeAlias = "Number | Role | Has | Severity | Rule | Label | Text | Regex | Not | And | Or"


def _grouped(node: Node, *kinds: type) -> str:
    return f"({node})" if isinstance(node, kinds) else str(node)


_ESCAPES: Final = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\t": "\\t", "\r": "\\r"}


def _quoted(text: str) -> str:
    return '"' + "".join(_ESCAPES.get(char, char) for char in text) + '"'
