"""What is to be deployed at Azure: model, name, tier and capacity, with its price before anything is asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Final

from textual.suggester import SuggestFromList

from workbench.errors import WorkbenchError
from workbench.screens.dialogs.form import Field, FormDialog
from workbench.widgets.words import amount, figure_text, origin_word

if TYPE_CHECKING:
    from workbench.catalog.figure import Figure
    from workbench.workflow.context import Context

TIERS: Final = (
    ("global: anywhere", "global"),
    ("data zone: within the EU or the US", "data-zone"),
    ("regional: where the resource is", "regional"),
    ("developer: deleted after 24 hours", "developer"),
)
CAPACITY: Final = 10
"""Thousands of tokens a minute, where nobody says otherwise; as `ftwb deployment create` has it."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A deployment that is to be made, and what it costs."""

    profile: str
    model: str
    name: str
    tier: str
    capacity: int
    source: str | None
    cost: Figure
    """Of hosting, by the month."""
    command: str
    """The `az` command that does the same."""

    @property
    def price(self) -> str:
        """The cost with where it comes from, in words."""
        return figure_text(self.cost)


class DeploymentDialog(FormDialog[Wanted]):
    """Closes with what is wanted, or None. Spends nothing."""

    DOES: ClassVar[str] = "asks for a yes"

    def __init__(self, context: Context, profiles: Sequence[str], models: Sequence[str], model: str = "") -> None:
        self.context = context
        fields = [
            Field("profile", "profile", profiles[0], choices=[(name, name) for name in profiles]),
            Field("model", "model", model, "a fine-tuned model, or a checkpoint (ftchkpt-…)",
                  suggester=SuggestFromList(list(models))),
            Field("name", "name", _name_of(model), "which calls ask for"),
            Field("tier", "tier", "global", choices=TIERS),
            Field("capacity", "capacity", str(CAPACITY), "thousands of tokens a minute"),
            Field("source", "trained by", "", "the other resource that trained it; empty: this one"),
        ]  # fmt: skip
        super().__init__(fields, title="Deploy a model at Azure")

    def comment(self, values: Mapping[str, str]) -> str:
        """The price, and what the tier means."""
        try:
            wanted = self.answer(values)
        except WorkbenchError as error:
            return f"{error.message}; {error.hint}" if error.hint else error.message
        return f"hosting {_briefly(wanted.cost)}; tokens on top, {wanted.capacity:,} thousand a minute at most"

    def answer(self, values: Mapping[str, str]) -> Wanted:
        """What is wanted; raises WorkbenchError for what Azure would not take."""
        from workbench.workflow.deployments import hosting, planned, same_by_az

        model, name = values["model"].strip(), values["name"].strip()
        if not model:
            raise WorkbenchError("model", "is empty", "name a fine-tuned model or a checkpoint")
        if not name:
            raise WorkbenchError("name", "is empty", "calls ask for the deployment by it")
        profile, tier = self.context.profile(values["profile"]), values["tier"]
        capacity, source = _capacity(values["capacity"]), values["source"].strip() or None
        body = planned(model, name, tier, capacity, source)
        cost = hosting(self.context, profile, model, tier)
        command = same_by_az(self.context, profile.name, "create", name, body)
        return Wanted(profile.name, model, name, tier, capacity, source, cost, command)


def _briefly(cost: Figure) -> str:
    """The price without its source, which stands beside the yes."""
    if cost.value is None:
        return figure_text(cost)
    return f"{amount(cost.value, 'USD')} a month, {origin_word(cost)}"


def _capacity(text: str) -> int:
    if not text.strip().isdecimal() or int(text) < 1:
        raise WorkbenchError("capacity", f"{text.strip()!r} is no whole number from 1", "thousands of tokens a minute")
    return int(text)


def _name_of(model: str) -> str:
    """A name to begin with: the suffix that Azure puts behind a tuned model's id."""
    tail = model.rpartition(".ft-")[2] if ".ft-" in model else ""
    return tail.partition("-")[2]
