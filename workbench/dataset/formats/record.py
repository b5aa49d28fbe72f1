"""What every format shares: its names, and the error of a record that does not have its shape."""

from __future__ import annotations

from enum import StrEnum


class Format(StrEnum):
    """The shapes a training record can have."""

    CHAT = "chat"
    """`{"messages": [{"role", "content"}, …]}`, with tools where there are any."""
    PROMPT_COMPLETION = "prompt-completion"
    """`{"prompt", "completion"}`, both text or both lists of messages."""
    TEXT = "text"
    """`{"text"}`: all of it is trained."""
    ALPACA = "alpaca"
    """`{"instruction", "input", "output"}`."""
    SHAREGPT = "sharegpt"
    """`{"conversations": [{"from", "value"}, …]}`."""
    PREFERENCE = "preference"
    """OpenAI's pairs: `{"input": {"messages"}, "preferred_output", "non_preferred_output"}`."""
    TRL_PREFERENCE = "trl-preference"
    """TRL's pairs: `{"prompt", "chosen", "rejected"}`; the prompt may be inside both answers."""
    UNPAIRED = "unpaired"
    """`{"prompt", "completion", "label"}` with a label of true or false."""
    PROMPT_ONLY = "prompt-only"
    """`{"prompt"}`, text or a list of messages: answers come from the model while it trains."""
    REINFORCEMENT = "reinforcement"
    """Messages that end with the user's, and keys of its own for the grader."""
    UNKNOWN = "unknown"


CHAT_LIKE = frozenset({Format.CHAT, Format.REINFORCEMENT})
"""Formats whose records have `messages`."""

PAIRS = frozenset({Format.PREFERENCE, Format.TRL_PREFERENCE})
"""Formats whose records hold two answers to one prompt."""


class RecordError(ValueError):
    """A record does not have its format's shape: the place inside the record, and why."""

    def __init__(self, place: str, why: str) -> None:
        super().__init__(f"{place}: {why}" if place else why)
        self.place = place
        """As in `messages[2].content`; empty for the record as a whole."""
        self.why = why


def kind_of(value: object) -> str:
    """What a JSON value is, in words."""
    match value:
        case None:
            return "null"
        case bool():
            return "true or false"
        case int() | float():
            return "a number"
        case str():
            return "text"
        case list():
            return "a list"
        case _:
            return "an object"
