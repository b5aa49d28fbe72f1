"""TOML text from and to pydantic documents, so that what we do not know survives."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from datetime import date, datetime, time
from enum import Enum
from pathlib import PurePath
from typing import Any, TypeVar

import tomli_w
from pydantic import BaseModel, ValidationError
from pydantic_core import to_jsonable_python

D = TypeVar("D", bound=BaseModel)

_PLACE = re.compile(r"\s*\(at line (\d+), column (\d+)\)$|\s*\(at end of document\)$")


class UnparsableError(ValueError):
    """Text that is no such document: `line` from 1 where it is known, `why` as one clause."""

    def __init__(self, line: int | None, why: str) -> None:
        super().__init__(why)
        self.line = line
        self.why = why


def parse(data: bytes) -> dict[str, Any]:
    """The raw document; `UnparsableError` with its line. A byte order mark is let pass."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UnparsableError(data[: error.start].count(b"\n") + 1, "is not UTF-8 text") from error
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        place = _PLACE.search(str(error))
        line = int(place[1]) if place and place[1] else text.count("\n") + 1
        why = _PLACE.sub("", str(error))
        raise UnparsableError(line, f"is not valid TOML ({why[:1].lower()}{why[1:]})") from error


def understand(raw: Mapping[str, Any], kind: type[D], text: bytes = b"") -> D:
    """The document; `UnparsableError` names the first key that does not fit and, where `text` shows it, its line."""
    try:
        return kind.model_validate(dict(raw))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        key = ".".join(str(part) for part in first["loc"])
        message = first["msg"]
        why = f"{key}: {message[:1].lower()}{message[1:]}" if key else message
        raise UnparsableError(line_of(text.decode("utf-8", "replace"), first["loc"]), why) from error


def line_of(text: str, loc: Sequence[str | int]) -> int | None:
    """The line where a key stands, as far as a look at headers and keys can tell."""
    names = [part for part in loc if isinstance(part, str)]
    indexes = [part for part in loc if isinstance(part, int)]
    table, seen, fallback = "", -1, None
    for number, line in enumerate(text.splitlines(), start=1):
        if header := re.match(r"\s*\[+\s*([^\]]+?)\s*\]+", line):
            table = header[1].replace('"', "")
            seen = seen + 1 if table == ".".join(names[:-1]) else seen
            continue
        if names and re.match(rf"\s*\"?{re.escape(names[-1])}\"?\s*=", line):
            fallback = fallback or number
            if table == ".".join(names[:-1]) and (not indexes or seen == indexes[0]):
                return number
    return fallback


def render(document: BaseModel, raw: Mapping[str, Any], known: BaseModel | None) -> bytes:
    """The document as TOML, with the keys of `raw` that no model knew.

    `raw` is what the file held and `known` is what the model made of it: a key in `raw` and not in `known` was
    dropped by a model that does not keep extra keys, and comes back as long as the table that held it is there.
    """
    wanted = plain(document)
    if known is not None:
        wanted = _with_unknown(wanted, raw, plain(known))
    return tomli_w.dumps(wanted, multiline_strings=False).encode()


def plain(document: BaseModel) -> dict[str, Any]:
    """The document in TOML's own types, without None."""
    dumped: dict[str, Any] = _plain(document.model_dump(mode="python", by_alias=True, exclude_none=True))
    return dumped


def _plain(value: Any) -> Any:
    match value:
        case Mapping():
            return {str(_plain(key)): _plain(item) for key, item in value.items() if item is not None}
        case Enum():
            return _plain(value.value)
        case str() | bool() | int() | float() | datetime() | date() | time():
            return value
        case PurePath():
            return str(value)
        case list() | tuple():
            return [_plain(item) for item in value if item is not None]
        case set() | frozenset():
            return sorted((_plain(item) for item in value), key=repr)
        case _:
            return to_jsonable_python(value)


def _with_unknown(wanted: Any, raw: Any, known: Any) -> Any:
    if isinstance(wanted, dict) and isinstance(raw, Mapping) and isinstance(known, dict):
        merged = {
            key: _with_unknown(value, raw[key], known[key]) if key in raw and key in known else value
            for key, value in wanted.items()
        }
        return merged | {key: value for key, value in raw.items() if key not in known and key not in merged}
    if isinstance(wanted, list) and isinstance(raw, list) and isinstance(known, list) and len(raw) == len(known):
        return [_with_unknown(item, *_same(item, raw, known)) for item in wanted]
    return wanted


def _same(item: Any, raw: list[Any], known: list[Any]) -> tuple[Any, Any]:
    """The entry of the old list that `item` was, as far as equality can tell."""
    for raw_item, known_item in zip(raw, known, strict=True):
        if known_item == item:
            return raw_item, known_item
    return None, None
