"""What answering and training cost: measured amounts times prices, each a Figure that says where it comes from."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict

from workbench.catalog.figure import RECORDED, Figure, Origin

PER_1K = "USD/1k requests"
PER_MONTH = "USD/month"
USD = "USD"

HOURS_PER_MONTH = 24 * 30
"""As Azure reckons a month of hosting (cost-management page, 2026-02)."""


class CandidateCost(BaseModel):
    """What one candidate costs to run."""

    model_config = ConfigDict(frozen=True)

    per_1k: Figure
    hosting_month: Figure
    """For having it there at all, idle or not; 0 where the provider charges by the token alone."""


class Hardware(BaseModel):
    """A machine of one's own, as far as its owner says. Give `per_hour`, or what it is made of."""

    model_config = ConfigDict(frozen=True)

    per_hour: float | None = None
    """US dollars for an hour, rented or written off."""
    watts: float | None = None
    """Drawn while it works."""
    per_kwh: float | None = None
    """US dollars for a kilowatt hour."""
    always_on: bool = False
    """It is paid for by the month, whether it works or not; else only while it works."""
    source: str = "the person"

    @property
    def power(self) -> float | None:
        """Dollars for the power of an hour of work; None where watts or their price are not known."""
        return None if self.watts is None or self.per_kwh is None else self.watts / 1000 * self.per_kwh

    def hourly(self) -> Figure:
        """Dollars an hour of work: price and power, as far as both are known; not measured where neither is."""
        power = self.power
        if self.per_hour is None and power is None:
            return Figure.not_measured("USD/hour", "no price of the machine or its power is given")
        parts = [
            text for text, known in (("price of the machine", self.per_hour), ("power", power)) if known is not None
        ]
        total = (self.per_hour or 0.0) + (power or 0.0)
        return Figure.estimated(total, "USD/hour", f"{' and '.join(parts)}, by {self.source}")

    def working(self) -> Figure:
        """Dollars that an hour of answering adds: all of it, but the power alone where the machine is always on."""
        if not self.always_on or self.per_hour is None:
            return self.hourly()
        said = "power" if self.power is not None else "the machine is paid for by the month; its power is not known"
        return Figure.estimated(self.power or 0.0, "USD/hour", f"{said}, by {self.source}")

    def month(self, machines: int = 1) -> Figure:
        """Dollars a month for having it there."""
        if not self.always_on:
            return Figure.estimated(0.0, PER_MONTH, "the machine is reckoned only while it works")
        if self.per_hour is None:
            return Figure.not_measured(PER_MONTH, "no price of the machine is given")
        total = self.per_hour * HOURS_PER_MONTH * machines
        several = f" x {machines} machines" if machines > 1 else ""
        return Figure.estimated(total, PER_MONTH, f"price of the machine x 720 hours{several}, by {self.source}")


def derive(value: float, unit: str, formula: str, inputs: Sequence[Figure]) -> Figure:
    """A figure worked out from others: estimated by `formula`, as old as its oldest input; recorded where one of them
    is, not measured where one is missing (then `value` is not looked at)."""
    if gap := lacking(inputs, unit):
        return gap
    sources = [source for figure in inputs for source in _leaves(figure)]
    dates = [figure.as_of for figure in inputs if figure.as_of]
    said = f"{formula} ({'; '.join(dict.fromkeys(sources))})" if sources else formula
    made = Figure.estimated(value, unit, said, min(dates, default=None))
    return made.replayed if any(figure.origin is Origin.RECORDED for figure in inputs) else made


def _leaves(figure: Figure) -> list[str]:
    """Where a figure comes from in the end: of one that was worked out, what its formula was fed with."""
    source = (figure.source or "").removeprefix(RECORDED)
    _, bracket, inner = source.partition(" (")
    if figure.origin in (Origin.ESTIMATED, Origin.RECORDED) and bracket and inner.endswith(")"):
        return inner[:-1].split("; ")
    return [source] if source else []


def lacking(inputs: Sequence[Figure], unit: str) -> Figure | None:
    """A figure of `unit` that says what is missing, or None if nothing is."""
    missing = [figure.source or figure.unit for figure in inputs if figure.origin is Origin.NOT_MEASURED]
    return Figure.not_measured(unit, "; ".join(dict.fromkeys(missing))) if missing else None


def number(figure: Figure) -> float:
    """The value of a figure that has one; 0 else, to be used only behind `derive`."""
    return 0.0 if figure.value is None else figure.value


def per_1k_requests(
    prompt_tokens: Figure,
    completion_tokens: Figure,
    *,
    input_price: Figure,
    output_price: Figure,
    cached_tokens: float = 0.0,
    cached_price: Figure | None = None,
) -> Figure:
    """Cost of 1,000 requests from mean tokens of one and prices per million tokens.

    1000 * ((prompt - cached) * input + cached * cached_price + completion * output) / 1e6. `cached_tokens` of the
    prompt are billed at `cached_price`.
    """
    inputs = [prompt_tokens, completion_tokens, input_price, output_price]
    cached = 0.0
    if cached_tokens:
        price = cached_price or Figure.not_measured("USD per 1M tokens", "no price of cached input")
        inputs.append(price)
        cached = cached_tokens * number(price)
    fresh = (number(prompt_tokens) - cached_tokens) * number(input_price)
    total = fresh + cached + number(completion_tokens) * number(output_price)
    return derive(total / 1_000, PER_1K, "tokens of a request x price", inputs)


def per_month(cost: CandidateCost, requests: float) -> Figure:
    """Running cost of a month: requests x cost of one, and hosting."""
    value = requests / 1_000 * number(cost.per_1k) + number(cost.hosting_month)
    return derive(value, PER_MONTH, "requests x cost of one + hosting", [cost.per_1k, cost.hosting_month])


def hosting_month(per_hour: Figure) -> Figure:
    """A month of hosting at a price per hour, 720 hours."""
    return derive(number(per_hour) * HOURS_PER_MONTH, PER_MONTH, "price of an hour x 720", [per_hour])


def training_by_tokens(tokens_per_epoch: Figure, epochs: float, price: Figure) -> Figure:
    """Training billed by the token: tokens x epochs x price per million."""
    value = number(tokens_per_epoch) * epochs * number(price) / 1e6
    return derive(value, USD, f"tokens x {epochs:g} epochs x price", [tokens_per_epoch, price])


def training_by_hours(seconds: Figure, per_hour: Figure) -> Figure:
    """Training billed by the hour, or on a machine of one's own."""
    return derive(number(seconds) / 3600 * number(per_hour), USD, "hours x price of an hour", [seconds, per_hour])


def local_per_1k(seconds_per_request: Figure, hardware: Hardware) -> Figure:
    """Cost of 1,000 requests on a machine of one's own; `seconds_per_request` is 1 / its throughput."""
    hourly = hardware.working()
    value = number(seconds_per_request) * 1_000 / 3600 * number(hourly)
    return derive(value, PER_1K, "seconds of a request x price of an hour", [seconds_per_request, hourly])
