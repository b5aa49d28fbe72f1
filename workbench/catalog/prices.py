"""Prices: dated, sourced, and never guessed; a price nobody published is a figure that says so."""

from __future__ import annotations

import tomllib
from datetime import date
from functools import cache
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict

from workbench.catalog.encodings import base_name, is_tuned
from workbench.catalog.figure import Figure
from workbench.catalog.models import provider_of

_DATA = Path(__file__).parent / "data" / "prices.toml"

What = Literal["training", "training_hour", "input", "cached_input", "output", "hosting_hour"]

UNITS: dict[What, str] = {
    "training": "USD per 1M tokens",
    "training_hour": "USD per hour",
    "input": "USD per 1M tokens",
    "cached_input": "USD per 1M tokens",
    "output": "USD per 1M tokens",
    "hosting_hour": "USD per hour",
}
"""The unit of each price."""


class PriceEntry(BaseModel):
    """One line of the table: what some models cost at one provider, for base or tuned models, in one tier."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    provider: str
    models: tuple[str, ...]
    tuned: bool | None = None
    """True or False: only for tuned or only for base models; None: for both."""
    tier: str = ""
    """Azure's: regional, data-zone, global, developer; empty where there is one price."""
    training: float | None = None
    training_hour: float | None = None
    input: float | None = None
    cached_input: float | None = None
    output: float | None = None
    hosting_hour: float | None = None
    source: str
    as_of: date


@cache
def entries() -> tuple[PriceEntry, ...]:
    """Every entry of the table."""
    table = tomllib.loads(_DATA.read_text(encoding="utf-8"))
    return tuple(PriceEntry.model_validate(entry) for entry in table["price"])


_DEFAULT_TIER = {"azure": "global"}


def price(model: str, what: What, *, provider: str | None = None, tier: str | None = None) -> Figure:
    """What a base or tuned model costs, as a quoted Figure; not measured where no table says it.

    `provider` is openai or azure (default: by the name, else openai); `tier` is Azure's, by default `global`.
    """
    where = provider or provider_of(model) or "openai"
    wanted_tier = tier if tier is not None else _DEFAULT_TIER.get(where, "")
    name, tuned = base_name(model).lower(), is_tuned(model)
    for entry in entries():
        if entry.provider != where or name not in entry.models or entry.tier != wanted_tier:
            continue
        value: float | None = getattr(entry, what)
        if value is not None and entry.tuned in (None, tuned):
            return Figure.quoted(value, UNITS[what], entry.source, entry.as_of.isoformat())
    place = f" at {where}" if provider or provider_of(model) else ""
    tiered = f", tier {wanted_tier}" if wanted_tier else ""
    return Figure.not_measured(UNITS[what], f"no {what.replace('_', ' ')} price known for {model}{place}{tiered}")
