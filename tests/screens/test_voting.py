"""Blind votes on screen: keys, going on, and who was which at the end only."""

from __future__ import annotations

from tests.screens.loop_workspace import loop  # noqa: F401 - a fixture
from workbench.evaluate.votes import read_votes
from workbench.screens.dialogs.message import MessageDialog
from workbench.screens.evaluate import EvaluateScreen
from workbench.screens.voting import VotingScreen
from workbench.testing import wait_idle
from workbench.workflow.runs import run_folder

BOTH = {"local/starter": 0.9, "local/starter+few-shot:5": 0.1}


async def voting(pilot) -> VotingScreen:
    """The votes between the two candidates of the run."""
    await wait_idle(pilot)
    await pilot.press("v")
    await wait_idle(pilot)
    assert isinstance(pilot.app.screen, VotingScreen)
    return pilot.app.screen


def in_body(text: str) -> str:
    """The screen without its head, which names the pair, and without the keys."""
    return "\n".join(text.splitlines()[3:-1])


async def test_votes_are_blind_and_the_end_tells_who_was_which(loop, screen_text) -> None:  # noqa: F811
    """Neither answer has a name; after the last vote the result does."""
    run = loop.measured(BOTH, items=12)
    app = loop.app("evaluate")
    async with app.run_test(size=(120, 30)) as pilot:
        screen = await voting(pilot)
        count = len(screen.ballot)
        for _ in range(count):
            text = screen_text(app)
            assert "which answer is better?" in text
            assert "starter" not in in_body(text)
            first = screen.matchup.shown[0] == "local/starter"
            await pilot.press("a" if first else "b")
        text = screen_text(app)
        assert f"preferred {count} times" in text and "preferred 0 times" in text
        assert "local/starter is preferred." in text
        assert "exact sign test p" in text and "95 %" in text
        await pilot.press("escape")
        assert isinstance(app.screen, EvaluateScreen)
    kinds = [vote.kind for vote in read_votes(run_folder(loop.context, loop.project, run.run))]
    assert len(kinds) == count + 1
    assert kinds[-1] == "look"


async def test_votes_go_on_where_they_were_and_can_be_taken_back(loop, screen_text) -> None:  # noqa: F811
    """t, s, leave, come back, u; r shows the reference."""
    loop.measured(BOTH, items=12)
    app = loop.app("evaluate")
    async with app.run_test(size=(80, 24)) as pilot:
        screen = await voting(pilot)
        first = screen.matchup
        await pilot.press("t", "s")
        third = screen.matchup
        assert " 3 of " in screen_text(app)
        await pilot.press("escape")
        again = await voting(pilot)
        assert again is not screen
        assert again.matchup == third
        assert "reference" not in in_body(screen_text(app))
        await pilot.press("r")
        assert "reference" in in_body(screen_text(app))
        await pilot.press("u", "u")
        assert again.matchup == first


async def test_an_early_look_is_told_and_votes_go_on(loop, screen_text) -> None:  # noqa: F811
    """f shows the result, escape goes back to the votes; few votes prove nothing."""
    loop.measured(BOTH, items=12)
    app = loop.app("evaluate")
    async with app.run_test(size=(100, 30)) as pilot:
        screen = await voting(pilot)
        await pilot.press("f")
        assert screen.matchup is not None, "nothing to see before the first vote"
        await pilot.press("a", "a", "f")
        text = screen_text(app)
        assert "Too few votes" in text
        assert "seen before all items were voted on" in text
        await pilot.press("b")
        assert screen.ballot.done == 2, "a vote key does nothing on the result"
        await pilot.press("escape")
        assert screen.matchup is not None
        while screen.matchup is not None:
            await pilot.press("t")
        assert "first seen after 2 of" in screen_text(app)


async def test_candidates_that_say_the_same_are_nothing_to_vote_on(loop, until) -> None:  # noqa: F811
    """One sentence says so."""
    loop.measured({"local/starter": 1.0, "local/starter+few-shot:5": 1.0}, items=6)
    app = loop.app("evaluate")
    async with app.run_test(size=(80, 24)) as pilot:
        await wait_idle(pilot)
        await pilot.press("v")
        await until(pilot, lambda: isinstance(app.screen, MessageDialog))
