"""A bulk rewrite: nothing is asked before the price was shown; the answers come back as one step."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from textual.widgets import Input, Select, TextArea

from tests.screens.asking import Asking
from tests.screens.asking import asking as ask
from tests.workflow.conftest import MODEL, provider  # noqa: F401 - a fixture
from workbench.dataset.formats import Format
from workbench.dataset.recipe.steps.base import Services
from workbench.screens.preview import Target
from workbench.screens.rewriting import RewriteDialog
from workbench.testing.fake_provider import FakeProvider
from workbench.workflow.context import Context

RECORDS = [
    json.dumps({"messages": [{"role": "user", "content": f"q{n}"}, {"role": "assistant", "content": f"a{n}"}]}).encode()
    for n in range(3)
]


@pytest.fixture
def asking(provider: FakeProvider, tmp_path: Path) -> Asking:  # noqa: F811
    provider.replies = lambda body: f"better {body['messages'][-1]['content']}"
    context = Context(home=tmp_path / "home", cache=tmp_path / "cache", environ=dict(provider.environ))
    records = [(number, raw, number + 1) for number, raw in enumerate(RECORDS)]
    target = Target(lambda: records, len(records), "the 3 chosen records", Format.CHAT, Services())
    return ask(RewriteDialog(context, target, f"openai/{MODEL}"))


def said(app: Asking) -> str:
    text: str = app.asked._says.text
    return text


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_the_price_is_shown_before_anything_is_asked(
    asking: Asking,
    provider: FakeProvider,  # noqa: F811
    until,
    size: tuple[int, int],
) -> None:
    async with asking.run_test(size=size) as pilot:
        await pilot.pause()
        await pilot.press("ctrl+s")
        await until(pilot, lambda: "3 texts in 3 records" in said(asking))
        assert "estimated" in said(asking) and provider.requests == []
        assert asking.asked._says.size.height >= 5
        await pilot.press("ctrl+s")
        await until(pilot, lambda: asking.answer != "not answered")
    texts = [one["texts"] for one in asking.answer["rewritten"]]
    assert texts == [{"messages[1].content": f"better a{n}"} for n in range(3)]


async def test_another_question_needs_another_price(asking: Asking, provider: FakeProvider, until) -> None:  # noqa: F811
    """Whoever changes the prompt after the price is not charged for what was not priced."""
    async with asking.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        await pilot.press("ctrl+s")
        await until(pilot, lambda: "3 texts" in said(asking))
        asking.asked.query_one(TextArea).text = "Shorten."
        asking.asked.query_one(Select).value = "user"
        await pilot.pause()
        await pilot.press("ctrl+s")
        await until(pilot, lambda: "3 texts" in said(asking))
        assert provider.requests == []
        await pilot.press("ctrl+s")
        await until(pilot, lambda: asking.answer != "not answered")
    assert asking.answer["prompt"] == "Shorten." and asking.answer["role"] == "user"


@pytest.mark.parametrize(("model", "says"), [("nothing", "names no model"), ("nope/x", "does not exist")])
async def test_a_model_that_cannot_be_asked_is_refused(asking: Asking, until, model: str, says: str) -> None:
    async with asking.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        asking.asked.query_one(Input).value = model
        await pilot.pause()
        await pilot.press("ctrl+s")
        await until(pilot, lambda: says in said(asking))
        assert asking.answer == "not answered"
