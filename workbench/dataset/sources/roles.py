"""Who an author is: the names of people and systems to the roles of a conversation."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fnmatch import fnmatchcase
from functools import lru_cache

from workbench.dataset.formats.sharegpt import SHAREGPT_ROLES

SKIP = "skip"
"""In place of a role: this author's messages are left out, and listed."""

_KNOWN = SHAREGPT_ROLES | {"developer": "developer", "function": "function", "model": "assistant"}


def role_finder(roles: Mapping[str, str], *, known: bool) -> Callable[[str], str | None]:
    """A function from an author to a role, or to None: exact names before patterns, whatever the case.

    `known`: where `roles` does not have an author, the usual names of roles count.
    """
    exact = {name.casefold(): role for name, role in roles.items()}
    patterns = [(name.casefold(), role) for name, role in roles.items() if set(name) & set("*?[")]

    @lru_cache(maxsize=4096)
    def find(author: str) -> str | None:
        name = author.strip().casefold()
        if not name:
            return None
        if name in exact:
            return exact[name]
        fitting = (role for pattern, role in patterns if fnmatchcase(name, pattern))
        return next(fitting, _KNOWN.get(name) if known else None)

    return find
