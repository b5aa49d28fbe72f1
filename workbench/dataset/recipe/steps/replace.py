"""`replace`: find and replace in texts."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, ClassVar

from pydantic import Field

from workbench.dataset.recipe.entry import Entry
from workbench.dataset.recipe.steps.base import Act, RecordStep, StepRun
from workbench.dataset.texts import texts_of
from workbench.errors import WorkbenchError


class Replace(RecordStep):
    """A text, or a regular expression, replaced wherever it stands in the texts of some roles."""

    KIND: ClassVar[str] = "replace"

    find: str = Field(min_length=1)
    replacement: str = Field(default="", alias="with")
    regex: bool = False
    """RE2's syntax, in which no pattern takes for ever; `\\1` in the replacement is a group."""
    ignore_case: bool = False
    roles: list[str] = Field(default_factory=list)
    """Whose texts; none: everybody's."""

    @property
    def title(self) -> str:
        """As `replace 'a' with 'b'`."""
        return f"replace {self.find!r} with {self.replacement!r}"

    def begin(self, run: StepRun) -> Act:
        """Replace in one record after another."""
        substitute = self.substitution()
        roles = frozenset(self.roles)

        def act(entry: Entry) -> int:
            places = 0
            for text in texts_of(entry.value, run.format):
                if not roles or text.role in roles:
                    replaced, count = substitute(text.text)
                    if count and replaced != text.text:
                        text.put(replaced)
                        places += count
            if places:
                entry.put(entry.value)
            return places

        return act

    def substitution(self) -> Callable[[str], tuple[str, int]]:
        """What replaces in one text, and counts; raises WorkbenchError for a pattern that cannot be read."""
        if not self.regex and not self.ignore_case:
            return lambda text: (text.replace(self.find, self.replacement), text.count(self.find))
        if not self.regex:
            plain = re.compile(re.escape(self.find), re.IGNORECASE)
            return lambda text: plain.subn(lambda _: self.replacement, text)
        return _regex(self.find, self.replacement, self.ignore_case)


def _regex(pattern: str, replacement: str, ignore_case: bool) -> Callable[[str], tuple[str, int]]:
    import re2

    options = re2.Options()
    options.case_sensitive = not ignore_case
    options.log_errors = False
    try:
        compiled: Any = re2.compile(pattern, options)
    except re2.error as error:
        why = error.args[0].decode("utf-8", "replace") if error.args else "unreadable"
        raise _refused(f"find {pattern!r}", f"is no regular expression ({why})") from error
    for group in re.findall(r"\\(\d+)", replacement.replace(r"\\", "")):
        if int(group) > compiled.groups:
            raise _refused(f"replace with {replacement!r}", f"names group {group}, and there are {compiled.groups}")

    def substitute(text: str) -> tuple[str, int]:
        try:
            replaced, count = compiled.subn(replacement, text)
        except UnicodeEncodeError:  # half a character: no text to search in, and the linter (J007) says so
            return text, 0
        return replaced, count

    return substitute


def _refused(what: str, why: str) -> WorkbenchError:
    return WorkbenchError(what, why, "write it in RE2's syntax", code="bad_pattern")
