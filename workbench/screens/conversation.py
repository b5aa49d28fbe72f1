"""A conversation with two models at once, as it is kept and as it is sent. Knows no widget."""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from pydantic import BaseModel, ConfigDict, Field

if TYPE_CHECKING:
    from workbench.workflow.context import Context
    from workbench.workflow.project import Project

SIDES: Final = ("left", "right")
FROM_PROMPT: Final = "of the prompt"
"""Stands for the model where a reply is an example of the prompt, or an earlier turn of it."""
MOST_TOKENS: Final = 512
"""A reply ends here: a small model that repeats itself would go on for ever."""


class SpokenReply(BaseModel):
    """What one model said, and what that took."""

    model_config = ConfigDict(extra="allow")

    model: str
    """`PROFILE/MODEL`."""
    text: str = ""
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    first_token_s: float | None = None
    total_s: float | None = None
    error: str | None = None
    stopped: bool = False
    """By the person, in the middle."""
    recorded: bool = False
    """A recording said it, not a model."""


class Turn(BaseModel):
    """What the person said, and the replies by side."""

    model_config = ConfigDict(extra="allow")

    text: str
    asked_at: int = 0
    replies: dict[str, SpokenReply] = Field(default_factory=dict)


class Conversation(BaseModel):
    """`projects/<slug>/conversations/<id>.toml`."""

    model_config = ConfigDict(extra="allow")

    schema_version: int = 1
    id: str = ""
    revision: int = 0
    """Counts changes, so that an older one never overwrites a newer."""
    created_at: int = 0
    system: str = ""
    models: dict[str, str] = Field(default_factory=dict)
    """`PROFILE/MODEL` by side; a side without one is silent."""
    turns: list[Turn] = Field(default_factory=list)

    def messages(self, side: str, turn: int) -> list[dict[str, str]]:
        """What the model of a side is sent for a turn: the system prompt, its own history, the person's words."""
        sent = [{"role": "system", "content": self.system}] if self.system else []
        for number, each in enumerate(self.turns[: turn + 1]):
            if each.text:
                sent.append({"role": "user", "content": each.text})
            reply = each.replies.get(side)
            if number < turn and reply is not None and reply.text:
                sent.append({"role": "assistant", "content": reply.text})
        return sent


def request_body(conversation: Conversation, side: str, turn: int) -> dict[str, Any]:
    """The request for a side's reply, as it goes out."""
    return {
        "model": conversation.models[side].partition("/")[2],
        "messages": conversation.messages(side, turn),
        "temperature": 0.0,
        "max_tokens": MOST_TOKENS,
    }


def new_conversation(context: Context, project: Project) -> Conversation:
    """One that begins: the project's system prompt, its base model, and the newest model tuned for it."""
    now = time.time()
    return Conversation(
        id=f"{time.strftime('%Y%m%d-%H%M%S', time.gmtime(now))}-{secrets.token_hex(3)}",
        created_at=int(now),
        system=system_of(project),
        models=models_of(context, project),
    )


def conversation_about(
    context: Context, project: Project, prompt: Sequence[Mapping[str, Any]], models: Mapping[str, str]
) -> Conversation:
    """One that begins with a prompt: both sides get its examples and earlier turns, the last words wait for a reply.

    Only texts: what a prompt holds besides (tool calls, images) is left out.
    """
    from workbench.evaluate.task import SYSTEM_ROLES, text_of

    turns: list[Turn] = []
    for message in prompt:
        role, text = message.get("role"), text_of(message)
        if role in SYSTEM_ROLES or not text:
            continue
        if role != "assistant":
            turns.append(Turn(text=text))
        else:
            if not turns or turns[-1].replies:
                turns.append(Turn(text=""))
            turns[-1].replies = {side: SpokenReply(model=FROM_PROMPT, text=text) for side in SIDES}
    system = "\n".join(text_of(message) for message in prompt if message.get("role") in SYSTEM_ROLES)
    begun = new_conversation(context, project)
    return begun.model_copy(update={"system": system, "models": begun.models | dict(models), "turns": turns})


def models_of(context: Context, project: Project) -> dict[str, str]:
    """The base on the left; on the right the newest tuned model, if there is one."""
    from workbench.workflow.job_records import recorded_jobs

    training = project.document.training
    models = {"left": f"{training.profile}/{training.model}"}
    ours = [
        one.job
        for one in recorded_jobs(context).values()
        if one.job.fine_tuned_model and one.record.project in (None, project.slug)
    ]
    newest = max(ours, key=lambda job: job.created_at or 0, default=None)
    return models | ({"right": f"{newest.profile}/{newest.fine_tuned_model}"} if newest is not None else {})


def system_of(project: Project) -> str:
    """The task's system prompt, else that of the first record of the test or training side."""
    from workbench.errors import WorkbenchError
    from workbench.evaluate.task import load_items

    if project.document.task.system is not None:
        return project.document.task.system
    for side in ("test", "train"):
        path = project.files.get(side)
        if path is not None:
            try:
                return load_items(path, limit=1)[0].system
            except WorkbenchError:
                continue
    return ""


def latest_conversation(context: Context, project: Project) -> Conversation | None:
    """The one that was begun last."""
    kept = sorted((context.home / _folder(project)).glob("*.toml"))
    return context.store.read(f"{_folder(project)}/{kept[-1].name}", Conversation) if kept else None


def keep(context: Context, project: Project, conversation: Conversation) -> None:
    """Write it, unless a newer revision is there."""

    def change(kept: Conversation) -> Conversation:
        return kept if kept.id == conversation.id and kept.revision > conversation.revision else conversation

    context.store.update(f"{_folder(project)}/{Path(conversation.id).name}.toml", Conversation, change)


def _folder(project: Project) -> str:
    return f"projects/{project.slug}/conversations"
