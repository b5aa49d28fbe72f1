"""Let a tuned model or checkpoint answer at Azure: under which name, in which tier, at which price."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from workbench.errors import WorkbenchError
from workbench.screens.dialogs.form import Field, FormDialog
from workbench.widgets.words import figure_pieces

if TYPE_CHECKING:
    from workbench.workflow.context import Context

TIERS = ("global", "regional", "data-zone", "developer")


@dataclass(frozen=True, slots=True)
class DeployAnswer:
    """What the form says."""

    name: str
    tier: str
    capacity: int
    price: str
    """As it stood in the form."""


class DeployDialog(FormDialog[DeployAnswer]):
    """Closes with the deployment that is wanted; nothing is made yet."""

    DOES: ClassVar[str] = "asks for a yes"

    def __init__(self, context: Context, profile: str, model: str, suggested: str) -> None:
        self.context = context
        self._profile, self._model = profile, model
        fields = [
            Field("name", "name", re.sub(r"[^A-Za-z0-9._-]+", "-", suggested).strip("-.")[:64], "what calls ask for"),
            Field("tier", "tier", TIERS[0], choices=[(tier, tier) for tier in TIERS]),
            Field("capacity", "capacity", "10", "thousands of tokens a minute"),
        ]
        super().__init__(fields, title="Let it answer at Azure", about=model)

    def answer(self, values: Mapping[str, str]) -> DeployAnswer:
        """Raises WorkbenchError for a name or a capacity that Azure does not take."""
        from workbench.workflow.deployments import planned

        if not values["capacity"].strip().isdigit() or not int(values["capacity"]):
            why = f"{values['capacity'].strip()!r} is no whole number from 1"
            raise WorkbenchError("capacity", why, "thousands of tokens a minute")
        capacity = int(values["capacity"])
        planned(self._model, values["name"], values["tier"], capacity)
        return DeployAnswer(values["name"], values["tier"], capacity, self._price(values["tier"]))

    def comment(self, values: Mapping[str, str]) -> str:
        """What it costs whether anybody asks it or not."""
        return f"hosting: {self._price(values['tier'])}; tokens on top"

    def _price(self, tier: str) -> str:
        from workbench.workflow.deployments import hosting

        found = hosting(self.context, self.context.profile(self._profile), self._model, tier)
        return "".join(piece.text for piece in figure_pieces(found))
