"""Alpaca records: an instruction, perhaps its input, and the output; LLaMA-Factory's `system` and `history` too."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from workbench.dataset.formats.chat import content_text
from workbench.dataset.formats.record import RecordError, kind_of

KEYS = frozenset({"instruction", "input", "output", "system", "history"})
"""The keys of the format; all others are extra."""

_BLANK_LINE = "\n\n"
"""Stands between instruction and input where they become one question."""


def read_alpaca(value: Mapping[str, Any]) -> list[dict[str, Any]]:
    """System, earlier turns (`history`, pairs of question and answer), the instruction with its input, the answer.

    Raises RecordError with the place.
    """
    messages: list[dict[str, Any]] = []
    if value.get("system"):
        messages.append({"role": "system", "content": _text(value, "system")})
    history = value.get("history") or []
    if not isinstance(history, list):
        raise RecordError("history", f"is {kind_of(history)}, not a list of pairs")
    for index, turn in enumerate(history):
        if not (isinstance(turn, list) and len(turn) == 2 and all(isinstance(text, str) for text in turn)):
            raise RecordError(f"history[{index}]", "is not a pair of question and answer")
        messages += [{"role": "user", "content": turn[0]}, {"role": "assistant", "content": turn[1]}]
    question = _text(value, "instruction")
    if value.get("input"):
        question = f"{question}{_BLANK_LINE}{_text(value, 'input')}"
    return [*messages, {"role": "user", "content": question}, {"role": "assistant", "content": _text(value, "output")}]


def write_alpaca(messages: Sequence[Mapping[str, Any]]) -> tuple[dict[str, Any], list[str]]:
    """The record, and what was lost on the way; the inverse of `read_alpaca`.

    The last question is cut at its first blank line into instruction and input. Raises RecordError where the
    conversation is not a system prompt, then questions and answers in turn.
    """
    lost: list[str] = []
    texts: list[tuple[str, str]] = []
    for index, message in enumerate(messages):
        lost += _beside_text(message, index)
        if message["role"] == "assistant" and message.get("tool_calls") and not content_text(message.get("content")):
            raise RecordError(f"messages[{index}]", "only calls a tool, and alpaca has no tool calls")
        texts.append((message["role"], content_text(message.get("content"))))
    system = None
    if texts and texts[0][0] in ("system", "developer"):
        system = texts.pop(0)[1]
        if not system:
            lost.append("`messages[0]`: alpaca cannot tell an empty system prompt from none")
    if messages and messages[0]["role"] == "developer":
        lost.append("`messages[0].role`: alpaca calls it the system prompt")
    offset = len(messages) - len(texts)
    for index, (role, _) in enumerate(texts):
        expected = ("user", "assistant")[index % 2]
        if role != expected:
            why = f"is the {role}'s, and alpaca takes questions and answers in turn"
            raise RecordError(f"messages[{index + offset}]", why)
    if not texts or len(texts) % 2:
        raise RecordError("messages", "do not end with an answer" if texts else "have no question")
    *history, (_, question), (_, output) = texts
    instruction, blank, given = question.partition(_BLANK_LINE)
    if not (blank and instruction and given):
        instruction, given = question, ""
    record: dict[str, Any] = {"instruction": instruction, "input": given, "output": output}
    if system:
        record["system"] = system
    if history:
        record["history"] = [[history[at][1], history[at + 1][1]] for at in range(0, len(history), 2)]
    return record, lost


def _beside_text(message: Mapping[str, Any], index: int) -> list[str]:
    """What a message has beside its role and its text, named."""
    lost = []
    content = message.get("content")
    if isinstance(content, list):
        others = (at for at, part in enumerate(content) if not content_text([part]))
        lost += [f"`messages[{index}].content[{at}]`: alpaca holds text only" for at in others]
    for key, item in message.items():
        if key in ("role", "content") or item is None or (key == "weight" and item == 1):
            continue
        why = "alpaca trains every answer" if key == "weight" else "alpaca holds text only"
        lost.append(f"`messages[{index}].{key}`: {why}")
    return lost


def _text(value: Mapping[str, Any], key: str) -> str:
    text = value.get(key)
    if not isinstance(text, str):
        raise RecordError(key, f"is {kind_of(text)}, not text" if key in value else "is missing")
    return text
