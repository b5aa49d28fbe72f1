"""A record of a format with nothing in it, to be written by hand."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from typing import Any

from workbench.dataset.formats.record import Format, RecordError

_INSTRUCTING = ("system", "developer")
_ASKED, _ANSWERED = {"role": "user", "content": ""}, {"role": "assistant", "content": ""}
_MESSAGES: Mapping[str, list[dict[str, str]]] = {
    "prompt": [_ASKED],
    "completion": [_ANSWERED],
    "chosen": [_ANSWERED],
    "rejected": [_ANSWERED],
}
"""Fields that are text or lists of messages."""
_BLANKS: Mapping[Format, Mapping[str, Any]] = {
    Format.CHAT: {"messages": [_ASKED, _ANSWERED]},
    Format.REINFORCEMENT: {"messages": [_ASKED]},
    Format.PROMPT_COMPLETION: {"prompt": "", "completion": ""},
    Format.TEXT: {"text": ""},
    Format.ALPACA: {"instruction": "", "input": "", "output": ""},
    Format.SHAREGPT: {"conversations": [{"from": "human", "value": ""}, {"from": "gpt", "value": ""}]},
    Format.PREFERENCE: {
        "input": {"messages": [_ASKED]},
        "preferred_output": [_ANSWERED],
        "non_preferred_output": [_ANSWERED],
    },
    Format.TRL_PREFERENCE: {"prompt": "", "chosen": "", "rejected": ""},
    Format.UNPAIRED: {"prompt": "", "completion": "", "label": True},
    Format.PROMPT_ONLY: {"prompt": ""},
}


def blank(fmt: Format, like: object = None) -> dict[str, Any]:
    """A record of format `fmt` in the shape of another: its instructions, tools and grader's keys, and messages where
    it has them.

    Raises RecordError for a format that is not known.
    """
    if fmt not in _BLANKS:
        raise RecordError("", "has no format that is known, so no empty one can be made")
    record: dict[str, Any] = deepcopy(dict(_BLANKS[fmt]))
    shape: Mapping[str, Any] = like if isinstance(like, Mapping) else {}
    if isinstance(shape.get("prompt"), list):
        record |= {name: deepcopy(messages) for name, messages in _MESSAGES.items() if name in record}
    if "messages" in record:
        record["messages"][:0] = _instructions(shape)
        if "tools" in shape:
            record["tools"] = deepcopy(shape["tools"])
    if fmt is Format.REINFORCEMENT:
        others = {name: item for name, item in shape.items() if name not in record}
        record |= {name: "" if isinstance(item, str) else deepcopy(item) for name, item in others.items()}
    return record


def _instructions(shape: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What the system says before the first turn of a conversation."""
    messages, leading = shape.get("messages"), []
    for message in messages if isinstance(messages, list) else []:
        if not isinstance(message, dict) or message.get("role") not in _INSTRUCTING:
            break
        leading.append(deepcopy(message))
    return leading
