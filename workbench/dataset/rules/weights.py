"""W: what is trained."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from workbench.dataset.formats import ChatRecord, Format
from workbench.dataset.rules.quote import quote
from workbench.dataset.rules.registry import Context, Problem, Severity, record_rule


def _as_weight(value: object) -> int | None:
    """0 or 1 where a bool, a float or a text says just that; None for anything else."""
    if isinstance(value, (bool, float)) and value in (0, 1):
        return int(value)
    if isinstance(value, str) and value.strip() in ("0", "1"):
        return int(value)
    return None


def weights_to_integers(value: Any) -> int:
    """Write weights of true, 1.0 or "1" as 1, and of false, 0.0 or "0" as 0."""
    changed = 0
    for message in value["messages"]:
        weight = _as_weight(message.get("weight"))
        if weight is not None:
            message["weight"] = weight
            changed += 1
    return changed


@record_rule("W001", "weight_value", Severity.ERROR, fix=weights_to_integers)
def weight_value(record: ChatRecord, context: Context) -> Iterator[Problem]:
    """A `weight` is not 0 or 1.

    Only these two are taken: the message is trained, or it is not. The fix writes true and 1.0 as 1, false and 0.0 as
    0.
    """
    for index, message in enumerate(record.messages):
        if "weight" in message.extra:
            weight = message.extra["weight"]
            yield Problem(f"weight is {quote(weight)}, not 0 or 1", index, fixable=_as_weight(weight) is not None)
        elif message.weight not in (None, 0, 1):
            yield Problem(f"weight is {message.weight}, not 0 or 1", index)


@record_rule("W002", "weight_not_assistant", Severity.ERROR)
def weight_not_assistant(record: ChatRecord, context: Context) -> Iterator[Problem]:
    """A message that is not the assistant's has a `weight`.

    Only assistant messages are trained, so only they may carry one; the API refuses it elsewhere.
    """
    for index, message in enumerate(record.messages):
        given = message.weight is not None or "weight" in message.extra
        if given and message.role != "assistant" and message.role:
            yield Problem(f"a {message.role} message has a weight", index)


@record_rule("W003", "nothing_trained", Severity.ERROR, formats={Format.CHAT})
def nothing_trained(record: ChatRecord, context: Context) -> Iterator[Problem]:
    """Every answer of a record has weight 0.

    It is paid for and teaches nothing. Give the answer that should be learnt weight 1, or leave the record out.
    """
    answers = [message for message in record.messages if message.role == "assistant"]
    if answers and not any(message.trained for message in answers):
        yield Problem("every assistant message has weight 0")
