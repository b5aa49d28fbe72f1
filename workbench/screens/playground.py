"""Playground: one message, two models, side by side; what each said, and what that took."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, Final

from textual import on, work
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.message import Message
from textual.reactive import var
from textual.widget import Widget
from textual.widgets import Input

from workbench.actions import bindings_for
from workbench.errors import WorkbenchError
from workbench.screens.aside import aside, aside_sync
from workbench.screens.conversation import (
    SIDES,
    Conversation,
    SpokenReply,
    Turn,
    conversation_about,
    keep,
    latest_conversation,
    models_of,
    new_conversation,
    request_body,
)
from workbench.screens.frame import Frame
from workbench.terminal.escape import visible_line
from workbench.terminal.workarounds import still_cursor
from workbench.widgets import clock
from workbench.widgets.pace import Pace, updates_per_second
from workbench.widgets.styles import stylesheet
from workbench.widgets.textline import Piece
from workbench.widgets.transcript import Transcript
from workbench.widgets.words import short_seconds

if TYPE_CHECKING:
    from workbench.workflow.context import Context
    from workbench.workflow.project import Project

NO_MODEL: Final = "no model on this side: ctrl+o chooses one"


class ConversationOpened(Message):
    """A conversation to go on with."""

    def __init__(self, conversation: Conversation) -> None:
        super().__init__()
        self.conversation = conversation


class ReplyGrew(Message):
    """More of a reply has come, or what it waits for."""

    def __init__(self, side: str, text: str, waiting: str = "") -> None:
        super().__init__()
        self.side = side
        self.text = text
        self.waiting = waiting

    def can_replace(self, message: Message) -> bool:
        """The newest of a side says it all."""
        return isinstance(message, ReplyGrew) and message.side == self.side


class ReplyEnded(Message):
    """A reply is whole, was stopped, or failed."""

    def __init__(self, conversation: str, side: str, turn: int, reply: SpokenReply) -> None:
        super().__init__()
        self.conversation = conversation
        self.side = side
        self.turn = turn
        self.reply = reply


class PromptFound(Message):
    """What the models were sent."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.text = text


class MessageLine(Input):
    """The line to write in: escape stops a reply, else leaves it."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "screen.stop_or_leave", show=False)]


class PlaygroundScreen(Frame):
    """Base and tuned model side by side, one line to write in."""

    MODE = "playground"
    CSS = stylesheet("playground")
    BINDINGS: ClassVar[list[BindingType]] = list(bindings_for("playground"))
    AUTO_FOCUS = "#message"
    HELP = """\
# Playground

What you write goes to both models, each with its own history. Under a reply: tokens read + written, the time to the \
first token, and tokens written a second. Replies are made at temperature 0 and end after 512 tokens.

The system prompt is the one of the project's task or records: a tuned model knows its work only under the prompt that \
it was trained with. `ctrl+t` shows exactly what was sent. `escape` stops a reply; again, it leaves the line, so that \
single letters are keys: `i` goes back to it. The conversation is kept with the project.

A prompt that was brought from an item of a run, with its examples as earlier turns, waits: `enter` on the empty line \
sends it.
"""

    replying: var[frozenset[str]] = var(frozenset(), bindings=True)
    """Sides whose reply is under way."""

    def __init__(self, context: Context, project: Project) -> None:
        super().__init__(context, project)
        self.conversation: Conversation | None = None
        self._prompt: Callable[[], Conversation] | None = None
        """Makes the conversation about a prompt that was brought from elsewhere, until it is shown."""
        self._sides = {side: Transcript(id=side) for side in SIDES}
        self._message = MessageLine(placeholder="Reading the conversation…", compact=True, id="message")

    def compose_body(self) -> Iterable[Widget]:
        """The two sides, the line to write in."""
        with Horizontal(id="sides"):
            yield from self._sides.values()
        still_cursor(self._message)
        yield self._message

    def on_mount(self) -> None:
        """Go on with the last conversation."""
        self.open_conversation()

    def on_screen_resume(self) -> None:
        """A model may have been tuned meanwhile."""
        if self.conversation is not None:
            self.look_for_models()

    # The conversation -----------------------------------------------------------------------------------------------

    @work(exclusive=True, group="open", exit_on_error=False)
    async def open_conversation(self, *, fresh: bool = False) -> None:
        """The one about the prompt that was brought, else the last one, else a new one."""
        brought = self._prompt

        def opened() -> Conversation:
            if brought is not None:
                return brought()
            latest = None if fresh else latest_conversation(self.context, self.project)
            if latest is None:
                return new_conversation(self.context, self.project)
            return latest.model_copy(update={"models": models_of(self.context, self.project) | latest.models})

        self.post_message(ConversationOpened(await aside_sync(opened)))

    def take_prompt(self, prompt: Sequence[Mapping[str, Any]], models: Mapping[str, str]) -> None:
        """Begin a conversation with a prompt from elsewhere, and with these models by side; nothing is sent yet."""
        if self.replying:
            self.notify("A reply is under way: stop it with escape, then bring the prompt again.", markup=False)
            return
        self._prompt = partial(conversation_about, self.context, self.project, prompt, models)
        self.open_conversation()

    @work(exclusive=True, group="open", exit_on_error=False)
    async def look_for_models(self) -> None:
        """Give an empty side the model that was tuned meanwhile."""
        conversation = self.conversation
        if conversation is None or all(side in conversation.models for side in SIDES):
            return
        models = await aside_sync(lambda: models_of(self.context, self.project)) | conversation.models
        if models != conversation.models and not self.replying:
            self.post_message(ConversationOpened(conversation.model_copy(update={"models": models})))

    @on(ConversationOpened)
    def show_conversation(self, message: ConversationOpened) -> None:
        """Show it from its end."""
        self.conversation, self._prompt = message.conversation, None
        self._show_placeholder()
        for side in SIDES:
            self._show_side(side)
        self.refresh_bindings()

    def _show_placeholder(self) -> None:
        said = (
            "Enter sends the prompt to both; or write more"
            if self._waits
            else "Write a message; enter sends it to both"
        )
        self._message.placeholder = said

    def _show_side(self, side: str) -> None:
        conversation, transcript = self.conversation, self._sides[side]
        if conversation is None:
            return
        model = conversation.models.get(side)
        transcript.show_heading(model or NO_MODEL, "strong" if model else "muted")
        said: list[tuple[str, str, str]] = []
        if conversation.system:
            said.append(("system", conversation.system, "muted"))
        last: SpokenReply | None = None
        for turn in conversation.turns:
            said.append(("you", turn.text, ""))
            last = turn.replies.get(side)
            if last is None:
                continue
            if last.text:
                said.append((_speaker(last, model), last.text, ""))
            if last.error is not None:
                said.append(("no reply", f"✗ {last.error}", "bad"))
        transcript.show_said(said)
        transcript.numbers.show(_numbers(last) if last is not None else [])

    @property
    def _waits(self) -> bool:
        """Whether the last words came with a prompt, and were not sent yet."""
        turns = self.conversation.turns if self.conversation is not None else []
        return bool(turns) and not turns[-1].replies

    def _keep(self) -> None:
        if self.conversation is not None and self.conversation.turns:
            self.keep_conversation(self.conversation)

    @work(group="keep", exit_on_error=False)
    async def keep_conversation(self, conversation: Conversation) -> None:
        """Write it down."""
        await aside_sync(lambda: keep(self.context, self.project, conversation))

    def _change(self, **changes: Any) -> Conversation:
        assert self.conversation is not None
        self.conversation = self.conversation.model_copy(
            update={**changes, "revision": self.conversation.revision + 1}, deep=True
        )
        return self.conversation

    # Asking and answering -------------------------------------------------------------------------------------------

    @on(Input.Submitted, "#message")
    def send(self, message: Input.Submitted) -> None:
        """Ask both models."""
        text = message.value.strip()
        if self.conversation is None or self.replying or not (text or self._waits):
            return
        if not self.conversation.models:
            self.action_models()
            return
        self._message.value = ""
        turns = self.conversation.turns
        conversation = self._change(turns=[*turns, Turn(text=text, asked_at=int(clock.now()))] if text else turns)
        self._keep()
        self.replying = frozenset(side for side in SIDES if side in conversation.models)
        for side in SIDES:
            self._show_side(side)
            if side in conversation.models:
                self._sides[side].show_waiting("…")
                self.reply(side, conversation)

    @work(group="reply", exit_on_error=False)
    async def reply(self, side: str, conversation: Conversation) -> None:
        """Stream one side's reply; a few times a second at most the screen hears of it."""
        turn = len(conversation.turns) - 1
        spoken = SpokenReply(model=conversation.models[side])
        hertz = updates_per_second(self.context.environ)
        pace: Pace[str] = Pace(lambda text: self.post_message(ReplyGrew(side, text)), hertz)
        try:
            await aside(self._stream(conversation, side, turn, spoken, pace))
        except asyncio.CancelledError:
            spoken.stopped = True
            raise
        except WorkbenchError as error:
            spoken.error = str(error)
        finally:
            pace.flush()
            self.post_message(ReplyEnded(conversation.id, side, turn, spoken))

    async def _stream(
        self, conversation: Conversation, side: str, turn: int, spoken: SpokenReply, pace: Pace[str]
    ) -> None:
        """On the background loop: ask, and write into `spoken` what comes."""
        from workbench.providers.chat import stream_chat
        from workbench.workflow.answering import ensure_model
        from workbench.workflow.quickstart import pull_notice

        profile, _, model = conversation.models[side].partition("/")
        spoken.recorded = self.context.profile(profile).replay is not None
        if self.context.profile(profile).capabilities.own_machine:

            def fetching(line: Any) -> None:
                self.post_message(ReplyGrew(side, "", waiting=pull_notice("model", line).text))

            await ensure_model(self.context, model, fetching)
        body = request_body(conversation, side, turn)
        async with await self.context.client(profile) as client:
            async for part in stream_chat(
                client, model, body["messages"], temperature=body["temperature"], max_tokens=body["max_tokens"],
                profile=self.context.profile(profile),
            ):  # fmt: skip
                if isinstance(part, str):
                    spoken.text += part
                    pace.offer(spoken.text)
                    continue
                spoken.text = part.text
                spoken.prompt_tokens, spoken.completion_tokens = part.prompt_tokens, part.completion_tokens
                spoken.first_token_s, spoken.total_s = part.first_token_s, part.total_s

    @on(ReplyGrew)
    def show_growing(self, message: ReplyGrew) -> None:
        """As far as it has come."""
        if message.side not in self.replying:
            return
        if message.text:
            self._sides[message.side].show_growing(message.text)
        else:
            self._sides[message.side].show_waiting(message.waiting)

    @on(ReplyEnded)
    def show_ended(self, message: ReplyEnded) -> None:
        """Keep it, show it whole with its numbers."""
        if self.conversation is None or self.conversation.id != message.conversation:
            return
        turns = [turn.model_copy(deep=True) for turn in self.conversation.turns]
        turns[message.turn].replies[message.side] = message.reply
        self._change(turns=turns)
        self._keep()
        self.replying = self.replying - {message.side}
        self._show_side(message.side)
        self._show_placeholder()

    # What a person can do -------------------------------------------------------------------------------------------

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Only what makes sense now."""
        match action:
            case "prompt":
                return self.conversation is not None and bool(self.conversation.turns)
            case "new" | "models":
                return not self.replying
            case "stop":
                return bool(self.replying)
        return True

    def action_stop(self) -> None:
        """Stop the replies; what has come is kept."""
        self.workers.cancel_group(self, "reply")

    def action_stop_or_leave(self) -> None:
        """Escape in the line: stop the replies, else leave it for the left side."""
        if self.replying:
            self.action_stop()
        else:
            self._sides["left"].reading.focus()

    def action_write(self) -> None:
        """Back to the line."""
        self._message.focus()

    def action_new(self) -> None:
        """Begin another conversation; this one is kept."""
        self.open_conversation(fresh=True)
        self._message.focus()

    def action_models(self) -> None:
        """Choose the model of a side."""
        from workbench.screens.dialogs.models import ModelsDialog

        if self.conversation is None:
            return

        def chosen(choice: tuple[str, str] | None) -> None:
            if choice is not None and self.conversation is not None:
                side, model = choice
                self._change(models={**self.conversation.models, side: model})
                self._keep()
                self._show_side(side)

        self.app.push_screen(ModelsDialog(self.context, self.project, self.conversation.models), chosen)

    def action_prompt(self) -> None:
        """What was sent last."""
        if self.conversation is not None and self.conversation.turns:
            self.find_prompt(self.conversation)

    @work(exclusive=True, group="prompt", exit_on_error=False)
    async def find_prompt(self, conversation: Conversation) -> None:
        """The requests, and for a local model the text that its template makes of one."""
        turn = len(conversation.turns) - 1
        parts = []
        for side in SIDES:
            if side not in conversation.models:
                continue
            body = request_body(conversation, side, turn)
            parts.append(f"to {conversation.models[side]}:\n\n{json.dumps(body, ensure_ascii=False, indent=2)}")
            rendered = await aside(self._rendered(conversation.models[side], body["messages"]))
            if rendered is not None:
                parts.append(f"which its chat template makes into:\n\n{rendered}")
        self.post_message(PromptFound("\n\n".join(parts)))

    async def _rendered(self, model: str, messages: list[dict[str, str]]) -> str | None:
        from workbench.dataset.template import render

        profile, _, name = model.partition("/")
        if not self.context.profile(profile).capabilities.own_machine:
            return None
        try:
            found = await self.context.engine.call("GET", "/ftwb/v1/tokenizer", params={"model": name})
        except WorkbenchError:
            return None
        return render(
            messages, chat_template=found["chat_template"], bos_token=found.get("bos_token"),
            eos_token=found.get("eos_token"), add_generation_prompt=True,
        ).text  # fmt: skip

    @on(PromptFound)
    def show_prompt(self, message: PromptFound) -> None:
        """In a dialog that scrolls."""
        from workbench.screens.dialogs.text import TextDialog

        self.app.push_screen(TextDialog("The prompt as sent", message.text))

    def text_to_copy(self) -> str:
        """The last reply of the side that has the keys, else of the left one."""
        side = next((side for side, each in self._sides.items() if each.reading.has_focus), "left")
        turns = self.conversation.turns if self.conversation is not None else []
        reply = turns[-1].replies.get(side) if turns else None
        return reply.text if reply is not None else ""


def _speaker(reply: SpokenReply, model: str | None) -> str:
    """`assistant`, and by which model where that has changed since."""
    return "assistant" if reply.model == model else f"assistant ({visible_line(reply.model)})"


def _numbers(reply: SpokenReply) -> list[Piece]:
    """Tokens, time to the first one, speed."""
    parts = ["stopped"] if reply.stopped else []
    if reply.recorded:
        parts.append("recorded")
    if reply.prompt_tokens is not None and reply.completion_tokens is not None:
        parts.append(f"{reply.prompt_tokens:,}+{reply.completion_tokens:,} tokens")
    if reply.first_token_s is not None:
        parts.append(f"first {short_seconds(reply.first_token_s)}")
    if reply.completion_tokens and reply.total_s and reply.first_token_s is not None:
        writing = reply.total_s - reply.first_token_s
        if writing > 0 and reply.completion_tokens > 1:
            parts.append(f"{(reply.completion_tokens - 1) / writing:.0f}/s")
    return [Piece(f" {' · '.join(parts)}", "muted")] if parts else []
