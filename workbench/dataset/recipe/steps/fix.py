"""`fix`: the safe fixes of linter rules."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from workbench.dataset.recipe.entry import Entry
from workbench.dataset.recipe.steps.base import Act, RecordStep, StepRun


class Fix(RecordStep):
    """The safe fixes of some rules, by code, name or beginning of codes."""

    KIND: ClassVar[str] = "fix"

    rules: list[str] = Field(default_factory=list)
    """None: every rule that has a fix."""

    @property
    def title(self) -> str:
        """As `fix M012, W001`."""
        return f"fix {', '.join(self.rules) or 'all that is safe'}"

    def begin(self, run: StepRun) -> Act:
        """Fix one record after another; rules about the layout of the file fix it when it is written."""
        from workbench.dataset.formats import CHAT_LIKE, RecordError, parse_chat
        from workbench.dataset.rules import selected

        rules = selected(self.rules)
        fixes = [rule.fix for rule in rules if rule.fix is not None and run.format in rule.formats]
        if self.rules and not any(rule.fix for rule in rules):
            named = ", ".join(rule.code for rule in rules)
            run.differs("nothing_to_fix", f"{named}: no fix of a record (the file's layout is fixed by `check --fix`)")

        def act(entry: Entry) -> int:
            value = entry.value
            if run.format in CHAT_LIKE:
                try:
                    parse_chat(value)
                except RecordError:
                    return 0
            places = sum(fix(value) for fix in fixes)
            if places:
                entry.put(value)
            return places

        return act
