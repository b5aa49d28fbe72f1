"""How long models can be trained and asked: dated facts from `data/models.toml`."""

from __future__ import annotations

import re
import tomllib
from datetime import date
from functools import cache
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from workbench.catalog.encodings import base_name, is_tuned

_DATA = Path(__file__).parent / "data" / "models.toml"


class Lifecycle(BaseModel):
    """What a provider said about one model's end; None where it said nothing."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    provider: str
    models: tuple[str, ...]
    """Exact names that this entry is about."""
    methods: tuple[str, ...] = ()
    """Training methods offered: sft, dpo, rft."""
    training_ends: date | None = None
    """First day on which no new training job is taken."""
    base_retires: date | None = None
    """Day on which the base model stops answering."""
    tuned_retires: date | None = None
    """Day on which fine-tuned models of it stop answering."""
    note: str = ""
    """Who may still train, in one sentence."""
    source: str
    as_of: date
    tiers: tuple[str, ...] = ()
    """Tiers that training is offered in, as prices name them: regional, data-zone, global, developer."""
    regions: tuple[str, ...] = ()
    """Where a resource must be for the tier `regional`."""
    tiers_source: str = ""
    tiers_as_of: date | None = None

    def retires(self, *, tuned: bool) -> date | None:
        """The day on which the base model, or a tuned one, stops answering."""
        return self.tuned_retires if tuned else self.base_retires

    def trainable(self, today: date) -> bool | None:
        """Whether new training is possible on that day; None where we do not know."""
        if not self.methods:
            return False
        return None if self.training_ends is None else today < self.training_ends


@cache
def lifecycles() -> tuple[Lifecycle, ...]:
    """Every entry of the table."""
    table = tomllib.loads(_DATA.read_text(encoding="utf-8"))
    return tuple(Lifecycle.model_validate(entry) for entry in table["model"])


def provider_of(model: str) -> str | None:
    """The provider that a tuned model's name gives away: `….ft-` is Azure's, `ft:…:local:…` is ours."""
    if ".ft-" in model:
        return "azure"
    if model.startswith("ft:"):
        return "local" if re.match(r"ft:[^:]+:local:", model) else "openai"
    return None


def lifecycle(model: str, provider: str | None = None) -> Lifecycle | None:
    """The entry for a base or tuned model; `provider` is openai or azure (default: by the name, else openai).

    A name without a date (`gpt-4.1-mini`) finds its dated entry where the table lists the alias.
    """
    where = provider or provider_of(model) or "openai"
    name = base_name(model).lower()
    return next((entry for entry in lifecycles() if entry.provider == where and name in entry.models), None)


def retires(model: str, provider: str | None = None) -> date | None:
    """The day on which this model, base or tuned as its name says, stops answering; None where unknown."""
    entry = lifecycle(model, provider)
    return None if entry is None else entry.retires(tuned=is_tuned(model))
