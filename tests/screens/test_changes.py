"""Changing many records: a change is chosen, filled in, shown before and after, and applied or not."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from textual.widgets import Input, Select

from tests.screens.asking import asking
from workbench.dataset.formats import Format
from workbench.dataset.recipe.steps.base import Services
from workbench.screens.changed_text import change_lines, part_lines
from workbench.screens.dialogs.changes import ChangesDialog
from workbench.screens.dialogs.limit import LimitDialog
from workbench.screens.dialogs.replace import ReplaceDialog
from workbench.screens.dialogs.rules import RuleCount, RulesDialog
from workbench.screens.diff import DiffScreen
from workbench.screens.preview import PreviewScreen, Target


def record(user: str, assistant: str = "ok") -> bytes:
    turns = [{"role": "user", "content": user}, {"role": "assistant", "content": assistant}]
    return json.dumps({"messages": turns}).encode()


RECORDS = [record("<p>Hello</p>"), record("plain"), record("<b>Bold</b>"), record("plain")]


def target(records: list[bytes] | None = None) -> Target:
    rows = RECORDS if records is None else records
    return Target(
        lambda: [(number, raw, number + 1) for number, raw in enumerate(rows)], len(rows), "the 4 records", Format.CHAT,
        Services(),
    )  # fmt: skip


def text_of(width: int, lines: Any) -> str:
    assert all(sum(len(piece.text) for piece in line) <= width for line in lines)
    return "\n".join("".join(piece.text for piece in line) for line in lines)


async def test_a_change_is_shown_and_applied() -> None:
    """Two of four change; enter closes with exactly those."""
    app = asking(PreviewScreen({"kind": "clean", "fix": "html"}, target()))
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        assert app.asked.head.left[0].text == "clean html · 2 of 4 change"
        assert "−[" in app.asked.change.text and "Hello" in app.asked.change.text
        await pilot.press("enter")
        await pilot.pause()
    assert [key for key, _, _ in app.answer.changes] == [0, 2]
    assert b"<p>" not in app.answer.changes[0][2]
    assert app.answer.step["touched"] == 2


async def test_escape_changes_nothing() -> None:
    app = asking(PreviewScreen({"kind": "clean", "fix": "html"}, target()))
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        await pilot.press("escape")
        await pilot.pause()
    assert app.answer is None


async def test_what_goes_is_shown_with_its_reason() -> None:
    app = asking(PreviewScreen({"kind": "dedupe"}, target()))
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        assert "1 of 4 go" in app.asked.head.left[0].text
        await pilot.press("enter")
        await pilot.pause()
    assert [key for key, _ in app.answer.dropped] == [3]


async def test_a_change_of_nothing_cannot_be_applied() -> None:
    app = asking(PreviewScreen({"kind": "clean", "fix": "html"}, target([record("plain")])))
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        assert app.asked.list.empty == "nothing would change"
        await pilot.press("enter")
        await pilot.pause()
    assert app.answer is None


async def test_a_step_that_cannot_be_done_says_why() -> None:
    """A limit needs a counter; nothing here has one."""
    app = asking(PreviewScreen({"kind": "limit", "tokens": 5}, target()))
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        assert "needs a token counter" in app.asked.head.left[0].text
        assert "ftwb dataset build" in app.asked.list.empty, "the way out is said too"
        await pilot.press("enter")
        await pilot.pause()
    assert app.answer == "not answered"


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_replacing_is_filled_in_by_keys(size: tuple[int, int]) -> None:
    app = asking(ReplaceDialog())
    async with app.run_test(size=size) as pilot:
        await pilot.pause()
        assert all(field.size.height == 1 and field.size.width > 10 for field in app.screen.query(Input))
        await pilot.press(*"hello", "tab", *"bye", "enter")
        await pilot.pause()
    assert app.answer == {"kind": "replace", "find": "hello", "with": "bye"}


async def test_a_pattern_that_cannot_be_read_keeps_the_form_open() -> None:
    app = asking(ReplaceDialog())
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        app.screen.query_one("#kind", Select).value = "regex"
        await pilot.press(*"(", "enter")
        await pilot.pause()
        assert app.answer == "not answered"
        assert "✗" in app.asked._says.text


async def test_role_and_case_reach_the_step() -> None:
    app = asking(ReplaceDialog())
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        app.screen.query_one("#kind", Select).value = "ignore"
        app.screen.query_one("#role", Select).value = "user"
        await pilot.press(*"x", "ctrl+s")
        await pilot.pause()
    assert app.answer == {"kind": "replace", "find": "x", "ignore_case": True, "roles": ["user"]}


async def test_a_limit_wants_a_number() -> None:
    app = asking(LimitDialog())
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        await pilot.press(*"many", "enter")
        await pilot.pause()
        assert "not a number of tokens" in app.asked._says.text
        app.screen.query_one("#tokens", Input).value = "4,096"
        app.screen.query_one("#over", Select).value = "trim-turns"
        await pilot.press("enter")
        await pilot.pause()
    assert app.answer == {"kind": "limit", "tokens": 4096, "over": "trim-turns"}


RULES = (
    RuleCount("M003", "unrecognized_role", "A message has a role that the provider does not know.", 12, True),
    RuleCount("M007", "null_value", "An optional key is there but null.", 3, False),
)


async def test_rules_are_chosen_by_space() -> None:
    app = asking(RulesDialog("Drop", RULES))
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        await pilot.press("down", "space", "enter")
        await pilot.pause()
    assert app.answer == ["M007"]


async def test_a_change_without_parameters_is_ready_at_once_and_one_with_asks() -> None:
    """The list of changes leads to the form, the form's answer to the step."""
    app = asking(ChangesDialog("the 4 records", rules=RULES, fixable=RULES[1:]))
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        await pilot.press("enter", "enter")  # Fix; its rules are chosen beforehand
        await pilot.pause()
    assert app.answer == {"kind": "fix", "rules": ["M007"]}
    app = asking(ChangesDialog("the 4 records"))
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        await pilot.press("down", "down", "enter")
        await pilot.pause()
    assert app.answer == {"kind": "clean", "fix": "html"}


def test_before_and_after_are_told_without_colour() -> None:
    """What went stands in −[ ], what came in +[ ], and a terminal's sequences are shown."""
    old, new = record("send it to bob@example.org now"), record("send it to [EMAIL_1] now\x1b[2J")
    text = text_of(40, change_lines(old, new, Format.CHAT, 40))
    assert "−[bob@example.org ]" in text.replace("\n  ", "")
    assert "+[[EMAIL_1] ]" in text.replace("\n  ", "")
    assert "\x1b" not in text


def test_equal_values_in_another_spelling_say_so() -> None:
    assert "spelling" in text_of(80, part_lines([], 80))


class Version(list[bytes]):
    """A version of a file in memory."""

    def iter_raw(self) -> Iterator[bytes]:
        return iter(self)

    def raw(self, index: int, /) -> bytes:
        return self[index]


async def test_differences_are_listed_and_lead_to_the_record() -> None:
    """One changed, one added, one removed; enter on the changed one goes to its place in the new version."""
    old = Version([record("the first question of all"), record("same"), record("goes away for ever")])
    new = Version([record("same"), record("the first question of many"), record("something else entirely, 42")])
    app = asking(DiffScreen("since the last save", lambda: (old, new), Format.CHAT))
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        assert "1 changed · 1 added · 1 removed · 1 the same" in app.asked.head.left[0].text
        assert "−[all]" in app.asked.change.text.replace("\n  ", "")
        await pilot.press("enter")
        await pilot.pause()
    assert app.answer == 1


async def test_versions_that_are_the_same_say_so() -> None:
    same = Version([record("a")])
    app = asking(DiffScreen("since the last save", lambda: (same, same), Format.CHAT))
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        assert app.asked.list.empty == "nothing differs"
        await pilot.press("enter")
        assert app.answer == "not answered"
