"""Azure's retail price list: meters as they are named there, read into our prices."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from workbench.catalog.azure_meters import read_meters
from workbench.catalog.prices import PriceEntry

TODAY = date(2026, 11, 20)


def row(meter: str, price: float, unit: str = "1K", **more: Any) -> dict[str, Any]:
    """A row in the shape of the list, with the fields that are looked at."""
    return {
        "currencyCode": "USD",
        "retailPrice": price,
        "unitPrice": price,
        "armRegionName": "eastus2",
        "effectiveStartDate": "2025-05-01T00:00:00Z",
        "meterName": meter,
        "productName": "Azure OpenAI",
        "skuName": meter,
        "serviceName": "Foundry Models",
        "unitOfMeasure": unit,
        "type": "Consumption",
    } | more


def only(*rows: dict[str, Any]) -> PriceEntry:
    (entry,) = read_meters(rows, TODAY).entries
    return entry


@pytest.mark.parametrize(
    ("meter", "unit", "price", "model", "tuned", "tier", "what", "value"),
    [
        ("gpt-4.1-mini-ft input global Tokens", "1K", 0.0004, "gpt-4.1-mini", True, "global", "input", 0.4),
        ("gpt 4.1 mini Inp glbl Tokens", "1K", 0.0004, "gpt-4.1-mini", False, "global", "input", 0.4),
        ("4.1 nano ft cd inp Dz Tokens", "1K", 0.000028, "gpt-4.1-nano", True, "data-zone", "cached_input", 0.028),
        ("gpt 4o 0806 Outp Data Zone Tokens", "1K", 0.011, "gpt-4o", False, "data-zone", "output", 11.0),
        ("gpt-4o-0806-FT-Trng-regnl tkn Tokens", "1K", 0.0275, "gpt-4o", None, "regional", "training", 27.5),
        ("gpt 4.1 dev ft training glbl Tokens", "1K", 0.0125, "gpt-4.1", None, "developer", "training", 12.5),
        ("gpt-4.1-ft hosting regional Unit", "1 Hour", 1.7, "gpt-4.1", True, "regional", "hosting_hour", 1.7),
        ("o4 mini dev RFT Training glb Unit", "1 Hour", 50.0, "o4-mini", None, "developer", "training_hour", 50.0),
        ("OSS-20b FT Tokens", "1K", 0.0036, "gpt-oss-20b", None, "global", "training", 3.6),
        ("OSS 20b FT DZ Hosting Unit", "1/Hour", 0.33, "gpt-oss-20b", True, "data-zone", "hosting_hour", 0.33),
        ("gpt-4.1-ft output global 1M Tokens", "1M", 8.0, None, None, "", "", 0.0),
    ],
)  # fmt: skip
def test_a_meter_is_read_by_its_words(
    meter: str, unit: str, price: float, model: str | None, tuned: bool | None, tier: str, what: str, value: float
) -> None:
    entries = read_meters([row(meter, price, unit)], TODAY).entries
    if model is None:
        assert not entries, "a word that is not known is not passed over"
        return
    (entry,) = entries
    assert (entry.provider, entry.models[0], entry.tuned, entry.tier) == ("azure", model, tuned, tier)
    assert getattr(entry, what) == pytest.approx(value)
    assert (entry.source, entry.as_of) == ("Azure Retail Prices API", TODAY)


@pytest.mark.parametrize(
    "other",
    [
        row("gpt-4.1-ft mdl grdr inpt Tokens", 0.0022),
        row("gpt-4o-mini-transcribe-txt-inp-glbl Tokens", 0.00125),
        row("gpt 4.1 Batch Inp glbl Tokens", 0.001),
        row("4.1 ft opt Dz Tokens", 0.0088, productName="Azure Grok Models"),
        row("gpt-4.1-ft input global Tokens", 0.1, effectiveStartDate="2027-01-01T00:00:00Z"),
        row("gpt-4.1-ft input global Tokens", 0.1, type="Reservation"),
        row("gpt-4.1-ft input global Tokens", 0.1, currencyCode="EUR"),
        row("gpt-4.1 hosting global Unit", 1.7, "1 Hour"),
        {},
    ],
)
def test_what_is_not_ours_is_left_out_without_a_word(other: dict[str, Any]) -> None:
    read = read_meters([other], TODAY)
    assert read.entries == () and read.doubtful == ()


def test_of_regions_that_differ_most_of_them_count() -> None:
    meter = "gpt-4.1 FT Training regional Tokens"
    dear = [row(meter, 0.033, armRegionName="a"), row(meter, 0.03025, armRegionName="b")]
    usual = [row(meter, 0.0275, armRegionName=name) for name in ("c", "d", "e")]
    assert only(*dear, *usual).training == pytest.approx(27.5)


def test_prices_at_a_wrong_scale_are_left_out_and_said_so() -> None:
    """As the list has them for gpt-4o's Developer tier: cached input dearer than input."""
    rows = [
        row("gpt 4o dev ft inpt glbl Tokens", 0.001375),
        row("gpt 4o dev ft cchd inpt glbl Tokens", 0.044),
        row("gpt 4o dev ft opt glbl Tokens", 0.00275),
        row("gpt 4o dev ft training glbl Tokens", 0.0125),
    ]
    read = read_meters(rows, TODAY)
    assert [(entry.training, entry.input) for entry in read.entries] == [(12.5, None)]
    assert "gpt-4o, developer" in read.doubtful[0]


@pytest.mark.parametrize(
    ("broken", "why"),
    [
        (row("gpt-4.1-ft input global Tokens", 2.0, "100"), "unit '100'"),
        (row("gpt-4.1-ft input global Tokens", -1.0), "price of -1"),
        (row("gpt-4.1-ft input output global Tokens", 1.0), "not clear"),
        (row("gpt-4.1-ft input global Tokens", None), "NoneType"),  # type: ignore[arg-type]
    ],
)
def test_a_row_that_cannot_be_meant_is_said_so(broken: dict[str, Any], why: str) -> None:
    read = read_meters([broken], TODAY)
    assert read.entries == ()
    assert why in read.doubtful[0] and broken["meterName"] in read.doubtful[0]
