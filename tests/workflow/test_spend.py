"""A call's cost: measured tokens times a quoted price, or an honest blank."""

from __future__ import annotations

import pytest

from workbench.catalog.figure import Origin
from workbench.catalog.prices import price
from workbench.providers.profiles import built_in
from workbench.workflow.spend import call_cost


def test_a_hosted_call_costs_its_tokens() -> None:
    told, said = price("gpt-4.1-mini-2025-04-14", "input").value, price("gpt-4.1-mini-2025-04-14", "output").value
    assert told and said
    cost = call_cost(built_in()["openai"], "gpt-4.1-mini-2025-04-14", 1000, 500)
    assert cost.origin is Origin.ESTIMATED and cost.as_of
    assert cost.value == pytest.approx((1000 * told + 500 * said) / 1e6)


@pytest.mark.parametrize(
    ("profile", "model", "tokens"),
    [
        ("local", "starter", (5, 5)),
        ("openai", "no-such-model", (5, 5)),
        ("openai", "gpt-4.1-mini-2025-04-14", (None, 5)),
    ],
)
def test_what_is_not_known_is_not_measured(profile: str, model: str, tokens: tuple[int | None, int | None]) -> None:
    cost = call_cost(built_in()[profile], model, *tokens)
    assert cost.value is None and cost.origin is Origin.NOT_MEASURED and cost.source
