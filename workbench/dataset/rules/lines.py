"""J: lines, bytes and JSON itself."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from workbench.dataset.rows import DecodeError
from workbench.dataset.rules.facts import Facts, Row
from workbench.dataset.rules.quote import quote
from workbench.dataset.rules.registry import Context, Problem, Severity, file_rule, row_rule

BLANK_LINE = "J002"
BYTE_ORDER_MARK = "J003"
"""Codes of the two rules whose fix is about the file's layout, not about a record."""


@row_rule("J001", "invalid_json", Severity.ERROR)
def invalid_json(row: Row, context: Context) -> Iterator[Problem]:
    """A line is not JSON.

    One such line fails a whole upload, and most loaders stop at it without saying where. The finding names the column.
    Single quotes, a comma too many, a record over several lines and a file cut off at its end are the usual causes.
    """
    if isinstance(row.value, DecodeError):
        yield Problem(f"column {row.value.column}: {row.value.why}", line=row.value.line)


@file_rule(BLANK_LINE, "blank_line", Severity.WARNING, layout=True)
def blank_line(facts: Facts, context: Context) -> Iterator[Problem]:
    """A line holds nothing.

    Strict loaders fail on it. The fix removes the line.
    """
    for line in facts.blank_lines:
        yield Problem("the line is blank", line=line, fixable=True)


@file_rule(BYTE_ORDER_MARK, "byte_order_mark", Severity.WARNING, layout=True)
def byte_order_mark(facts: Facts, context: Context) -> Iterator[Problem]:
    """The file begins with a byte order mark.

    Many JSON readers fail on it, OpenAI wants plain UTF-8; only Azure's documents ask for it. The fix removes it.
    """
    wanted = context.limits is not None and context.limits.bom_wanted
    if facts.encoding is not None and facts.encoding.bom and not wanted:
        yield Problem("the file begins with a UTF-8 byte order mark", line=1, fixable=True)


@file_rule("J004", "damaged_array", Severity.ERROR)
def damaged_array(facts: Facts, context: Context) -> Iterator[Problem]:
    """A JSON array file does not end where its array ends.

    It was cut off, or something was appended to it: what lies behind is not read.
    """
    for error in facts.damage:
        yield Problem(error.why, line=error.line)


@file_rule("J005", "json_array", Severity.ERROR, profiles={"openai", "azure", "compatible"})
def json_array(facts: Facts, context: Context) -> Iterator[Problem]:
    """The file is one JSON array, but the provider takes JSON Lines: one record a line.

    The upload fails at its first character. `ftwb dataset convert` writes it as lines.
    """
    if facts.encoding is not None and facts.encoding.array:
        yield Problem("the file is one JSON array; the provider takes one record a line (jq -c '.[]')")


_CONSTANT = re.compile(rb"NaN|Infinity")
_ESCAPED_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")


@row_rule("J006", "not_a_number", Severity.ERROR)
def not_a_number(row: Row, context: Context) -> Iterator[Problem]:
    """A record holds NaN or Infinity.

    Python writes and reads them, but they are not JSON: strict readers refuse the whole file.
    """
    if row.fields is None or not _CONSTANT.search(row.raw):
        return
    found: list[str] = []
    json.loads(row.raw, parse_constant=found.append)
    if found:
        yield Problem(f"{found[0]} is not JSON")


@row_rule("J007", "lone_surrogate", Severity.ERROR)
def lone_surrogate(row: Row, context: Context) -> Iterator[Problem]:
    """A text holds half of a character.

    An escape such as `\\ud83d` without its second half: an emoji cut in two. It cannot be written as UTF-8, so
    tokenizers and strict readers fail on it.
    """
    if row.fields is None or not _ESCAPED_SURROGATE.search(row.raw):
        return
    try:
        json.dumps(row.value, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError as error:
        yield Problem(f"half a character: \\u{ord(error.object[error.start]):04x} stands alone")


def keys_in(value: object) -> int:
    """How many keys a JSON value has, those inside it included."""
    if isinstance(value, dict):
        return len(value) + sum(map(keys_in, value.values()))
    return sum(map(keys_in, value)) if isinstance(value, list) else 0


_KEY = re.compile(rb'"\s*:')


@row_rule("J008", "duplicate_key", Severity.WARNING)
def duplicate_key(row: Row, context: Context) -> Iterator[Problem]:
    """An object has the same key twice.

    Readers keep the last one without a word, so the first value is lost.
    """
    # Text may look like a key too, so more keys in the bytes than in the value is only a reason to look closely.
    if row.fields is None or len(_KEY.findall(row.raw)) <= keys_in(row.value):
        return
    twice: list[str] = []

    def note(pairs: list[tuple[str, object]]) -> dict[str, object]:
        seen: dict[str, object] = {}
        for key, value in pairs:
            if key in seen:
                twice.append(key)
            seen[key] = value
        return seen

    json.loads(row.raw, object_pairs_hook=note)
    for key in dict.fromkeys(twice):
        yield Problem(f"key {quote(key)} is there more than once")
