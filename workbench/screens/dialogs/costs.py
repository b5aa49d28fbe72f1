"""What only the person knows of the costs: their machine, their time, how often they train again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from workbench.errors import WorkbenchError
from workbench.screens.dialogs.form import Field, FormDialog

if TYPE_CHECKING:
    from workbench.workflow.project import Costs

_AMOUNTS: tuple[tuple[str, str, str], ...] = (
    ("hardware_per_hour", "machine, $/hour", "your own machine, rented or written off"),
    ("watts", "watts at work", "drawn while it works"),
    ("per_kwh", "$/kWh", "price of its power"),
    ("data_hours", "hours of data", "spent on preparing the training data"),
    ("hourly_rate", "$/hour of work", "for those hours"),
    ("retrain_months", "train again after", "months; empty: never"),
)
"""Field of the project's costs, name, what it is."""


@dataclass(frozen=True, slots=True)
class CostsAnswer:
    """What the form says."""

    costs: Costs
    requests_per_month: int | None


class CostsDialog(FormDialog[CostsAnswer]):
    """Closes with the costs as they are to be kept; an emptied field is not known."""

    DOES: ClassVar[str] = "keeps"

    def __init__(self, costs: Costs, requests_per_month: int | None) -> None:
        self._costs = costs
        fields = [
            Field("requests", "requests a month", "" if requests_per_month is None else str(requests_per_month),
                  "all users together"),
            *(Field(name, title, _shown(getattr(costs, name)), what) for name, title, what in _AMOUNTS),
            Field("always_on", "machine is", "yes" if costs.always_on else "no",
                  choices=[("paid while it works", "no"), ("always on, paid by the month", "yes")]),
            Field("tier", "Azure deployment", costs.tier or "global",
                  choices=[(tier, tier) for tier in ("global", "data-zone", "regional", "developer")]),
        ]  # fmt: skip
        super().__init__(fields, title="What only you know of the costs, in US dollars")

    def answer(self, values: Mapping[str, str]) -> CostsAnswer:
        """Numbers where something stands; raises WorkbenchError for what is none."""
        from workbench.workflow.project import with_costs

        said = {name: _number(values[name], title) for name, title, _ in _AMOUNTS}
        requests = _number(values["requests"], "requests a month")
        if requests is not None and (requests < 1 or requests != int(requests)):
            raise WorkbenchError("requests a month", "is a whole number from 1", "empty: not known")
        tier = None if values["tier"] == "global" else values["tier"]
        costs = with_costs(self._costs, said | {"always_on": values["always_on"] == "yes", "tier": tier})
        return CostsAnswer(costs, None if requests is None else int(requests))


def _shown(value: float | None) -> str:
    return "" if value is None else f"{value:g}"


def _number(text: str, title: str) -> float | None:
    """A number; None of nothing. A comma is refused: it is a decimal sign to some and a separator to others."""
    if not text.strip():
        return None
    try:
        return float(text)
    except ValueError:
        hint = "write 0.25 with a point, 12000 without a comma; empty: not known"
        raise WorkbenchError(title, f"{text!r} is no number", hint) from None
