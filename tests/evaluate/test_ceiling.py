"""A ceiling for what a run may cost."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.evaluate.fake_answerer import FakeAnswerer
from tests.evaluate.test_evaluate_runner import Place, right
from workbench.errors import WorkbenchError
from workbench.evaluate.bench import outlook, set_up
from workbench.evaluate.budget import Budget, CeilingReached, most_prompt_tokens
from workbench.evaluate.candidates import parse_candidate
from workbench.evaluate.ledger import read_rows

CENT = 0.01


@pytest.fixture
def place(tmp_path: Path, write: Callable[..., str]) -> Place:
    return Place(tmp_path, write)


async def test_a_run_stops_before_it_costs_more_and_keeps_what_was_answered(place: Place) -> None:
    """60 calls of a cent with 25 cents: 25 calls; with enough, only the rest is asked."""
    paid = FakeAnswerer(right, cost=CENT)
    short = place.task.model_copy(update={"max_cost": 0.255, "train": None})
    with pytest.raises(CeilingReached, match=r"ceiling of \$0.2[56]: \$0.25\d* were spent, 25 of 60 answers") as caught:
        await place.run({"openai/a": paid}, task=short)
    assert (caught.value.code, caught.value.exit_code, len(paid.calls)) == ("cost_ceiling", 1, 25)
    kept = read_rows(place.run_dir)
    assert len(kept) == 25 and all(row.error is None for row in kept), "what was not asked is not failed"
    result = await place.run({"openai/a": paid}, task=short.model_copy(update={"max_cost": 1.0}))
    assert len(paid.calls) == 60 and result.candidate("openai/a").failed == 0


async def test_calls_without_a_price_are_refused_under_a_ceiling(place: Place) -> None:
    free = FakeAnswerer(right)
    with pytest.raises(WorkbenchError, match="no known price") as caught:
        await place.run({"openai/a": free}, task=place.task.model_copy(update={"max_cost": 5.0}))
    assert caught.value.code == "no_price" and free.calls == []


async def test_the_outlook_counts_what_is_still_to_be_asked(place: Place) -> None:
    paid = FakeAnswerer(right, cost=CENT)
    bench = await set_up(place.task, [parse_candidate("openai/a"), parse_candidate("openai/a+few-shot:2")])

    async def seen(answerers: dict):
        found = await outlook(bench, answerers, run_dir=place.run_dir, cache_dir=place.cache_dir, repeat=2)
        return found.calls, found.cost

    both = {"openai/a": paid, "openai/a+few-shot:2": paid}
    assert await seen(both) == (240, pytest.approx(2.4))
    await place.run({"openai/a": paid}, repeat=2)
    assert await seen(both) == (120, pytest.approx(1.2))
    assert await seen({"openai/a": paid}) == (0, 0.0)
    assert await seen({"openai/a+few-shot:2": FakeAnswerer(right)}) == (120, None)


@settings(max_examples=50)
@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), max_size=30), st.floats(0, 5))
def test_no_order_of_calls_spends_more_than_the_ceiling(calls: list[tuple[float, float]], ceiling: float) -> None:
    """As long as no call costs more than it can; half of the calls stay in flight over the next one."""
    budget, in_flight = Budget(ceiling), []
    for most, share in calls:
        if budget.reserve(most):
            in_flight.append((most, most * share))
        if len(in_flight) > 2:
            budget.settle(*in_flight.pop(0))
    for call in in_flight:
        budget.settle(*call)
    assert budget.spent <= ceiling + 1e-9


def test_prompts_are_reckoned_high() -> None:
    """More tokens than any tokenizer makes of them: of English, of Japanese, of digits."""
    from workbench.dataset.tokens import counter_for

    counter = counter_for("gpt-4o", Path("/nonexistent"))
    for text in ("What does a refund take, and who decides?", "返金にはどのくらいかかりますか。", "8271 9932 1104"):
        messages = [{"role": "user", "content": text}]
        assert most_prompt_tokens(messages) >= counter.text(text)
