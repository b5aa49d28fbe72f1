"""One row of a source to one record, by the template."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from workbench.dataset.formats import Format, RecordError, convert, kind_of, parse_pair, to_chat
from workbench.dataset.sources.cells import NotAValue, cell_text, is_empty, spelled
from workbench.dataset.sources.mapping import ColumnMapping
from workbench.dataset.sources.roles import SKIP, role_finder
from workbench.dataset.sources.source import SourceRow
from workbench.dataset.sources.text_template import Placeholder, fill, parse_text, value_at

Messages = list[dict[str, Any]]

_TRUE = frozenset(
    {"true", "t", "yes", "y", "1", "1.0", "good", "positive", "desirable", "chosen", "up", "thumbs_up", "👍"}
)
_FALSE = frozenset(
    {
        "false",
        "f",
        "no",
        "n",
        "0",
        "0.0",
        "-1",
        "bad",
        "negative",
        "undesirable",
        "rejected",
        "down",
        "thumbs_down",
        "👎",
    }
)


@dataclass(frozen=True, slots=True)
class Unplaced:
    """A row that becomes no part of a record, and why."""

    number: int
    """As in SourceRow."""
    line: int | None
    reason: str


class NoPlace(Exception):
    """A row cannot become a record; the text says why."""


def apply(mapping: ColumnMapping, row: SourceRow) -> dict[str, Any] | Unplaced:
    """The record that a row becomes. For templates without [grouping]; see `place_rows` for any."""
    if row.problem is not None:
        return Unplaced(row.number, row.line, row.problem)
    try:
        values = _parsed(mapping, row.values)
        record = _record(mapping, values)
        for name in mapping.keep:
            if (value := value_at(values, name)) is not None:
                record[name] = value
        if not _is_only_text(mapping):
            _must_be_json(record)
    except NoPlace as error:
        return Unplaced(row.number, row.line, str(error))
    return record


def _parsed(mapping: ColumnMapping, values: Mapping[str, object]) -> Mapping[str, object]:
    """The row with the columns under `parse` as what they spell."""
    if not mapping.parse:
        return values
    return dict(values) | {
        name: _spelled(values, name) for name in mapping.parse if not is_empty(value_at(values, name))
    }


def _spelled(values: Mapping[str, object], name: str) -> object:
    try:
        return spelled(value_at(values, name))
    except NotAValue as error:
        raise NoPlace(f"column {name!r} {error}") from error


def _is_only_text(mapping: ColumnMapping) -> bool:
    """Whether every value of a record is text filled in, which JSON always holds."""
    texts = mapping.format in (Format.CHAT, Format.TEXT, Format.ALPACA)
    return texts and not (mapping.conversation or mapping.tools or mapping.keep)


def _must_be_json(record: Mapping[str, Any]) -> None:
    """Dates, decimals and bytes inside lists of a table have no place in JSON."""
    try:
        json.dumps(record, allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise NoPlace(f"a value has no place in JSON ({error})") from error


def _record(mapping: ColumnMapping, values: Mapping[str, object]) -> dict[str, Any]:
    match mapping.format:
        case Format.CHAT:
            return _chat(mapping, values)
        case Format.SHAREGPT:
            return sharegpt(_conversation(mapping, values))
        case Format.PROMPT_COMPLETION:
            return _completion(mapping, values)
        case Format.UNPAIRED:
            return _completion(mapping, values) | {"label": _label(mapping, values)}
        case Format.PROMPT_ONLY:
            return {
                "prompt": _prompt(mapping, values)
                if mapping.messages
                else _side(mapping, mapping.prompt, values, "prompt")
            }
        case Format.TEXT:
            return {"text": _text(mapping.text, values, "text")}
        case Format.ALPACA:
            return _alpaca(mapping, values)
        case _:
            return _pair(mapping, values)


def _chat(mapping: ColumnMapping, values: Mapping[str, object]) -> dict[str, Any]:
    record: dict[str, Any] = {"messages": _conversation(mapping, values)}
    return record | _tools(mapping, values)


def _tools(mapping: ColumnMapping, values: Mapping[str, object]) -> dict[str, Any]:
    if mapping.tools is None or is_empty(value_at(values, mapping.tools)):
        return {}
    tools = _spelled(values, mapping.tools)
    if not isinstance(tools, list):
        raise NoPlace(f"column {mapping.tools!r} holds {kind_of(tools)}, not a list of tools")
    return {"tools": [_without_nulls(tool) for tool in tools]}


def _without_nulls(value: object) -> object:
    """An object without null keys: tables give every object the keys of all others."""
    if isinstance(value, Mapping):
        return {key: _without_nulls(item) for key, item in value.items() if item is not None}
    return [_without_nulls(item) for item in value] if isinstance(value, list) else value


def _conversation(mapping: ColumnMapping, values: Mapping[str, object]) -> Messages:
    """The messages of a record, the constant system prompt before them where they bring none."""
    messages = _ready(mapping, values) if mapping.conversation is not None else _templated(mapping, values)
    return with_system(mapping, messages)


def with_system(mapping: ColumnMapping, messages: Messages) -> Messages:
    """The messages with the constant system prompt, unless they begin with one of their own."""
    if mapping.system is None or (messages and messages[0]["role"] in ("system", "developer")):
        return messages
    return [{"role": "system", "content": mapping.system}, *messages]


def _templated(mapping: ColumnMapping, values: Mapping[str, object]) -> Messages:
    messages: Messages = []
    for message in mapping.messages:
        if message.when is not None and is_empty(value_at(values, message.when)):
            continue
        if message.unless is not None and not is_empty(value_at(values, message.unless)):
            continue
        made: dict[str, Any] = {"role": message.role, "content": _text(message.text, values, f"{message.role} message")}
        messages.append(made if message.weight is None else made | {"weight": message.weight})
    if not messages:
        raise NoPlace("every message is left out, by `when` and `unless`")
    return messages


def _text(template: str | None, values: Mapping[str, object], what: str) -> str:
    """A text filled in, which must not come out blank."""
    text, empty = fill(template or "", values)
    if text.strip() and not (empty and _is_one_column(template or "")):
        return text
    because = f": column {empty[0]!r} is empty" if len(empty) == 1 else f": columns {', '.join(empty)} are empty"
    raise NoPlace(f"the {what} would be empty{because if empty else ''}")


def _is_one_column(template: str) -> bool:
    return len(parse_text(template)) == 1


def _ready(mapping: ColumnMapping, values: Mapping[str, object]) -> Messages:
    """The messages that a column holds."""
    name = mapping.conversation or ""
    if is_empty(value_at(values, name)):
        raise NoPlace(f"column {name!r} is empty")
    return _messages(mapping, _spelled(values, name), f"column {name!r}")


def _messages(mapping: ColumnMapping, value: object, what: str) -> Messages:
    if not isinstance(value, list) or not value:
        raise NoPlace(f"{what} holds {kind_of(value)}, not a list of messages")
    if not mapping.roles and all(isinstance(item, Mapping) and "from" in item for item in value):
        try:
            return to_chat({"conversations": [_without_nulls(item) for item in value]}, Format.SHAREGPT)
        except RecordError as error:
            raise NoPlace(f"{what}: {error}") from error
    finder = role_finder(mapping.roles, known=True) if mapping.roles else _KNOWN
    messages: Messages = []
    for index, item in enumerate(value, start=1):
        if not isinstance(item, Mapping):
            raise NoPlace(f"{what}: message {index} is {kind_of(item)}, not an object")
        author = item.get("role", item.get("from"))
        role = finder(author) if isinstance(author, str) else None
        if role is None:
            raise NoPlace(f"{what}: message {index} has the unknown author {author!r}")
        if role != SKIP:
            messages.append({"role": role, "content": item.get("content", item.get("value"))} | _rest(item))
    if not messages:
        raise NoPlace(f"{what}: every message is skipped")
    return messages


_KNOWN = role_finder({}, known=True)
_RENAMED = ("role", "from", "content", "value")


def _rest(item: Mapping[str, Any]) -> dict[str, Any]:
    """What else a message has. Null keys go: tables give every message the keys of all others."""
    return {key: _without_nulls(value) for key, value in item.items() if key not in _RENAMED and value is not None}


def sharegpt(messages: Messages) -> dict[str, Any]:
    """The messages in ShareGPT's words; raises NoPlace for what they cannot hold."""
    try:
        converted = convert({"messages": messages}, Format.CHAT, Format.SHAREGPT)
    except RecordError as error:
        raise NoPlace(str(error)) from error
    if converted.lost:
        raise NoPlace(converted.lost[0])
    return dict(converted.value)


def _completion(mapping: ColumnMapping, values: Mapping[str, object]) -> dict[str, Any]:
    completion = _side(mapping, mapping.completion, values, "completion")
    if not mapping.messages and isinstance(completion, str):
        return {"prompt": _side(mapping, mapping.prompt, values, "prompt"), "completion": completion}
    return {"prompt": _prompt(mapping, values), "completion": _as_messages(completion, "assistant")}


def _prompt(mapping: ColumnMapping, values: Mapping[str, object]) -> Messages:
    """The messages before an answer."""
    if mapping.messages:
        return with_system(mapping, _templated(mapping, values))
    return with_system(mapping, _as_messages(_side(mapping, mapping.prompt, values, "prompt"), "user"))


def _side(mapping: ColumnMapping, template: str | None, values: Mapping[str, object], what: str) -> str | Messages:
    """A text filled in, or the list of messages if all it names is a column that holds one."""
    pieces = parse_text(template or "")
    if len(pieces) == 1 and isinstance(pieces[0], Placeholder):
        value = value_at(values, pieces[0].name)
        if isinstance(value, list) and value:
            return _messages(mapping, value, what)
    return _text(template, values, what)


def _as_messages(value: str | Messages, role: str) -> Messages:
    return [{"role": role, "content": value}] if isinstance(value, str) else value


def _pair(mapping: ColumnMapping, values: Mapping[str, object]) -> dict[str, Any]:
    """Two answers to one prompt. Lists that both begin with the prompt bring it along."""
    chosen = _side(mapping, mapping.chosen, values, "chosen answer")
    rejected = _side(mapping, mapping.rejected, values, "rejected answer")
    prompt: Messages = []
    if isinstance(chosen, list) and isinstance(rejected, list):
        try:
            pair = parse_pair({"chosen": chosen, "rejected": rejected}, Format.TRL_PREFERENCE)
        except RecordError as error:
            raise NoPlace(str(error)) from error
        prompt, chosen, rejected = with_system(mapping, pair.prompt) if pair.prompt else [], pair.preferred, pair.other
    has_prompt = bool(mapping.messages or mapping.prompt)
    if mapping.format is Format.TRL_PREFERENCE:
        if isinstance(chosen, str) and isinstance(rejected, str) and not mapping.messages:
            before = {"prompt": _text(mapping.prompt, values, "prompt")} if has_prompt else {}
            return before | {"chosen": chosen, "rejected": rejected}
        prompt = prompt or (_prompt(mapping, values) if has_prompt else [])
        sides = {"chosen": _as_messages(chosen, "assistant"), "rejected": _as_messages(rejected, "assistant")}
        return {"prompt": prompt} | sides if prompt else dict(sides)
    if not prompt and not has_prompt:
        raise NoPlace("the answers share no prompt, and the template names none")
    return {
        "input": {"messages": prompt or _prompt(mapping, values)} | _tools(mapping, values),
        "preferred_output": _as_messages(chosen, "assistant"),
        "non_preferred_output": _as_messages(rejected, "assistant"),
    }


def _label(mapping: ColumnMapping, values: Mapping[str, object]) -> bool:
    name = mapping.label or ""
    text = cell_text(value_at(values, name)).strip()
    if not text:
        raise NoPlace(f"column {name!r} is empty")
    if mapping.positive:
        return text in mapping.positive
    word = text.casefold()
    if word not in _TRUE | _FALSE:
        raise NoPlace(
            f"column {name!r} holds {text[:40]!r}, which is neither true nor false; say what is in `positive`"
        )
    return word in _TRUE


def _alpaca(mapping: ColumnMapping, values: Mapping[str, object]) -> dict[str, Any]:
    record: dict[str, Any] = {} if mapping.system is None else {"system": mapping.system}
    record["instruction"] = _text(mapping.instruction, values, "instruction")
    record["input"] = fill(mapping.input, values)[0] if mapping.input is not None else ""
    record["output"] = _text(mapping.output, values, "output")
    return record
