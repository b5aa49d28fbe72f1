"""The Playground: two models, streamed, kept."""

from __future__ import annotations

import asyncio

from tests.screens.loop_workspace import loop  # noqa: F401 - a fixture
from workbench.screens.conversation import Conversation, SpokenReply, Turn, keep, latest_conversation, request_body
from workbench.screens.dialogs.models import ModelsDialog
from workbench.screens.dialogs.text import TextDialog
from workbench.screens.playground import PlaygroundScreen, ReplyGrew
from workbench.testing import wait_idle

HOSTILE = "[bold]no markup[/bold] \x1b]52;c;aGk=\x07 end"


def tune(loop) -> str:  # noqa: F811
    """A tuned model of the project; its name."""
    from workbench.workflow.train import show_job

    job = loop.job()
    loop.provider.finish()
    return str(asyncio.run(show_job(loop.context, job.id)).fine_tuned_model)


async def shown(pilot) -> PlaygroundScreen:
    """The screen once its conversation is open."""
    await wait_idle(pilot)
    assert isinstance(pilot.app.screen, PlaygroundScreen)
    assert pilot.app.screen.conversation is not None
    return pilot.app.screen


async def test_base_and_tuned_answer_side_by_side(loop, screen_text) -> None:  # noqa: F811
    """Each under its own name, with its own history, under the project's system prompt; nothing said is obeyed."""
    tuned = await asyncio.to_thread(tune, loop)
    loop.provider.replies = lambda body: "shipping" if body["model"] == tuned else HOSTILE
    app = loop.app("playground")
    async with app.run_test(size=(120, 40)) as pilot:
        screen = await shown(pilot)
        assert screen.conversation.models == {"left": "local/starter", "right": f"local/{tuned}"}
        for words in ("where is my box", "and now"):
            await pilot.press(*words, "enter")
            await wait_idle(pilot)
        text = screen_text(app)
        assert "[bold]no markup[/bold] ␛]52;c;aGk=␇ end" in text
        assert "shipping" in text
        assert " tokens · first " in text
        sent = [each.json for each in loop.provider.requests if each.path.endswith("/chat/completions")]
        last = next(body for body in reversed(sent) if body["model"] == tuned)
        assert [message["role"] for message in last["messages"]] == ["system", "user", "assistant", "user"]
        assert last["messages"][2]["content"] == "shipping"


async def test_without_a_tuned_model_one_side_is_silent(loop, screen_text) -> None:  # noqa: F811
    """It says how to choose one; the other side answers."""
    app = loop.app("playground")
    async with app.run_test(size=(120, 40)) as pilot:
        screen = await shown(pilot)
        assert "no model on this side: ctrl+o chooses one" in screen_text(app)
        await pilot.press(*"hello", "enter")
        await wait_idle(pilot)
        assert list(screen.conversation.turns[0].replies) == ["left"]


async def test_a_conversation_is_there_after_a_kill(loop, screen_text) -> None:  # noqa: F811
    """What was asked is written before it is answered; what was answered, when it is."""
    loop.provider.replies = ["the first answer"]
    app = loop.app("playground")
    async with app.run_test(size=(80, 24)) as pilot:
        await shown(pilot)
        await pilot.press(*"hello", "enter")
        await wait_idle(pilot)
    again = loop.app("playground")
    async with again.run_test(size=(80, 24)) as pilot:
        screen = await shown(pilot)
        assert "the first answer" in screen_text(again)
        await pilot.press("ctrl+n")
        await wait_idle(pilot)
        assert screen.conversation.turns == []


async def test_the_question_is_kept_before_the_answer(loop, until) -> None:  # noqa: F811
    """A kill in the middle of a reply loses the reply, not the question."""
    gate = asyncio.Event()
    running = asyncio.get_running_loop()

    def reply(body) -> str:
        asyncio.run_coroutine_threadsafe(gate.wait(), running).result(30)
        return "late"

    loop.provider.replies = reply
    app = loop.app("playground")
    async with app.run_test(size=(80, 24)) as pilot:
        screen = await shown(pilot)
        screen.query_one("#message").value = "hello"
        await pilot.app.run_action("screen.write")
        screen.query_one("#message").post_message(screen._message.Submitted(screen._message, "hello"))
        await until(pilot, lambda: latest_conversation(loop.context, loop.project) is not None)
        kept = latest_conversation(loop.context, loop.project)
        assert [turn.text for turn in kept.turns] == ["hello"]
        gate.set()
        await wait_idle(pilot)


async def test_escape_stops_a_reply(loop, until) -> None:  # noqa: F811
    """What had come is kept and marked; the line is free again."""
    gate = asyncio.Event()
    running = asyncio.get_running_loop()

    def reply(body) -> str:
        asyncio.run_coroutine_threadsafe(gate.wait(), running).result(30)
        return "late"

    loop.provider.replies = reply
    app = loop.app("playground")
    async with app.run_test(size=(80, 24)) as pilot:
        screen = await shown(pilot)
        screen._message.post_message(screen._message.Submitted(screen._message, "hello"))
        await until(pilot, lambda: bool(screen.replying))
        screen.action_stop()
        await until(pilot, lambda: not screen.replying)
        gate.set()
        await wait_idle(pilot)
        assert screen.conversation.turns[0].replies["left"].stopped


async def test_a_failure_stands_where_the_reply_would(loop, screen_text) -> None:  # noqa: F811
    """In one sentence; the other side is untouched."""
    tuned = await asyncio.to_thread(tune, loop)
    app = loop.app("playground")
    async with app.run_test(size=(120, 40)) as pilot:
        screen = await shown(pilot)
        screen.conversation.models["left"] = "local/gone"
        await pilot.press(*"hello", "enter")
        await wait_idle(pilot)
        replies = screen.conversation.turns[0].replies
        assert replies["left"].error is not None
        assert "gone" in replies["left"].error
        assert replies["right"].error is None
        assert "✗ " in screen_text(app)
        assert tuned in screen_text(app)


async def test_the_prompt_is_shown_exactly_as_sent(loop) -> None:  # noqa: F811
    """The dialog holds the body that went over the wire."""
    import json

    app = loop.app("playground")
    async with app.run_test(size=(80, 24)) as pilot:
        await shown(pilot)
        await pilot.press(*"hello", "enter")
        await wait_idle(pilot)
        await pilot.press("ctrl+t")
        await wait_idle(pilot)
        assert isinstance(app.screen, TextDialog)
        sent = next(each.json for each in loop.provider.requests if each.path.endswith("/chat/completions"))
        assert json.loads(app.screen._text.partition(":\n\n")[2]) == {
            name: sent[name] for name in ("model", "messages", "temperature", "max_tokens")
        }


async def test_any_model_can_be_chosen_for_a_side(loop) -> None:  # noqa: F811
    """ctrl+o lists the models of all profiles; l and r put one on a side."""
    loop.provider.add_model("another")
    app = loop.app("playground")
    async with app.run_test(size=(80, 24)) as pilot:
        screen = await shown(pilot)
        await pilot.press("ctrl+o")
        await wait_idle(pilot)
        dialog = app.screen
        assert isinstance(dialog, ModelsDialog)
        dialog._list.cursor = list(dialog._models).index("local/another")
        await pilot.press("r")
        await wait_idle(pilot)
        assert screen.conversation.models["right"] == "local/another"


async def test_a_growing_reply_follows_its_end_unless_one_reads_above(loop) -> None:  # noqa: F811
    """Who has scrolled up reads in peace."""
    app = loop.app("playground")
    async with app.run_test(size=(80, 24)) as pilot:
        screen = await shown(pilot)
        reading = screen._sides["left"].reading
        screen.replying = frozenset({"left"})
        screen.post_message(ReplyGrew("left", "word " * 300))
        await pilot.pause()
        await pilot.pause()
        assert reading.scroll_offset.y == reading.max_scroll_y > 0
        reading.scroll_to(y=0, animate=False)
        await pilot.pause()
        screen.post_message(ReplyGrew("left", "word " * 400))
        await pilot.pause()
        assert reading.scroll_offset.y == 0
        screen.replying = frozenset()


def test_an_older_revision_never_overwrites_a_newer_one(loop) -> None:  # noqa: F811
    """Saves may arrive out of order."""
    new = Conversation(id="20261101-101500-abcdef", revision=3, turns=[Turn(text="one"), Turn(text="two")])
    old = Conversation(id="20261101-101500-abcdef", revision=2, turns=[Turn(text="one")])
    keep(loop.context, loop.project, new)
    keep(loop.context, loop.project, old)
    kept = latest_conversation(loop.context, loop.project)
    assert kept is not None
    assert [turn.text for turn in kept.turns] == ["one", "two"]


def test_each_side_has_its_own_history() -> None:
    """A failed reply leaves no empty message behind."""
    conversation = Conversation(
        system="be short",
        models={"left": "local/a", "right": "local/ft:b:c"},
        turns=[
            Turn(
                text="one",
                replies={"left": SpokenReply(model="local/a", text="A"), "right": SpokenReply(model="x", error="e")},
            ),
            Turn(text="two"),
        ],
    )
    assert [m["content"] for m in conversation.messages("left", 1)] == ["be short", "one", "A", "two"]
    assert [m["content"] for m in conversation.messages("right", 1)] == ["be short", "one", "two"]
    assert request_body(conversation, "right", 1)["model"] == "ft:b:c"


def test_a_prompt_becomes_a_conversation_that_sends_exactly_it(loop) -> None:  # noqa: F811
    """Examples are earlier turns of both sides; the last words wait; a leading answer sends no empty message."""
    from workbench.screens.conversation import conversation_about

    prompt = [
        {"role": "system", "content": "Label it."},
        {"role": "user", "content": "one\ntwo"},
        {"role": "assistant", "content": "bug"},
        {"role": "user", "content": "three"},
    ]
    begun = conversation_about(loop.context, loop.project, prompt, {"right": "cloud/tuned"})
    assert begun.models["right"] == "cloud/tuned"
    for side in ("left", "right"):
        assert begun.messages(side, len(begun.turns) - 1) == prompt
    assert not begun.turns[-1].replies
    greeted = [{"role": "assistant", "content": "hello"}, {"role": "user", "content": "hi"}]
    begun = conversation_about(loop.context, loop.project, greeted, {})
    assert begun.messages("left", len(begun.turns) - 1) == greeted
