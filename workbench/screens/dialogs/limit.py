"""What to do with records that are too long."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from workbench.errors import WorkbenchError
from workbench.screens.dialogs.form import Field, FormDialog

_WAYS = (
    ("dropped", "drop"),
    ("trimmed: the oldest turns go", "trim-turns"),
    ("trimmed: the start of the prompt goes too", "trim-start"),
)


class LimitDialog(FormDialog[dict[str, Any]]):
    """Closes with a `limit` step, or None."""

    DOES = "shows what would change"

    def __init__(self, tokens: int | None = None, model: str = "") -> None:
        super().__init__(
            [
                Field("tokens", "tokens, at most", "" if tokens is None else str(tokens)),
                Field("model", "counted for", model, placeholder="cl100k_base, as the cookbook does"),
                Field("over", "longer ones are", "drop", choices=_WAYS),
            ],
            title="Records over a limit",
        )

    def answer(self, values: Mapping[str, str]) -> dict[str, Any]:
        """The step."""
        from workbench.dataset.recipe.steps import parse_step

        text = values["tokens"].replace(",", "").replace("_", "").strip()
        if not text.isdigit() or int(text) == 0:
            raise WorkbenchError("tokens, at most", f"{text!r} is not a number of tokens", "write one like 4096")
        step = {"kind": "limit", "tokens": int(text), "over": values["over"], "model": values["model"].strip()}
        return parse_step(step, "the limit").recorded()
