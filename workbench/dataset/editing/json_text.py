"""JSON that a person edits: written with indents, read back with the line and column of a mistake."""

from __future__ import annotations

import json
import re
from typing import Any

from workbench.dataset.editing.edits import EditError
from workbench.dataset.formats import ChatRecord, Format, kind_of
from workbench.dataset.rows import DecodeError, decode

_SURROGATES = re.compile("[\ud800-\udfff]")


class JsonError(EditError):
    """A text that is no JSON; line and column from 1."""

    code = "json"

    def __init__(self, line: int, column: int, why: str) -> None:
        super().__init__(f"line {line}, column {column}", why, "correct it there")
        self.line = line
        self.column = column


def to_json(value: object) -> str:
    """The value as indented JSON; half a surrogate pair as an escape, so that it can be written anywhere."""
    text = json.dumps(value, ensure_ascii=False, indent=2)
    return _SURROGATES.sub(lambda found: f"\\u{ord(found.group()):04x}", text)


def parse_json(text: str) -> Any:
    """The value in a text; a JsonError with line and column where it is no JSON."""
    try:
        return decode(text.encode("utf-8", "backslashreplace"))
    except DecodeError as error:
        raise JsonError(error.line, error.column, error.why) from error


def parse_tools(text: str) -> list[Any] | None:
    """The tools in a text, checked as the linter checks them; an empty text is None."""
    if not text.strip():
        return None
    tools = parse_json(text)
    if not isinstance(tools, list):
        raise EditError("tools", f"are a list of objects, not {kind_of(tools)}", "put [ and ] around them")
    from workbench.dataset.rules.registry import Context, all_rules

    context = Context(Format.CHAT)
    for rule in all_rules():
        if rule.code.startswith("T") and rule.check_record is not None and rule.applies(context):
            for problem in rule.check_record(ChatRecord((), tools), context):
                raise EditError("tools", problem.text, f"see rule {rule.code}", code="tools")
    return tools
