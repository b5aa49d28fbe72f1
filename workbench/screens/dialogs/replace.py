"""Find and replace, in the texts of some roles."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from workbench.errors import WorkbenchError
from workbench.screens.dialogs.form import Field, FormDialog

ROLE_CHOICES = (
    ("everybody's", ""),
    ("the assistant's", "assistant"),
    ("the user's", "user"),
    ("the system's", "system"),
    ("tools'", "tool"),
)
"""Whose texts a change is about."""


class ReplaceDialog(FormDialog[dict[str, Any]]):
    """Closes with a `replace` step, or None."""

    DOES = "shows what would change"

    def __init__(self) -> None:
        kinds = (("text", "text"), ("text, any case", "ignore"), ("regular expression", "regex"))
        super().__init__(
            [
                Field("find", "find"),
                Field("with", "replace with", placeholder="nothing"),
                Field("kind", "find as", "text", choices=kinds),
                Field("role", "in texts that are", "", choices=ROLE_CHOICES),
            ],
            title="Find and replace",
        )

    def comment(self, values: Mapping[str, str]) -> str:
        """How groups are written, where there can be some."""
        return r"\1 stands for the first group" if values["kind"] == "regex" else ""

    def answer(self, values: Mapping[str, str]) -> dict[str, Any]:
        """The step; a pattern that cannot be read is refused here."""
        from workbench.dataset.recipe.steps.replace import Replace

        step: dict[str, Any] = {"kind": "replace", "find": values["find"], "with": values["with"]}
        if values["kind"] == "regex":
            step["regex"] = True
        elif values["kind"] == "ignore":
            step["ignore_case"] = True
        if values["role"]:
            step["roles"] = [values["role"]]
        if not values["find"]:
            raise WorkbenchError("find", "is empty", "write what is to be replaced")
        made = Replace.model_validate(step)
        made.substitution()
        return made.recorded()
