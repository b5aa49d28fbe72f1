"""A bulk rewrite through a provider: its price first, then its answers over HTTP."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.workflow.conftest import MODEL
from workbench.catalog.figure import Origin
from workbench.dataset.formats import Format
from workbench.errors import WorkbenchError
from workbench.testing.fake_provider import FakeProvider
from workbench.workflow.context import Context
from workbench.workflow.rewrite import plan_rewrite, run_rewrite

ROWS = [
    (
        n,
        json.dumps(
            {"messages": [{"role": "user", "content": f"q{n}"}, {"role": "assistant", "content": f"a{n}"}]}
        ).encode(),
    )
    for n in range(6)
]


def context_for(provider: FakeProvider, folder: Path) -> Context:
    return Context(home=folder / "home", cache=folder / "cache", environ=dict(provider.environ))


async def test_the_price_comes_first_and_asks_nobody(provider: FakeProvider, tmp_path: Path) -> None:
    """An estimate that says where it comes from; what the provider counted is told afterwards."""
    context = context_for(provider, tmp_path)
    plan = plan_rewrite(context, ROWS, Format.CHAT, profile="openai", model=MODEL, prompt="shorten")
    assert provider.requests == []
    assert plan.records == 6 and plan.cost.origin is Origin.ESTIMATED and plan.cost.value and plan.cost.value > 0
    assert plan.prompt_tokens.value == 6 * (plan.prompt_tokens.value or 0) / 6 > plan.completion_tokens.value > 0  # type: ignore[operator]
    provider.replies = lambda body: f"new {body['messages'][1]['content']}"
    seen: list[tuple[int, int, int]] = []
    done = await run_rewrite(context, plan, progress=lambda *told: seen.append(told))
    assert seen[-1] == (6, 6, 0) and done.failures == ()
    assert [one["texts"] for one in done.step["rewritten"]] == [{"messages[1].content": f"new a{n}"} for n in range(6)]
    assert (done.step["kind"], done.step["profile"], done.step["model"]) == ("rewrite", "openai", MODEL)
    assert done.prompt_tokens and done.completion_tokens


async def test_a_provider_that_refuses_is_told_once(provider: FakeProvider, tmp_path: Path) -> None:
    """A model that is not there fails the rewrite, not every record of it."""
    context = context_for(provider, tmp_path)
    plan = plan_rewrite(context, ROWS, Format.CHAT, profile="openai", model="no-such-model", prompt="shorten")
    assert plan.cost.value is None
    with pytest.raises(WorkbenchError, match="no-such-model"):
        await run_rewrite(context, plan)


@pytest.mark.parametrize(
    ("options", "why"),
    [({"role": "tool"}, "finds no text"), ({"prompt": " "}, "is empty"), ({"profile": "nope"}, "does not exist")],
)
def test_what_cannot_be_done_is_refused_before_anything_is_asked(
    provider: FakeProvider, tmp_path: Path, options: dict[str, str], why: str
) -> None:
    """In one sentence."""
    arguments = {"profile": "openai", "model": MODEL, "prompt": "shorten"} | options
    with pytest.raises(WorkbenchError, match=why):
        plan_rewrite(context_for(provider, tmp_path), ROWS, Format.CHAT, **arguments)
    assert provider.requests == []
