"""Which format a file's records have, and why we think so."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from workbench.dataset.formats.record import Format, kind_of

_CHAT_KEYS = frozenset({"messages", "tools", "functions", "parallel_tool_calls", "function_call", "metadata", "id"})


@dataclass(frozen=True, slots=True)
class Odd:
    """Records of a sample that have another format than most."""

    format: Format
    count: int
    first: int
    """The first one's line, or its place in the sample (from 0) where no lines are known."""


@dataclass(frozen=True, slots=True)
class Detected:
    """A format and the reason for it, in one clause."""

    format: Format
    reason: str
    odd: tuple[Odd, ...] = ()
    """The other formats of the sample, the most frequent first."""


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
    Format.PROMPT_ONLY: "`prompt` alone",
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
    if "prompt" in keys:
        return Format.PROMPT_ONLY
    return Format.UNKNOWN


def _is_reinforcement(value: Mapping[str, Any]) -> bool:
    """Messages that end with the user's, without any answer, beside keys that chat records do not have."""
    messages = value["messages"]
    if not isinstance(messages, list) or not messages or not (value.keys() - _CHAT_KEYS):
        return False
    roles = [message.get("role") for message in messages if isinstance(message, Mapping)]
    return bool(roles) and roles[-1] == "user"


def detect(sample: Sequence[object], lines: Sequence[int] | None = None) -> Detected:
    """The format that most records of a sample have; `lines` says on which line each stands.

    Where records of several formats are mixed, the reason counts the others and, with `lines`, says where they begin.
    """
    if not sample:
        return Detected(Format.UNKNOWN, "no record can be read")
    votes: Counter[Format] = Counter()
    first: dict[Format, int] = {}
    for index, value in enumerate(sample):
        found = format_of(value)
        votes[found] += 1
        first.setdefault(found, lines[index] if lines is not None else index)
    known = [(count, fmt) for fmt, count in votes.items() if fmt is not Format.UNKNOWN]
    if not known:
        one = sample[0]
        what = "keys " + ", ".join(f"`{key}`" for key in one) if isinstance(one, Mapping) else kind_of(one)
        return Detected(Format.UNKNOWN, f"the first record has {what}, which fits no format")
    count, fmt = max(known, key=lambda item: item[0])
    share = "every record" if count == len(sample) else f"{count} of {len(sample)} records"
    reason = f"{share} {'has' if count in (1, len(sample)) else 'have'} {_EVIDENCE[fmt]}"
    odd = tuple(Odd(other, seen, first[other]) for other, seen in votes.most_common() if other is not fmt)
    if odd:
        where = [f"{one.count} {one.format}" + (f" (line {one.first})" if lines is not None else "") for one in odd]
        reason += f"; mixed with {', '.join(where)}"
    return Detected(fmt, reason, odd)
