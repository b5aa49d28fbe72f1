"""What one call costs: its measured tokens times the prices known here."""

from __future__ import annotations

from workbench.catalog.figure import Figure
from workbench.catalog.prices import TABLE, PriceBook
from workbench.providers.profiles import Profile

PER = 1_000_000
"""Token prices are quoted by the million."""


def call_cost(
    profile: Profile,
    model: str,
    prompt_tokens: int | None,
    completion_tokens: int | None,
    *,
    cached_tokens: int | None = None,
    prices: PriceBook = TABLE,
) -> Figure:
    """US dollars of one call; not measured for one's own machine and where a price or a count is missing.

    `cached_tokens` of the prompt are those that the provider says it took from its cache; where it does not say, or
    where cached input has no price, all of the prompt is reckoned at the full one.
    """
    if profile.kind == "local":
        return Figure.not_measured("USD", "your own machine: no provider's price")
    if prompt_tokens is None or completion_tokens is None:
        return Figure.not_measured("USD", "the provider did not count the tokens")
    place = {"provider": profile.kind, "profile": profile.name}
    told = prices.price(model, "input", **place)
    said = prices.price(model, "output", **place)
    if told.value is None or said.value is None:
        return Figure.not_measured("USD", (told if told.value is None else said).source)
    again = prices.price(model, "cached_input", **place) if cached_tokens else told
    cached = min(cached_tokens or 0, prompt_tokens)
    dollars = (prompt_tokens - cached) * told.value + cached * (told.value if again.value is None else again.value)
    dollars += completion_tokens * said.value
    cost = Figure.estimated(dollars / PER, "USD", f"measured tokens x {told.source}", told.as_of)
    return cost.replayed if profile.replay else cost
