"""Which format a file's records have, and why we think so."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from workbench.dataset.formats.record import Format, kind_of

_CHAT_KEYS = frozenset({"messages", "tools", "functions", "parallel_tool_calls", "function_call", "metadata", "id"})


@dataclass(frozen=True, slots=True)
class Detected:
    """A format and the reason for it, in one clause."""

    format: Format
    reason: str


_EVIDENCE = {
    Format.CHAT: "`messages`",
    Format.REINFORCEMENT: "`messages` that end with the user's and keys for a grader",
    Format.PREFERENCE: "`input`, `preferred_output` and `non_preferred_output`",
    Format.TRL_PREFERENCE: "`chosen` and `rejected`",
    Format.UNPAIRED: "`prompt`, `completion` and `label`",
    Format.PROMPT_COMPLETION: "`prompt` and `completion`",
    Format.ALPACA: "`instruction` and `output`",
    Format.SHAREGPT: "`conversations`",
    Format.TEXT: "`text`",
}


def format_of(value: object) -> Format:
    """The format of one record by its keys alone; UNKNOWN where they fit none."""
    if not isinstance(value, Mapping):
        return Format.UNKNOWN
    keys = value.keys()
    if "messages" in keys:
        return Format.REINFORCEMENT if _is_reinforcement(value) else Format.CHAT
    if "preferred_output" in keys or "non_preferred_output" in keys:
        return Format.PREFERENCE
    if "chosen" in keys or "rejected" in keys:
        return Format.TRL_PREFERENCE
    if {"prompt", "completion", "label"} <= keys:
        return Format.UNPAIRED
    if {"prompt", "completion"} <= keys:
        return Format.PROMPT_COMPLETION
    if {"instruction", "output"} <= keys:
        return Format.ALPACA
    if "conversations" in keys:
        return Format.SHAREGPT
    if "text" in keys:
        return Format.TEXT
    return Format.UNKNOWN


def _is_reinforcement(value: Mapping[str, Any]) -> bool:
    """Messages that end with the user's, without any answer, beside keys that chat records do not have."""
    messages = value["messages"]
    if not isinstance(messages, list) or not messages or not (value.keys() - _CHAT_KEYS):
        return False
    roles = [message.get("role") for message in messages if isinstance(message, Mapping)]
    return bool(roles) and roles[-1] == "user"


def detect(sample: Sequence[object]) -> Detected:
    """The format that most records of a sample have."""
    if not sample:
        return Detected(Format.UNKNOWN, "no record can be read")
    votes = Counter(format_of(value) for value in sample)
    known = [(count, fmt) for fmt, count in votes.items() if fmt is not Format.UNKNOWN]
    if not known:
        first = sample[0]
        what = "keys " + ", ".join(f"`{key}`" for key in first) if isinstance(first, Mapping) else kind_of(first)
        return Detected(Format.UNKNOWN, f"the first record has {what}, which fits no format")
    count, fmt = max(known, key=lambda item: item[0])
    share = "every record" if count == len(sample) else f"{count} of {len(sample)} records"
    return Detected(fmt, f"{share} {'has' if count in (1, len(sample)) else 'have'} {_EVIDENCE[fmt]}")
