"""What one call costs: its measured tokens times the catalogue's prices."""

from __future__ import annotations

from workbench.catalog.figure import Figure
from workbench.catalog.prices import price
from workbench.providers.profiles import Profile

PER = 1_000_000
"""Token prices are quoted by the million."""


def call_cost(profile: Profile, model: str, prompt_tokens: int | None, completion_tokens: int | None) -> Figure:
    """US dollars of one call; not measured for one's own machine and where a price or a count is missing.

    Cached input is reckoned at the full input price: no provider's reply tells us beforehand what was cached.
    """
    if profile.kind == "local":
        return Figure.not_measured("USD", "your own machine: no provider's price")
    if prompt_tokens is None or completion_tokens is None:
        return Figure.not_measured("USD", "the provider did not count the tokens")
    told, said = price(model, "input", provider=profile.kind), price(model, "output", provider=profile.kind)
    if told.value is None or said.value is None:
        return Figure.not_measured("USD", (told if told.value is None else said).source)
    dollars = (prompt_tokens * told.value + completion_tokens * said.value) / PER
    return Figure.estimated(dollars, "USD", f"measured tokens x {told.source}", told.as_of)
