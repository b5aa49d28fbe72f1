"""The patterns of `patterns.toml`, compiled into one expression: RE2's, which reads each byte once."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

from workbench.dataset.scan.checks import CHECKS, Check

Group = Literal["secret", "personal"]

_DATA = Path(__file__).with_name("patterns.toml")
_MEMORY = 64 << 20  # bytes RE2 may use for states: with its default of 8 MiB the expression falls back to a slow way


@dataclass(frozen=True, slots=True)
class Pattern:
    """One kind of secret or personal data."""

    kind: str
    group: Group
    regex: str
    keep: int = 0
    """Leading characters that a masked secret shows."""
    check: Check | None = None
    digits: bool = False
    """A number, which must not be a piece of a longer one."""
    general: bool = False
    """What it finds may be of a more special kind, which is then told."""


@cache
def patterns() -> tuple[Pattern, ...]:
    """Every pattern, in the order in which they are tried at one place."""
    table = tomllib.loads(_DATA.read_text(encoding="utf-8"))
    return tuple(
        Pattern(**{**entry, "check": CHECKS[entry["check"]] if "check" in entry else None})
        for entry in table["pattern"]
    )


@cache
def finder() -> Any:
    """An expression over bytes with one capturing group a pattern."""
    return _compiled("|".join(f"({pattern.regex})" for pattern in patterns()), capture=True)


@cache
def detector() -> Callable[[bytes], object]:
    """Whether any pattern may be found in some bytes: the search of an expression without groups, which is faster."""
    search: Callable[[bytes], object] = _compiled(
        "|".join(pattern.regex for pattern in patterns()), capture=False
    ).search
    return search


def _compiled(regex: str, *, capture: bool) -> Any:
    try:
        import re2
    except ImportError:  # no wheel for this platform: the same finds, some 40 times slower
        return re.compile(regex.encode())
    options = re2.Options()
    options.encoding = re2.Options.Encoding.LATIN1  # bytes as they are, also where they are not UTF-8
    options.never_capture = not capture
    options.max_mem = _MEMORY
    return re2.compile(regex.encode(), options)
