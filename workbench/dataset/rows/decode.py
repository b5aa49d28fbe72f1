"""Bytes of one row to the object they hold, or the exact place where they stop being JSON."""

from __future__ import annotations

import json

from workbench.errors import WorkbenchError


class DecodeError(WorkbenchError):
    """One row cannot be read: where (line and column from 1, in characters) and why."""

    code = "broken_row"

    def __init__(self, line: int, column: int, why: str, *, at_end: bool = False) -> None:
        super().__init__(f"line {line}, column {column}", why, "repair the line, or run `ftwb dataset check`")
        self.line = line
        self.column = column
        self.at_end = at_end
        """Whether the text simply ends too early, as in a truncated file."""


def decode(raw: bytes, line: int = 1, column: int = 1) -> object:
    """The JSON value in `raw`, which begins at `line` and `column` of its file; raises DecodeError.

    The reader is the standard library's, which keeps big integers and also takes NaN and lone surrogates: the linter
    says so, the row stays readable.
    """
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        before = raw[: error.start].decode("utf-8")
        where = _place(before, len(before), line, column)
        raise DecodeError(*where, f"byte 0x{raw[error.start]:02x} is not UTF-8") from error
    try:
        value: object = json.loads(text)
    except json.JSONDecodeError as error:
        position, why, at_end = _explain(text, error)
        raise DecodeError(*_place(text, position, line, column), why, at_end=at_end) from error
    except RecursionError as error:
        raise DecodeError(line, column, "is nested too deeply to be read") from error
    except ValueError as error:  # an integer with more digits than Python converts
        raise DecodeError(line, column, f"cannot be read: {error}") from error
    return value


def _place(text: str, position: int, line: int, column: int) -> tuple[int, int]:
    """Line and column in the file of a position in the row's text."""
    before = text[:position]
    newlines = before.count("\n")
    if newlines:
        return line + newlines, position - before.rindex("\n")
    return line, column + position


_REASONS = {
    "Expecting value": "a value is expected here",
    "Expecting property name enclosed in double quotes": "a key in double quotes is expected here",
    "Illegal trailing comma before end of object": "a comma stands before the closing brace",
    "Illegal trailing comma before end of array": "a comma stands before the closing bracket",
    "Expecting ':' delimiter": "a colon is expected here",
    "Expecting ',' delimiter": "a comma or a closing bracket is expected here",
    "Invalid control character at": "a control character stands unescaped in a string",
    "Extra data": "the JSON value ends here but the line goes on",
    "Unexpected UTF-8 BOM (decode using utf-8-sig)": "a byte order mark stands in the middle of the file",
}


def _explain(text: str, error: json.JSONDecodeError) -> tuple[int, str, bool]:
    """Position, reason in words, and whether the text only ends too early."""
    if error.msg.startswith("Unterminated string"):
        return error.pos, "a string starts here and is never closed", True
    if error.pos >= len(text.rstrip()):
        return error.pos, "the JSON ends too early: something is cut off", True
    for start, reason in _REASONS.items():
        if error.msg.startswith(start):
            if start == "Expecting value" and text[error.pos] == "'":
                reason = "single quotes are not JSON, strings need double quotes"
            return error.pos, f"not JSON: {reason}", False
    return error.pos, f"not JSON: {error.msg[0].lower()}{error.msg[1:]}", False
