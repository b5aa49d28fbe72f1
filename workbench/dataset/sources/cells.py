"""The value of one cell as text, and text as the value that it spells."""

from __future__ import annotations

import ast
import json
import math
from collections.abc import Mapping


def is_empty(value: object) -> bool:
    """Whether a cell holds nothing: null, not-a-number, white space, an empty list or object."""
    if isinstance(value, str):
        return not value or value.isspace()
    if isinstance(value, float) and math.isnan(value):  # how pandas writes what is missing
        return True
    return value is None or (isinstance(value, (list, tuple, Mapping)) and not value)


def cell_text(value: object) -> str:
    """A cell as it stands in a message: text as it is, nothing for null, other values as JSON writes them."""
    if isinstance(value, str):
        return value
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace")
    if isinstance(value, (bool, int, float, list, tuple, dict)):
        return json.dumps(value, ensure_ascii=False, default=str)
    return str(value)  # dates, decimals: as Python writes them, which is ISO


class NotAValue(ValueError):
    """A cell that should spell a list or an object does not."""


def spelled(value: object) -> object:
    """The value that a cell spells in JSON, or as a Python literal, as pandas and AutoTrain write lists.

    What is no text is itself. Raises NotAValue.
    """
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except (ValueError, RecursionError) as error:
        first = error
    try:
        return ast.literal_eval(value.strip())
    except (ValueError, SyntaxError, MemoryError, RecursionError, TypeError):
        raise NotAValue(f"is neither JSON ({first}) nor a Python literal") from None
