"""Prices: dated, sourced, and never guessed; a price nobody published is a figure that says so."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cache
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

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

TIERS = ("global", "data-zone", "regional", "developer")
"""Azure's kinds of deployment and of training."""

_Dollars = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class Rates(BaseModel):
    """What something costs, as far as it is known; units as in `UNITS`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    training: _Dollars | None = None
    training_hour: _Dollars | None = None
    input: _Dollars | None = None
    cached_input: _Dollars | None = None
    output: _Dollars | None = None
    hosting_hour: _Dollars | None = None

    def rate(self, what: What) -> float | None:
        """One of them."""
        value: float | None = getattr(self, what)
        return value


class PriceEntry(Rates):
    """One line of the table: what some models cost at one provider, for base or tuned models, in one tier."""

    provider: str
    models: tuple[str, ...]
    tuned: bool | None = None
    """True or False: only for tuned or only for base models; None: for both."""
    tier: str = ""
    """One of `TIERS` at Azure; empty where there is one price."""
    source: str
    as_of: date


class OwnPrice(Rates):
    """What a person says that a model costs them: `[prices."PROFILE/MODEL"]` in their config.toml."""

    like: str | None = None
    """A model of the table whose prices hold where none is given here: for a deployment, what it deploys."""
    as_of: date | None = None


@cache
def entries() -> tuple[PriceEntry, ...]:
    """Every entry of the table that comes with ftwb."""
    table = tomllib.loads(_DATA.read_text(encoding="utf-8"))
    return tuple(PriceEntry.model_validate(entry) for entry in table["price"])


_DEFAULT_TIER = {"azure": "global"}


@dataclass(frozen=True)
class PriceBook:
    """All prices that are known here: the person's own before any other, then whichever is newer."""

    own: Mapping[str, OwnPrice] = field(default_factory=dict)
    """By `PROFILE/MODEL`; `PROFILE/ft:BASE` is for every tuned model of that base."""
    fetched: tuple[PriceEntry, ...] = ()
    """Asked of a provider since."""

    def price(
        self,
        model: str,
        what: What,
        *,
        provider: str | None = None,
        tier: str | None = None,
        profile: str | None = None,
    ) -> Figure:
        """What a base or tuned model costs, as a quoted Figure; not measured where nobody says it.

        `provider` is openai or azure (default: by the name, else openai); `tier` is Azure's, by default `global`;
        `profile` is the name under which the person may have prices of their own.
        """
        where = provider or provider_of(model) or "openai"
        names = dict.fromkeys(name for name in (profile, where) if name)
        for key, own in self._own(model, list(names)):
            if (value := own.rate(what)) is not None:
                said = f"your own price (config.toml, prices.{key})"
                return Figure.quoted(value, UNITS[what], said, own.as_of.isoformat() if own.as_of else None)
            if own.like and own.like != model:
                return PriceBook(fetched=self.fetched).price(own.like, what, provider=where, tier=tier)
        wanted = tier if tier is not None and where in _DEFAULT_TIER else _DEFAULT_TIER.get(where, "")
        best = self._newest(model, what, where, wanted)
        if best is not None:
            return Figure.quoted(best.rate(what) or 0.0, UNITS[what], best.source, best.as_of.isoformat())
        place = f" at {where}" if provider or provider_of(model) else ""
        tiered = f", tier {wanted}" if wanted else ""
        return Figure.not_measured(UNITS[what], f"no {what.replace('_', ' ')} price known for {model}{place}{tiered}")

    def _own(self, model: str, profiles: list[str]) -> Iterator[tuple[str, OwnPrice]]:
        base = base_name(model)
        names = dict.fromkeys([model, f"ft:{base}" if is_tuned(model) else base])
        for profile in profiles:
            for name in names:
                if (own := self.own.get(f"{profile}/{name}")) is not None:
                    yield f"{profile}/{name}", own

    def _newest(self, model: str, what: What, provider: str, tier: str) -> PriceEntry | None:
        name, tuned = base_name(model).lower(), is_tuned(model)
        found = [
            entry
            for entry in (*self.fetched, *entries())
            if entry.provider == provider and name in entry.models and entry.tier == tier
            and entry.tuned in (None, tuned) and entry.rate(what) is not None
        ]  # fmt: skip
        return max(found, key=lambda entry: entry.as_of, default=None)


TABLE = PriceBook()
"""Only what comes with ftwb."""


def price(model: str, what: What, *, provider: str | None = None, tier: str | None = None) -> Figure:
    """What the table that comes with ftwb says; see `PriceBook.price`."""
    return TABLE.price(model, what, provider=provider, tier=tier)
