"""The prices of this workspace: the person's own, those fetched since, and the table; and fetching newer ones."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from workbench.catalog.encodings import base_name
from workbench.catalog.figure import Figure
from workbench.catalog.prices import UNITS, PriceBook, PriceEntry, What, entries
from workbench.errors import WorkbenchError
from workbench.workflow.context import Context


class Fetched(BaseModel):
    """`prices/azure.json` in the cache: what a price list said, and when."""

    model_config = ConfigDict(extra="ignore")

    fetched_on: date
    source: str
    entries: tuple[PriceEntry, ...]
    doubtful: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Change:
    """A price that a newer list says otherwise."""

    model: str
    tuned: bool | None
    tier: str
    what: What
    before: float | None
    """None where none was known."""
    after: float


@dataclass(frozen=True, slots=True)
class Refreshed:
    """What fetching brought."""

    fetched: Fetched
    changes: tuple[Change, ...]
    path: Path


def price_book(context: Context) -> PriceBook:
    """Every price that is known here."""
    fetched = read_fetched(context)
    return PriceBook(own=context.config.prices, fetched=fetched.entries if fetched else ())


def read_fetched(context: Context) -> Fetched | None:
    """What was fetched last; None where nothing was, or where the cache does not hold it whole."""
    try:
        return Fetched.model_validate_json(_path(context).read_bytes())
    except (OSError, ValidationError):
        return None


def refresh_prices(context: Context, address: str | None = None, today: date | None = None) -> Refreshed:
    """Ask Azure's retail price list, and keep what it says in the cache, with the day.

    Raises one sentence where it cannot be reached, or says nothing about a model that we know; what is kept stays.
    """
    from workbench.catalog.azure_meters import SOURCE, read_meters
    from workbench.providers.retail_prices import ADDRESS, fetch_rows

    where = address or ADDRESS
    day = today or date.today()
    read = read_meters(fetch_rows(where), day)
    if not read.entries:
        raise WorkbenchError(
            f"the price list at {where}",
            "says nothing about a model that ftwb knows",
            "the prices known so far stay in use",
            code="no_prices",
        )
    source = SOURCE if address is None else f"{SOURCE}, from {address}"
    named = tuple(entry.model_copy(update={"source": source}) for entry in read.entries)
    fetched = Fetched(fetched_on=day, source=where, entries=named, doubtful=read.doubtful)
    changes = _changes(price_book(context), named)
    _write(_path(context), fetched)
    return Refreshed(fetched, changes, _path(context))


@dataclass(frozen=True, slots=True)
class KnownPrice:
    """One price as it would be used now."""

    provider: str
    model: str
    kind: str
    """`tuned`, `base`, or `both`."""
    tier: str
    what: What
    figure: Figure


def known_prices(context: Context, *, profile: str | None = None, model: str | None = None) -> list[KnownPrice]:
    """Every price that would be used: the person's own first, of a table's and a fetched one the newer."""
    book = price_book(context)
    found = [
        KnownPrice(name.partition("/")[0], name.partition("/")[2], "own", "", what, book.price(
            name.partition("/")[2], what, provider=name.partition("/")[0], profile=name.partition("/")[0]))
        for name, own in book.own.items()
        for what in UNITS
        if own.rate(what) is not None
    ]  # fmt: skip
    newest: dict[tuple[str, str, bool | None, str, What], PriceEntry] = {}
    for entry in (*book.fetched, *entries()):
        for what in UNITS:
            place = (entry.provider, entry.models[0], entry.tuned, entry.tier, what)
            if entry.rate(what) is not None and (place not in newest or newest[place].as_of < entry.as_of):
                newest[place] = entry
    for (provider, name, tuned, tier, what), entry in newest.items():
        kind = {True: "tuned", False: "base", None: "both"}[tuned]
        figure = Figure.quoted(entry.rate(what) or 0.0, UNITS[what], entry.source, entry.as_of.isoformat())
        found.append(KnownPrice(provider, name, kind, tier, what, figure))
    kinds = {profile, context.profiles()[profile].kind if profile in context.profiles() else profile}
    wanted = None if model is None else base_name(model).lower()
    same = {name for entry in (*book.fetched, *entries()) if wanted in entry.models for name in entry.models}
    return [
        one
        for one in found
        if (profile is None or one.provider in kinds) and (model is None or one.model in {model, wanted, *same})
    ]


def _changes(before: PriceBook, newer: Sequence[PriceEntry]) -> tuple[Change, ...]:
    """What the table, or the last fetch, said otherwise. A person's own prices stay theirs and are not looked at."""
    known = (*before.fetched, *entries())
    found = []
    for entry in newer:
        for what in UNITS:
            after = entry.rate(what)
            if after is None:
                continue
            older = [
                one
                for one in known
                if (one.provider, one.tier) == (entry.provider, entry.tier)
                and one.rate(what) is not None
                and one.tuned in (None, entry.tuned)
                and set(one.models) & set(entry.models)
            ]
            last = max(older, key=lambda one: one.as_of, default=None)
            was = None if last is None else last.rate(what)
            if was != after:
                found.append(Change(entry.models[0], entry.tuned, entry.tier, what, was, after))
    return tuple(found)


def _path(context: Context) -> Path:
    return context.cache / "prices" / "azure.json"


def _write(path: Path, fetched: Fetched) -> None:
    """Whole or not at all."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=".tmp")
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump(fetched.model_dump(mode="json", exclude_none=True), file, indent=1)
        Path(name).replace(path)
    except OSError as error:
        raise WorkbenchError(
            str(path), f"cannot be written ({error.strerror})", "make room or rights", code="disk"
        ) from error
