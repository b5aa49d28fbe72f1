"""The two ways in which formats cut a record, one conversation or a prompt with its answer, and each as the other.

In a conversation every assistant's message is trained unless its weight is 0. Of a prompt and its answer the answer is
trained, all of it, and nothing else. So a conversation's answer is what the assistant says at its end (with the tool
results between its messages), and an assistant's message of a prompt has weight 0 in the conversation.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from workbench.dataset.formats.pairs import message_list
from workbench.dataset.formats.record import Format, RecordError

Turns = str | list[dict[str, Any]]
"""Text, or messages."""


@dataclass(frozen=True, slots=True)
class Names:
    """What a format calls its parts, for what is said about them."""

    prompt: str = "prompt"
    answer: str = "completion"
    other: str = "rejected"


@dataclass(frozen=True, slots=True)
class Conversation:
    """A record in one piece."""

    messages: list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Parts:
    """A record in a prompt and its answers."""

    prompt: Turns
    answer: Turns | None
    """The preferred one of two; None where the format has none."""
    other: Turns | None = None
    label: bool | None = None
    """Whether the answer is a good one, where the format says so."""
    loose: bool = False
    """Whether the source does not tell text from one plain message, so that either may be written."""
    names: Names = field(default_factory=Names)


def is_answer(message: Mapping[str, Any]) -> bool:
    """Whether a message is an assistant's that is trained."""
    return message.get("role") == "assistant" and message.get("weight") != 0


def split(conversation: Conversation, target: Format) -> tuple[Parts, list[str]]:
    """A conversation as prompt and answer, and what that loses; the answer is None if the user has the last word."""
    messages, lost = conversation.messages, []
    start = len(messages)
    while start and (is_answer(messages[start - 1]) or messages[start - 1].get("role") == "tool"):
        start -= 1
    while start < len(messages) and messages[start].get("role") == "tool":
        start += 1
    if start == len(messages) and messages and messages[-1].get("role") == "assistant":
        start -= 1
        lost.append(f"`messages[{start}].weight`: {target} always trains the last answer")
    for index, message in enumerate(messages[:start]):
        if is_answer(message):
            lost.append(f"`messages[{index}]`: an answer before the last, which {target} does not train")
    prompt = [_without_weight(message) for message in messages[:start]]
    answer = [_without_weight(message) for message in messages[start:]]
    return Parts(prompt, answer or None, loose=True, names=Names("messages", "answer")), lost


def join(parts: Parts, target: Format) -> tuple[Conversation, list[str]]:
    """Prompt and (preferred) answer as one conversation, and what that loses.

    Raises RecordError where there is no answer, or a bad one: nobody wants it imitated.
    """
    answer, lost = good_answer(parts, target)
    prompt = as_messages(parts.prompt, "user", parts.names.prompt)
    messages = [message | {"weight": 0} if message.get("role") == "assistant" else message for message in prompt]
    answers = as_messages(answer, "assistant", parts.names.answer)
    for index, message in enumerate(answers):
        if message.get("role") not in ("assistant", "tool"):
            why = f"a {message['role']} message, which is trained as part of the answer and not in {target}"
            lost.append(f"`{parts.names.answer}[{index}]`: {why}")
    return Conversation(messages + answers), lost


def good_answer(parts: Parts, target: Format) -> tuple[Turns, list[str]]:
    """The answer to imitate, and the other one named as lost; raises RecordError where there is no good one."""
    if parts.answer is None:
        raise RecordError(parts.names.prompt, f"has no answer, and {target} needs one")
    if parts.label is False:
        raise RecordError("label", f"is false: the answer is a bad one, and {target} would imitate it")
    other = f"`{parts.names.other}`: {target} holds one answer, the preferred one"
    return parts.answer, [] if parts.other is None else [other]


def as_messages(turns: Turns, role: str, place: str) -> list[dict[str, Any]]:
    """Text as one message of `role` (an empty prompt as none), messages as they are."""
    return [] if turns == "" and role == "user" else message_list(turns, role, place)


def written(parts: Parts, keys: Sequence[str], *, lists: bool) -> dict[str, Turns]:
    """Prompt, answer and other under `keys`: all text or all messages, as trainers need it.

    Text stays text and messages stay messages; where the source tells no difference, text is written if every part is
    one plain message. With `lists` all are messages.
    """
    roles = ("user", "assistant", "assistant")
    held = list(zip(keys, (parts.prompt, parts.answer, parts.other), roles, strict=False))
    present = [(key, turns, role) for key, turns, role in held if turns is not None]
    if not lists:
        texts = {key: _as_text(turns, role, loose=parts.loose) for key, turns, role in present}
        if all(text is not None for text in texts.values()):
            return {key: text for key, text in texts.items() if text is not None}
    return {key: as_messages(turns, role, key) for key, turns, role in present}


def _as_text(turns: Turns, role: str, *, loose: bool) -> str | None:
    """Turns as text, if they are, or if they may be written so: one plain message of the role, or an empty prompt."""
    if isinstance(turns, str):
        return turns
    if not loose:
        return None
    if not turns:
        return "" if role == "user" else None
    message = turns[0]
    said = {key for key, item in message.items() if item is not None}
    content = message.get("content")
    if len(turns) > 1 or message.get("role") != role or said != {"role", "content"} or not isinstance(content, str):
        return None
    return content if content or role == "assistant" else None


def _without_weight(message: dict[str, Any]) -> dict[str, Any]:
    """A message without its weight, which its place in prompt or answer now says."""
    if message.get("role") != "assistant" or message.get("weight") not in (0, 1, None):
        return message
    return {key: item for key, item in message.items() if key != "weight"}
