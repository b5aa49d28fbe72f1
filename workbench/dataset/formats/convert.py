"""Records of one format as records of another; what the target cannot hold is named.

The rules, where formats do not say the same:

- Extra keys of a record stay, but for those that would mean something in the target.
- A conversation's answer is what the assistant says at its end; earlier answers, which chat trains and a completion's
  prompt does not, are named as lost (see `parts`).
- A pair keeps its preferred answer where the target holds one; as unpaired records it becomes two, the preferred first
  with label true, and `pair_up` makes a pair of two such records again. An answer with label false is never made one
  to imitate. An answer that nobody judged is a good one: its label is true.
- A text is trained as a whole, so it is an answer to an empty prompt. The other way, prompt and completion that are
  text are joined, and messages are written as ChatML; where the answer begins is lost in both.
- A prompt alone and a reinforcement row hold no answer, so nothing that needs one can be made of them.
- The old `functions` and `function_call` are read as tools (see `legacy`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from workbench.dataset.formats import alpaca, sharegpt
from workbench.dataset.formats.apart import KEYS, Apart, read
from workbench.dataset.formats.chat import content_text
from workbench.dataset.formats.conversation import field
from workbench.dataset.formats.detect import format_of
from workbench.dataset.formats.parts import Conversation, Parts, as_messages, good_answer, join, split, written
from workbench.dataset.formats.record import CHAT_LIKE, Format, RecordError, kind_of

TARGETS = tuple(fmt for fmt in Format if fmt is not Format.UNKNOWN)
"""What records can be converted to."""

TEXT_OR_MESSAGES = frozenset({Format.PROMPT_COMPLETION, Format.UNPAIRED, Format.PROMPT_ONLY, Format.TRL_PREFERENCE})
"""Formats whose prompts and answers are text or lists of messages."""


@dataclass(frozen=True, slots=True)
class Converted:
    """A record in its new format."""

    value: dict[str, Any]
    lost: tuple[str, ...]
    """What the target could not hold: the place in backquotes, and why. Empty: nothing."""
    more: tuple[dict[str, Any], ...] = ()
    """Further records, where one becomes several."""


def convert(value: object, source: Format, target: Format, *, lists: bool = False) -> Converted:
    """A record of format `source` as one of format `target`.

    `lists` writes prompts and answers as lists of messages also where text would do: trainers want one shape for all
    records of a file. Raises RecordError where the record is malformed, or cannot be made one of the target at all.
    """
    if not isinstance(value, Mapping):
        raise RecordError("", f"is {kind_of(value)}, not an object")
    if source is Format.UNKNOWN or target is Format.UNKNOWN:
        raise RecordError("", "has no format that is known, so it cannot be converted")
    if source is target and not (lists and target in TEXT_OR_MESSAGES):
        return Converted(dict(value), ())
    taken = read(value, source)
    lost = list(taken.lost)
    records, lost_in_body = _write(taken.body, target, lists)
    lost += lost_in_body
    beside = _tools_beside(taken, target, lost)
    whole = [_inside_input(record, beside) if target is Format.PREFERENCE else record | beside for record in records]
    extra = _extra_beside(whole[0], taken.extra, target, lost)
    first, *more = (record | extra for record in whole)
    return Converted(first, tuple(lost), tuple(more))


def pair_up(first: Mapping[str, Any], second: Mapping[str, Any], target: Format) -> Converted | None:
    """Two unpaired records as the pair that they are two halves of: one prompt, one good and one bad answer; else None.

    The inverse of converting a pair to unpaired records. Raises RecordError as `convert` does.
    """
    apart = ("completion", "label")
    labels = (first.get("label"), second.get("label"))
    shared = {key: item for key, item in first.items() if key not in apart}
    if labels not in ((True, False), (False, True)) or shared != {
        key: item for key, item in second.items() if key not in apart
    }:
        return None
    good, bad = (first, second) if labels[0] is True else (second, first)
    pair = shared | {"chosen": field(good, "completion"), "rejected": field(bad, "completion")}
    return convert(pair, Format.TRL_PREFERENCE, target)


_NEVER_EXTRA = frozenset({"functions", "function_call"})
"""What is left of the old tools where they are malformed; no other format has a word for them."""


def _write(body: Conversation | Parts, target: Format, lists: bool) -> tuple[list[dict[str, Any]], list[str]]:
    """The record, or records, without what stands beside the body; and what was lost."""
    if target in _WRITERS_OF_PARTS:
        parts, lost = split(body, target) if isinstance(body, Conversation) else (body, [])
        records, more = _WRITERS_OF_PARTS[target](parts, lists)
        return records, lost + more
    conversation, lost = join(body, target) if isinstance(body, Parts) else (body, [])
    if target is Format.CHAT:
        return [{"messages": conversation.messages}], lost
    write = sharegpt.write_sharegpt if target is Format.SHAREGPT else alpaca.write_alpaca
    record, more = write(conversation.messages)
    return [record], lost + more


def _write_completion(parts: Parts, lists: bool) -> tuple[list[dict[str, Any]], list[str]]:
    answer, lost = good_answer(parts, Format.PROMPT_COMPLETION)
    one = Parts(parts.prompt, answer, loose=parts.loose)
    return [dict(written(one, ("prompt", "completion"), lists=lists))], lost


def _write_unpaired(parts: Parts, lists: bool) -> tuple[list[dict[str, Any]], list[str]]:
    held = written(parts, ("prompt", "completion", "other"), lists=lists)
    if "completion" not in held:
        raise RecordError(parts.names.prompt, "has no answer, and unpaired needs one")
    other = held.pop("other", None)
    records = [held | {"label": parts.label is not False}]
    if other is not None:
        records.append({"prompt": held["prompt"], "completion": other, "label": False})
    return records, []


def _write_pair(parts: Parts, lists: bool) -> tuple[list[dict[str, Any]], list[str]]:
    _refuse_without_other(parts)
    return [dict(written(parts, ("prompt", "chosen", "rejected"), lists=lists))], []


def _write_openai_pair(parts: Parts, lists: bool) -> tuple[list[dict[str, Any]], list[str]]:
    _refuse_without_other(parts)
    held = written(parts, ("prompt", "preferred_output", "non_preferred_output"), lists=True)
    return [{"input": {"messages": held.pop("prompt")}, **held}], []


def _refuse_without_other(parts: Parts) -> None:
    if parts.answer is None or parts.other is None:
        count = "no answer" if parts.answer is None else "one answer"
        raise RecordError(parts.names.prompt, f"has {count}, and a pair needs two")


def _write_prompt(parts: Parts, lists: bool) -> tuple[list[dict[str, Any]], list[str]]:
    one = Parts(parts.prompt, None, loose=parts.loose)
    return [dict(written(one, ("prompt",), lists=lists))], _answers(parts, Format.PROMPT_ONLY)


def _write_reinforcement(parts: Parts, lists: bool) -> tuple[list[dict[str, Any]], list[str]]:
    messages = as_messages(parts.prompt, "user", parts.names.prompt)
    if not messages or messages[-1].get("role") == "assistant":
        raise RecordError(parts.names.prompt, "does not end with a question, as reinforcement rows do")
    return [{"messages": messages}], _answers(parts, Format.REINFORCEMENT)


def _answers(parts: Parts, target: Format) -> list[str]:
    """The answers of a record, named for a target that holds none."""
    held = ((parts.names.answer, parts.answer), (parts.names.other, parts.other), ("label", parts.label))
    return [f"`{name}`: {target} holds no answer" for name, item in held if item is not None]


def _write_text(parts: Parts, lists: bool) -> tuple[list[dict[str, Any]], list[str]]:
    answer, lost = good_answer(parts, Format.TEXT)
    held = written(Parts(parts.prompt, answer, loose=parts.loose), ("prompt", "completion"), lists=False)
    prompt, completion = held["prompt"], held["completion"]
    if isinstance(prompt, str) and isinstance(completion, str):
        if not prompt:
            return [{"text": completion}], lost
        if not parts.loose:
            return [{"text": prompt + completion}], [*lost, "`completion`: where it begins; all of a text is trained"]
    conversation, more = join(Parts(parts.prompt, answer, names=parts.names), Format.TEXT)
    lost += [*more, "`role`: which messages are trained; all of a text is, and roles become ChatML's markers"]
    text = ""
    for index, message in enumerate(conversation.messages):
        lost += _beside_text(message, index)
        text += f"<|im_start|>{message['role']}\n{content_text(message.get('content'))}<|im_end|>\n"
    return [{"text": text}], lost


def _beside_text(message: Mapping[str, Any], index: int) -> list[str]:
    """What a message has that ChatML does not write, named."""
    content = message.get("content")
    parts = enumerate(content) if isinstance(content, list) else ()
    images = [f"`messages[{index}].content[{at}]`: text only" for at, part in parts if not content_text([part])]
    keys = (key for key, item in message.items() if item is not None and key not in ("role", "content", "weight"))
    return images + [f"`messages[{index}].{key}`: text only" for key in keys]


_WRITERS_OF_PARTS: dict[Format, Callable[[Parts, bool], tuple[list[dict[str, Any]], list[str]]]] = {
    Format.PROMPT_COMPLETION: _write_completion,
    Format.UNPAIRED: _write_unpaired,
    Format.PROMPT_ONLY: _write_prompt,
    Format.REINFORCEMENT: _write_reinforcement,
    Format.TEXT: _write_text,
    Format.PREFERENCE: _write_openai_pair,
    Format.TRL_PREFERENCE: _write_pair,
}


def _tools_beside(taken: Apart, target: Format, lost: list[str]) -> dict[str, Any]:
    """Tools, and whether they may be called at once, as the target holds them; else they are added to `lost`."""
    parallel = {"parallel_tool_calls"} & taken.extra.keys()
    if target in (Format.TEXT, Format.ALPACA):
        held = {"tools"} if taken.tools is not None else set()
        lost += [f"`{key}`: {target} has no tools" for key in sorted(held | parallel)]
        return {}
    beside: dict[str, Any] = {key: taken.extra[key] for key in parallel}
    if taken.tools is not None:
        beside["tools"] = sharegpt.dump_tools(taken.tools) if target is Format.SHAREGPT else taken.tools
    return beside


def _inside_input(record: dict[str, Any], beside: dict[str, Any]) -> dict[str, Any]:
    """OpenAI's pair with its tools where they belong: in `input`."""
    return record | {"input": record["input"] | beside}


def _extra_beside(record: dict[str, Any], extra: dict[str, Any], target: Format, lost: list[str]) -> dict[str, Any]:
    """The extra keys that can stand in the new record; those that would change what it says are added to `lost`."""
    whole, beside = dict(record), {}
    # Only extra keys set a reinforcement row apart from a chat record that has no answer.
    allowed = {format_of(record), target} | (CHAT_LIKE if target in CHAT_LIKE else set())
    for key, item in extra.items():
        if key == "parallel_tool_calls":
            continue
        if key in _NEVER_EXTRA or key in KEYS[target] or format_of(whole | {key: item}) not in allowed:
            lost.append(f"`{key}`: it would mean something else in {target}")
        else:
            whole[key] = beside[key] = item
    return beside
