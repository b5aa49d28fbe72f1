"""Azure's retail price list, as far as it is about models that can be fine-tuned.

A row is one meter in one region: `gpt-4.1-mini-ft hosting global Unit`, `4.1 ft cd inp Dz Tokens`,
`gpt-4o-0806-FT-Trng-regnl tkn Tokens`. The words differ from one generation to the next, so each word is looked up by
itself; what is left over has to be the name of a model that we know, else the meter is none of ours.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from workbench.catalog.prices import PriceEntry, What

SOURCE = "Azure Retail Prices API"

_MODELS: dict[tuple[str, ...], tuple[str, ...]] = {
    ("4o", "0806"): ("gpt-4o", "gpt-4o-2024-08-06"),
    ("4o",): ("gpt-4o", "gpt-4o-2024-08-06"),
    ("4o", "mini", "0718"): ("gpt-4o-mini", "gpt-4o-mini-2024-07-18"),
    ("4o", "mini"): ("gpt-4o-mini", "gpt-4o-mini-2024-07-18"),
    ("4.1",): ("gpt-4.1", "gpt-4.1-2025-04-14"),
    ("4.1", "mini"): ("gpt-4.1-mini", "gpt-4.1-mini-2025-04-14"),
    ("4.1", "nano"): ("gpt-4.1-nano", "gpt-4.1-nano-2025-04-14"),
    ("o4", "mini"): ("o4-mini", "o4-mini-2025-04-16"),
    ("o4", "mini", "0416"): ("o4-mini", "o4-mini-2025-04-16"),
    ("oss", "20b"): ("gpt-oss-20b",),
}
_TIERS = {
    **dict.fromkeys(("glbl", "global", "glb"), "global"),
    **dict.fromkeys(("regnl", "rgnl", "regional"), "regional"),
    **dict.fromkeys(("dz", "dzone", "datazone"), "data-zone"),
}
_KINDS = {
    **dict.fromkeys(("trng", "training"), "training"),
    **dict.fromkeys(("hstng", "hosting"), "hosting"),
    **dict.fromkeys(("inp", "inpt", "input", "in"), "input"),
    **dict.fromkeys(("outp", "outpt", "opt", "output", "out"), "output"),
    **dict.fromkeys(("cached", "cchd", "cd"), "cached"),
}
_TUNING = ("ft", "rft")
_MEANS_NOTHING = frozenset({"gpt", "tokens", "tkn", "token", "unit", "deployment"})
_TOKEN_UNITS = {"1k": 1000.0, "1m": 1.0}
"""What a price is multiplied by to be one for a million."""
_HOUR_UNITS = frozenset({"1 hour", "1/hour"})
_TOKEN_PRICES: tuple[What, ...] = ("input", "cached_input", "output")


@dataclass(frozen=True, slots=True)
class Meters:
    """What a price list says, and what of it was not believed."""

    entries: tuple[PriceEntry, ...]
    doubtful: tuple[str, ...]
    """A sentence for each price that was left out although its meter is about a model that we know."""


@dataclass(frozen=True, slots=True)
class _Meter:
    models: tuple[str, ...]
    tuned: bool | None
    tier: str
    what: What


def read_meters(rows: Iterable[Mapping[str, Any]], today: date) -> Meters:
    """The prices in rows of the retail price list; of regions that differ, the price that most of them have."""
    found: dict[_Meter, Counter[float]] = defaultdict(Counter)
    doubtful = []
    for row in rows:
        name = str(row.get("meterName", ""))
        if not _concerns_us(row, today):
            continue
        try:
            read = _meter(name, str(row.get("unitOfMeasure", "")), float(row["retailPrice"]))
        except (KeyError, TypeError, ValueError) as error:
            doubtful.append(f"{name}: {error}")
            continue
        if read is not None:
            found[read[0]][read[1]] += 1
    rates: dict[tuple[tuple[str, ...], bool | None, str], dict[What, float]] = defaultdict(dict)
    for meter, seen in found.items():
        most = max(seen.values())
        rates[meter.models, meter.tuned, meter.tier][meter.what] = min(p for p, times in seen.items() if times == most)
    doubtful += list(_drop_unlikely(rates))
    entries = [
        PriceEntry(provider="azure", models=models, tuned=tuned, tier=tier, source=SOURCE, as_of=today, **known)
        for (models, tuned, tier), known in rates.items()
        if known
    ]
    return Meters(tuple(entries), tuple(dict.fromkeys(doubtful)))


def _concerns_us(row: Mapping[str, Any], today: date) -> bool:
    """A consumption price in US dollars of Azure OpenAI that holds already."""
    return (
        str(row.get("productName", "")).startswith("Azure OpenAI")
        and row.get("type", "Consumption") == "Consumption"
        and row.get("currencyCode", "USD") == "USD"
        and str(row.get("effectiveStartDate", ""))[:10] <= today.isoformat()
    )


def _meter(name: str, unit: str, price: float) -> tuple[_Meter, float] | None:
    """What a meter is about and its price in our unit; None for one that is about something else."""
    words = [word for word in re.split(r"[\s_-]+", name.lower().replace("data zone", "datazone")) if word]
    model = tuple(w for w in words if w not in {*_TIERS, *_KINDS, *_TUNING, "dev", *_MEANS_NOTHING})
    if model not in _MODELS:
        return None
    kinds = {_KINDS[word] for word in words if word in _KINDS}
    tuned = any(word in _TUNING for word in words)
    tiers = {_TIERS[word] for word in words if word in _TIERS} or ({"global"} if model[0] == "oss" else set())
    if len(tiers) != 1 or (not tuned and kinds & {"training", "hosting"}):
        return None
    what = _what(kinds, tuned, unit)
    tier = "developer" if "dev" in words else tiers.pop()
    of_tuned = {"training": None, "training_hour": None, "hosting_hour": True}.get(what, tuned)
    if price < 0:
        raise ValueError(f"a price of {price:g}")
    return _Meter(_MODELS[model], of_tuned, tier, what), round(price * _factor(what, unit), 6)


def _what(kinds: set[str], tuned: bool, unit: str) -> What:
    if kinds == {"hosting"}:
        return "hosting_hour"
    if kinds == {"training"} or (tuned and not kinds):  # `OSS-20b FT Tokens` is training
        return "training_hour" if unit.lower() in _HOUR_UNITS else "training"
    if kinds == {"input"}:
        return "input"
    if kinds in ({"cached", "input"}, {"cached"}):
        return "cached_input"
    if kinds == {"output"}:
        return "output"
    raise ValueError("what it meters is not clear")


def _factor(what: What, unit: str) -> float:
    if what in ("hosting_hour", "training_hour"):
        if unit.lower() in _HOUR_UNITS:
            return 1.0
    elif unit.lower() in _TOKEN_UNITS:
        return _TOKEN_UNITS[unit.lower()]
    raise ValueError(f"the unit {unit!r} is not known for {what.replace('_', ' ')}")


def _drop_unlikely(rates: Mapping[tuple[tuple[str, ...], bool | None, str], dict[What, float]]) -> Iterable[str]:
    """Cached input that is dearer than input was entered at a wrong scale: then none of the three is believed."""
    for (models, _, tier), known in rates.items():
        if known.get("cached_input", 0.0) > known.get("input", float("inf")):
            yield f"{models[0]}, {tier}: cached input is dearer than input; its token prices were left out"
            for what in _TOKEN_PRICES:
                known.pop(what, None)
