"""Bulk fixes of the texts in a record: each does one thing, and nothing when it is done again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from workbench.dataset.formats import Format
from workbench.dataset.recipe.clean.characters import normalise_unicode, strip_controls, tidy_whitespace
from workbench.dataset.recipe.clean.html import html_to_text
from workbench.dataset.recipe.clean.mail import strip_quotes, strip_signature
from workbench.dataset.recipe.clean.placeholders import Placeholders, Scope
from workbench.dataset.texts import texts_of
from workbench.errors import WorkbenchError

__all__ = ["CLEANERS", "Cleaner", "Placeholders", "Scope", "clean_text", "find_cleaner"]


@dataclass(frozen=True, slots=True)
class Cleaner:
    """One bulk fix."""

    name: str
    title: str
    """What it does, in one line."""
    roles: tuple[str, ...]
    """Whose texts it is for, unless told otherwise; none: everybody's."""
    change: Callable[[str], str] | None
    """None for the one that needs to know the whole record (placeholders)."""

    def record(self, value: object, fmt: Format, roles: Sequence[str] = ()) -> int:
        """Clean the texts of a decoded record in place; how many were changed."""
        wanted = frozenset(roles or self.roles)
        changed = 0
        for text in texts_of(value, fmt):
            if wanted and text.role not in wanted:
                continue
            cleaned = clean_text(self, text.text)
            if cleaned != text.text:
                text.put(cleaned)
                changed += 1
        return changed


_MOST_PASSES = 50
"""More than any text needs: what one pass uncovers, the next removes."""


def clean_text(cleaner: Cleaner, text: str) -> str:
    """One text, cleaned until there is nothing left to clean."""
    if cleaner.change is None:
        raise ValueError(f"{cleaner.name} works on whole records")
    for _ in range(_MOST_PASSES):
        cleaned = cleaner.change(text)
        if cleaned == text:
            break
        text = cleaned
    return text


PLACEHOLDERS = "placeholders"

CLEANERS: dict[str, Cleaner] = {
    cleaner.name: cleaner
    for cleaner in (
        Cleaner("html", "HTML becomes text; links and entities keep their meaning", (), html_to_text),
        Cleaner("quotes", "quoted mail and what it answers is cut off", ("user",), strip_quotes),
        Cleaner("signatures", "signatures and closings at the end are cut off", ("user",), strip_signature),
        Cleaner("whitespace", "blanks at line ends, blank lines, odd spaces, carriage returns", (), tidy_whitespace),
        Cleaner("unicode", "NFC: an accent and its letter are one character", (), normalise_unicode),
        Cleaner("controls", "control characters and terminal sequences go", (), strip_controls),
        Cleaner(PLACEHOLDERS, "personal data and secrets become [EMAIL_1], [PHONE_1], …", (), None),
    )
}
"""The bulk fixes by name, in the order in which they are best applied."""


def find_cleaner(name: str) -> Cleaner:
    """The cleaner of that name; a WorkbenchError for any other."""
    if name not in CLEANERS:
        raise WorkbenchError(
            f"clean {name!r}", "is no fix that is known", f"known are {', '.join(CLEANERS)}", code="unknown_fix"
        )
    return CLEANERS[name]
