"""What the four screens of the loop look like. Update with `pytest --snapshot-update`, after looking."""

from __future__ import annotations

import asyncio
import time

import pytest
from textual.widgets import Input

from tests.screens.loop_workspace import ACCURACY, NOW, TUNED, loop  # noqa: F401 - a fixture
from workbench.evaluate.runner import Progress
from workbench.screens.conversation import Conversation, SpokenReply, Turn, keep
from workbench.screens.decide_rows import question_key
from workbench.screens.evaluate_messages import Progressed
from workbench.workflow.job_records import recorded_jobs
from workbench.workflow.wish import Wish, ask, change

SIZES = pytest.mark.parametrize("size", [(80, 24), (120, 40)], ids=["80x24", "120x40"])
NARROW = (80, 24)


async def settled_on(pilot, condition) -> None:
    """Wait for what a follower brings; nobody waits for those on their own."""
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        await pilot.pause()
        await asyncio.sleep(0.01)
    await pilot.pause()


# Evaluate -----------------------------------------------------------------------------------------------------------


@SIZES
def test_evaluate(loop, snap_compare, size) -> None:  # noqa: F811
    """Ranked candidates with intervals; trivial ones dimmed; the first one against the others below."""
    loop.measured({**ACCURACY, TUNED: 0.93})
    assert snap_compare(loop.app("evaluate"), terminal_size=size)


def test_evaluate_empty(loop, snap_compare) -> None:  # noqa: F811
    """One sentence with the key."""
    assert snap_compare(loop.app("evaluate"), terminal_size=NARROW)


def test_evaluate_running(loop, snap_compare) -> None:  # noqa: F811
    """A bar, counts, what is left, the candidate, and the key that stops it."""
    loop.measured()

    async def measuring(pilot) -> None:
        await pilot.pause()
        screen = pilot.app.screen
        screen.measuring = True
        screen.post_message(Progressed(Progress(37, 120, 1, 0, "local/starter+few-shot:5", 62.0, 139.0)))
        await pilot.pause()

    assert snap_compare(loop.app("evaluate"), run_before=measuring, terminal_size=NARROW)


@pytest.mark.parametrize("key", ["r", "o"])
def test_evaluate_dialogs(loop, snap_compare, key) -> None:  # noqa: F811
    """Candidates to choose from; runs to choose from."""
    loop.measured(run="run-20261101-090000-aaaaaa", hour=9)
    loop.measured({**ACCURACY, TUNED: 0.93})
    assert snap_compare(loop.app("evaluate"), press=[key], terminal_size=NARROW)


@SIZES
def test_items(loop, snap_compare, size) -> None:  # noqa: F811
    """Scores by candidate as glyphs; the prompt as sent, the reference, each output; markup and escapes shown."""
    loop.measured({**ACCURACY, TUNED: 0.93})
    assert snap_compare(loop.app("evaluate"), press=["enter", "j", "j"], terminal_size=size)


# Decide -------------------------------------------------------------------------------------------------------------


async def on_a_question(pilot) -> None:
    """The cursor away from the commands, which hold paths of this machine."""
    await pilot.pause()
    screen = pilot.app.screen
    screen._lines.go_to(question_key(screen.decision.checklist[0].id))
    await pilot.pause()


@SIZES
def test_decide(loop, snap_compare, size) -> None:  # noqa: F811
    """The verdict with its reasons, the checklist by group, break-even."""
    loop.measured({**ACCURACY, TUNED: 0.97})
    assert snap_compare(loop.app("decide"), run_before=on_a_question, terminal_size=size)


def test_decide_before_training(loop, snap_compare) -> None:  # noqa: F811
    """Not enough evidence, and what is missing first."""
    loop.measured()
    assert snap_compare(loop.app("decide"), run_before=on_a_question, terminal_size=NARROW)


def test_decide_answer(loop, snap_compare) -> None:  # noqa: F811
    """The question, why it is asked, yes, no, open, and room for words."""

    async def asking(pilot) -> None:
        await on_a_question(pilot)
        await pilot.press("enter")

    assert snap_compare(loop.app("decide"), run_before=asking, terminal_size=NARROW)


# Jobs ---------------------------------------------------------------------------------------------------------------


def three_jobs(loop) -> None:  # noqa: F811
    """A failed, a finished and a running one."""
    loop.job("failed")
    loop.provider.end_with("failed", error={"message": "loss is nan [b]x[/b] \x1b[2J", "code": "diverged"})
    loop.job("done")
    loop.provider.end_with("succeeded")
    loop.job("running")
    loop.provider.advance(times=2)
    loop.train(239)


async def followed(pilot) -> None:
    """Until the running job is shown as far as it is."""
    await settled_on(pilot, lambda: pilot.app.screen.view is not None and pilot.app.screen.view.step == 239)


@SIZES
def test_jobs_running(loop, snap_compare, size) -> None:  # noqa: F811
    """States as glyph and word; a line for training, dots for validation; the newest events."""
    three_jobs(loop)
    assert snap_compare(loop.app("jobs"), run_before=followed, terminal_size=size)


def test_jobs_empty(loop, snap_compare) -> None:  # noqa: F811
    """One sentence with the key."""
    assert snap_compare(loop.app("jobs"), terminal_size=NARROW)


def test_jobs_failed(loop, snap_compare) -> None:  # noqa: F811
    """Why, beside the state."""
    three_jobs(loop)

    async def on_the_failed(pilot) -> None:
        await followed(pilot)
        await pilot.press("G")
        await settled_on(
            pilot, lambda: pilot.app.screen.view is not None and pilot.app.screen.view.job.status == "failed"
        )

    assert snap_compare(loop.app("jobs"), run_before=on_the_failed, terminal_size=NARROW)


@SIZES
def test_jobs_then_measured(loop, snap_compare, size) -> None:  # noqa: F811
    """What was asked to follow the job, and what came of it."""
    three_jobs(loop)
    job = max((one.job for one in recorded_jobs(loop.context).values()), key=lambda job: job.created_at or 0)
    wish = ask(loop.context, job, Wish(project=loop.project.slug))
    change(loop.context, wish, state="could-not", why="local: listing models: no answer in time", hint="try again")

    async def told(pilot) -> None:
        await followed(pilot)
        await settled_on(pilot, lambda: "could not" in str(pilot.app.screen._monitor._after.left))

    assert snap_compare(loop.app("jobs"), run_before=told, terminal_size=size)


def test_jobs_zoomed(loop, snap_compare) -> None:  # noqa: F811
    """The chart alone, with a cursor on a step."""
    three_jobs(loop)

    async def zoomed(pilot) -> None:
        await followed(pilot)
        await pilot.press("enter", *["left"] * 60, "z")

    assert snap_compare(loop.app("jobs"), run_before=zoomed, terminal_size=NARROW)


def test_jobs_new(loop, snap_compare, monkeypatch) -> None:  # noqa: F811
    """The form, and the quote with its origins and warnings."""
    monkeypatch.chdir(loop.project.folder)

    async def filled(pilot) -> None:
        await pilot.pause()
        await pilot.press("n")
        for side in ("train", "validation"):
            pilot.app.screen.query_one(f"#{side}", Input).value = f"data/{side}.jsonl"
        await pilot.pause()

    assert snap_compare(loop.app("jobs"), run_before=filled, terminal_size=NARROW)


# Playground ---------------------------------------------------------------------------------------------------------


def talked(loop) -> None:  # noqa: F811
    """A conversation with every kind of reply."""
    left, right = "local/starter", "local/ft:starter:local:tickets:1a2b3c4d"
    keep(
        loop.context,
        loop.project,
        Conversation(
            id="20261101-101500-abcdef",
            created_at=int(NOW),
            system="Classify the support ticket. Answer with one label.",
            models={"left": left, "right": right},
            turns=[
                Turn(
                    text="My seed box did not come.",
                    replies={
                        "left": SpokenReply(model=left, text="It is [bold]missing[/bold] \x1b[2J.", error=None),
                        "right": SpokenReply(model=right, text="shipping"),
                    },
                ),
                Turn(
                    text="漢字 👍 and the second one?",
                    replies={
                        "left": SpokenReply(
                            model=left, text="I am sorry to hear that. " * 6, prompt_tokens=120, completion_tokens=42,
                            first_token_s=0.31, total_s=2.4, stopped=True,
                        ),
                        "right": SpokenReply(
                            model=right, error="the engine is gone; start it with `ftwb engine start`"
                        ),
                    },
                ),
            ],
        ),
    )  # fmt: skip


@SIZES
def test_playground(loop, snap_compare, size) -> None:  # noqa: F811
    """Two sides, the person's words behind a bar, numbers below, a failure in its place."""
    talked(loop)
    assert snap_compare(loop.app("playground"), terminal_size=size)


def test_playground_empty(loop, snap_compare) -> None:  # noqa: F811
    """No tuned model yet: the right side says how to choose one."""
    assert snap_compare(loop.app("playground"), terminal_size=NARROW)


def test_playground_streaming(loop, snap_compare) -> None:  # noqa: F811
    """One side is writing, the other still waits."""
    talked(loop)

    async def streaming(pilot) -> None:
        await pilot.pause()
        screen = pilot.app.screen
        screen.replying = frozenset({"left", "right"})
        screen._sides["left"].show_growing("A reply that is being wri")
        screen._sides["right"].show_waiting("base model: download")
        await pilot.pause()

    assert snap_compare(loop.app("playground"), run_before=streaming, terminal_size=NARROW)


def test_playground_prompt(loop, snap_compare) -> None:  # noqa: F811
    """The request as sent, in a dialog that scrolls."""
    talked(loop)
    assert snap_compare(loop.app("playground"), press=["ctrl+t"], terminal_size=NARROW)


# Other terminals ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("theme", ["ftwb-light", "ansi-dark"])
@pytest.mark.parametrize("mode", ["evaluate", "decide"])
def test_other_themes(loop, snap_compare, mode, theme) -> None:  # noqa: F811
    """Readable on light and in the terminal's own sixteen colours."""
    loop.measured({**ACCURACY, TUNED: 0.97})
    before = on_a_question if mode == "decide" else None
    assert snap_compare(loop.app(mode, theme), run_before=before, terminal_size=NARROW)


def test_jobs_without_colour(loop, snap_compare, monkeypatch) -> None:  # noqa: F811
    """NO_COLOR: a line and dots, glyphs and words say what colours said."""
    monkeypatch.setenv("NO_COLOR", "1")
    three_jobs(loop)
    assert snap_compare(loop.app("jobs"), run_before=followed, terminal_size=NARROW)
