"""Asking a model for new texts: what it is asked, and what comes of good, empty and failed answers."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from workbench.dataset.digest import digest
from workbench.dataset.formats import Format
from workbench.dataset.recipe.replay import preview
from workbench.dataset.recipe.rewrite import Outcome, requests_for, rewrite, tokens_of
from workbench.dataset.recipe.steps import Rewrite
from workbench.dataset.tokens import FormulaCounter
from workbench.errors import WorkbenchError


def chat(*texts: str) -> dict[str, Any]:
    roles = ("user", "assistant")
    return {"messages": [{"role": roles[n % 2], "content": text} for n, text in enumerate(texts)]}


RECORDS = [chat("q1", "a1", "q2", "a2"), chat("q3", "a3"), chat("q3", "a3"), chat("q4", "")]
ROWS = [(number, json.dumps(record).encode()) for number, record in enumerate(RECORDS)] + [(9, b"{broken")]


def ask(prompt: str, answer: Any, role: str = "assistant") -> Outcome:
    async def complete(messages: Sequence[Mapping[str, Any]]) -> str:
        said = answer(messages)
        if isinstance(said, Exception):
            raise said
        await asyncio.sleep(0)
        return str(said)

    return asyncio.run(rewrite(list(requests_for(ROWS, Format.CHAT, prompt, role)), complete))


def test_every_text_of_the_role_is_asked_for_once() -> None:
    """Equal records ask once; empty texts and broken rows ask nothing."""
    asked = list(requests_for(ROWS, Format.CHAT, "shorten"))
    assert [(one.key, one.place) for one in asked] == [
        (0, "messages[1].content"), (0, "messages[3].content"), (1, "messages[1].content"),
    ]  # fmt: skip
    assert asked[0].messages == ({"role": "system", "content": "shorten"}, {"role": "user", "content": "a1"})
    assert [one.text for one in requests_for(ROWS, Format.CHAT, "x", "user")] == ["q1", "q2", "q3", "q4"]


def test_a_prompt_can_say_where_text_and_conversation_go() -> None:
    """And a text that holds a placeholder's name is only a text."""
    asked = list(requests_for(ROWS[:1], Format.CHAT, "After:\n{conversation}\nshorten: {text}!"))
    assert asked[1].messages[0]["content"] == "After:\nuser: q1\n\nassistant: a1\n\nuser: q2\nshorten: a2!"
    rows = [(0, json.dumps(chat("q", "say {conversation} and {text}")).encode())]
    (one,) = requests_for(rows, Format.CHAT, "{text}?")
    assert one.messages == ({"role": "user", "content": "say {conversation} and {text}?"},)


def test_answers_become_one_step_that_changes_what_was_asked_about() -> None:
    """By content, so that the copy of a record changes too, and a replay needs no model."""
    outcome = ask("shorten", lambda messages: f" {messages[1]['content']}! \n")
    assert outcome.failures == [] and outcome.done == 3
    step = Rewrite(prompt="shorten", profile="local", model="starter", rewritten=outcome.rewritten)
    shown = preview(step, ((key, raw, None) for key, raw in ROWS), Format.CHAT)
    assert [(key, json.loads(after)) for key, _, after in shown.changes] == [
        (0, chat("q1", "a1!", "q2", "a2!")), (1, chat("q3", "a3!")), (2, chat("q3", "a3!")),
    ]  # fmt: skip
    assert shown.step["rewritten"][0]["record"] == digest(RECORDS[0])


def test_a_failed_text_leaves_its_record_alone_and_is_told() -> None:
    """Half a record rewritten is worse than none."""

    def answer(messages: Sequence[Mapping[str, Any]]) -> object:
        text = messages[1]["content"]
        return WorkbenchError("chat", "the line is down") if text == "a2" else "" if text == "a3" else "new"

    outcome = ask("shorten", answer)
    assert outcome.rewritten == []
    assert [(one.key, one.place, one.why) for one in outcome.failures] == [
        (0, "messages[3].content", "chat: the line is down"),
        (1, "messages[1].content", "the model answered nothing"),
    ]


def test_nobody_goes_on_asking_where_every_call_fails() -> None:
    """The provider's own sentence is the error."""
    calls = []

    def answer(messages: object) -> object:
        calls.append(messages)
        return WorkbenchError("openai", "the key is wrong", "set another")

    rows = [(number, json.dumps(chat("q", f"a{number}")).encode()) for number in range(50)]

    async def complete(messages: Sequence[Mapping[str, Any]]) -> str:
        raise answer(messages)  # type: ignore[misc]

    with pytest.raises(WorkbenchError, match="the key is wrong"):
        asyncio.run(rewrite(list(requests_for(rows, Format.CHAT, "x")), complete))
    assert len(calls) < 10


def test_the_price_is_reckoned_from_prompts_and_what_is_replaced() -> None:
    """With words as tokens: three a record, three a message and one a role, and the texts."""
    counter = FormulaCounter("words", True, lambda text: len(text.split()))
    assert tokens_of(requests_for(ROWS[1:2], Format.CHAT, "make it short"), counter) == (
        3 + (3 + 1 + 3) + (3 + 1 + 1),
        1,
    )
