"""The template that says which columns become what: a TOML document, the same for import and convert."""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, ValidationError

from workbench.dataset.formats import Format
from workbench.dataset.sources.source import SourceOptions
from workbench.dataset.sources.text_template import TemplateError, names_in, parse_text
from workbench.dataset.sources.toml_lines import line_of
from workbench.errors import WorkbenchError

Location = tuple[str | int, ...]
"""Where something stands in a template: `("messages", 1, "text")`."""


class MessageTemplate(BaseModel):
    """One message of every record."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    role: Literal["system", "developer", "user", "assistant"]
    text: str
    """With columns in braces; a brace itself is written twice."""
    when: str | None = None
    """A column: where it is empty, the message is left out."""
    unless: str | None = None
    """A column: where it is not empty, the message is left out."""
    weight: Literal[0, 1] | None = None
    """Of an assistant's message: 1 is trained, 0 is not."""


class Grouping(BaseModel):
    """How a table with one row a message becomes conversations."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    conversation: str
    """The column that is the same in all rows of a conversation."""
    author: str
    """The column with the author of the message; `[roles]` says who is who."""
    text: str
    """The message, with columns in braces."""
    order: str | None = None
    """The column that orders the rows of a conversation, ties by their order in the file; without one, that order."""
    order_as: str | None = None
    """`number`, `date` (ISO 8601), or a date format such as `%d.%m.%Y %H:%M`; told from the first rows if left out."""
    merge: str | Literal[False] = "\n\n"
    """What joins neighbouring turns of one role; false leaves them apart."""
    leading: Literal["keep", "drop"] = "keep"
    """The assistant's turns before the user's first."""
    trailing: Literal["keep", "drop"] = "keep"
    """The turns behind the assistant's last."""
    train: Literal["all", "last"] | tuple[str, ...] = "all"
    """Which of the assistant's turns are trained: all, the last of each conversation, or those of these authors."""


@dataclass(frozen=True, slots=True)
class Origin:
    """What a template was read from; two templates that say the same are equal, wherever they stand."""

    name: str = field(compare=False)
    text: str = field(compare=False)


class ColumnMapping(BaseModel):
    """Which columns become what. Which keys a format takes stands in `KEYS`."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    format: Format = Format.CHAT
    system: str | None = None
    """A constant system prompt, braces and all; a record that brings its own keeps that."""
    messages: tuple[MessageTemplate, ...] = ()
    conversation: str | None = None
    """A column that holds the messages ready: a list, or one spelled in JSON or as a Python literal."""
    tools: str | None = None
    """A column that holds the tools of the record, likewise."""
    prompt: str | None = None
    completion: str | None = None
    chosen: str | None = None
    rejected: str | None = None
    text: str | None = None
    instruction: str | None = None
    input: str | None = None
    output: str | None = None
    label: str | None = None
    """The column that says whether a completion is good."""
    positive: tuple[str, ...] = ()
    """The label's values that mean good, all others meaning bad; without them, true or false in the usual words."""
    parse: tuple[str, ...] = ()
    """Columns that spell a list or an object in JSON or as a Python literal."""
    keep: tuple[str, ...] = ()
    """Columns that the record gets under their own names."""
    roles: dict[str, str] = Field(default_factory=dict)
    """Author → `system`, `user`, `assistant`, `tool`, or `skip`; `*` stands for any letters, the first fit wins."""
    grouping: Grouping | None = None
    source: SourceOptions = SourceOptions()

    _origin: Origin = PrivateAttr(default_factory=lambda: Origin("", ""))

    def place(self, location: Location) -> str:
        """Where in the template something stands, for an error: file and line if it was read from one."""
        dotted = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in location).lstrip(".")
        if not self._origin.name:
            return f"template, {dotted}" if dotted else "template"
        line = line_of(self._origin.text, location)
        return f"{self._origin.name}, line {line}" if line is not None else self._origin.name


TURNS = ("messages", "conversation", "grouping")
"""What gives the messages of a conversation."""

KEYS: dict[Format, tuple[frozenset[str], frozenset[str]]] = {
    Format.CHAT: (frozenset(), frozenset({*TURNS, "system", "tools", "roles"})),
    Format.SHAREGPT: (frozenset(), frozenset({*TURNS, "system", "roles"})),
    Format.PROMPT_COMPLETION: (frozenset({"completion"}), frozenset({"prompt", "messages", "system"})),
    Format.TEXT: (frozenset({"text"}), frozenset()),
    Format.ALPACA: (frozenset({"instruction", "output"}), frozenset({"input", "system"})),
    Format.PREFERENCE: (frozenset({"chosen", "rejected"}), frozenset({"prompt", "messages", "system", "tools"})),
    Format.TRL_PREFERENCE: (frozenset({"chosen", "rejected"}), frozenset({"prompt", "messages", "system"})),
    Format.PROMPT_ONLY: (frozenset(), frozenset({"prompt", "messages", "system"})),
    Format.UNPAIRED: (
        frozenset({"completion", "label"}),
        frozenset({"prompt", "messages", "system", "positive"}),
    ),
}
"""The keys that a format needs, and those that it can have."""

_EVERYWHERE = frozenset({"format", "parse", "keep", "source"})
_TEXTS = ("prompt", "completion", "chosen", "rejected", "text", "instruction", "input", "output")
_ROLES = ("system", "developer", "user", "assistant", "tool", "skip")


def read_mapping(path: Path) -> ColumnMapping:
    """The template in a TOML file, or in an AutoTrain config by the ending of YAML.

    Raises a WorkbenchError with the line of what is wrong.
    """
    if path.suffix.lower() in (".yml", ".yaml"):
        from workbench.dataset.sources.autotrain import read_autotrain

        return read_autotrain(path)
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise WorkbenchError(
            str(path), "is not UTF-8 text", "save the template as UTF-8", code="bad_template"
        ) from error
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or str(error)
        raise WorkbenchError(
            str(path), f"cannot be read ({why.lower()})", "check the path", code="not_found"
        ) from error
    return parse_mapping(text, str(path))


def parse_mapping(text: str, name: str = "template") -> ColumnMapping:
    """The template in a TOML text; `name` is what errors call it."""
    try:
        mapping = ColumnMapping.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise WorkbenchError(name, f"is not TOML: {error}", "correct it there", code="bad_template") from error
    except ValidationError as error:
        raise _invalid(error, text, name) from error
    mapping._origin = Origin(name, text)
    check_shape(mapping)
    return mapping


def _invalid(error: ValidationError, text: str, name: str) -> WorkbenchError:
    """The first thing that a template has of the wrong type or under an unknown key."""
    first = error.errors()[0]
    location = tuple(first["loc"])
    line = line_of(text, location)
    place = f"{name}, line {line}" if line is not None else name
    key = next((part for part in reversed(location) if isinstance(part, str) and part in text), str(location[-1]))
    if first["type"] == "extra_forbidden":
        return WorkbenchError(place, f"there is no key {key!r} here", _known_keys(location), code="bad_template")
    if first["type"] == "missing":
        return WorkbenchError(place, f"the key {location[-1]!r} is missing", "add it", code="bad_template")
    return WorkbenchError(place, f"{key!r}: {first['msg'].lower()}", "correct it there", code="bad_template")


def _known_keys(location: Sequence[str | int]) -> str:
    models: dict[str, type[BaseModel]] = {
        "messages": MessageTemplate, "grouping": Grouping, "source": SourceOptions,
    }  # fmt: skip
    model = models.get(str(location[0]), ColumnMapping) if len(location) > 1 else ColumnMapping
    names = list(model.model_fields)
    close = difflib.get_close_matches(str(location[-1]), names, 1)
    return f"did you mean {close[0]!r}?" if close else f"there are: {', '.join(names)}"


def _fault(mapping: ColumnMapping, location: Location, why: str, hint: str) -> WorkbenchError:
    return WorkbenchError(mapping.place(location), why, hint, code="bad_template")


def check_shape(mapping: ColumnMapping) -> None:
    """Raise a WorkbenchError for a template that lacks what its format needs, or has what would do nothing."""
    if mapping.format not in KEYS:
        names = ", ".join(fmt.value for fmt in KEYS)
        raise _fault(mapping, ("format",), f"no template makes the format {mapping.format}", f"there are: {names}")
    needed, possible = KEYS[mapping.format]
    given = {name for name in ColumnMapping.model_fields if getattr(mapping, name)} | set(_EVERYWHERE)
    for name in sorted(needed - given):
        raise _fault(mapping, ("format",), f"the format {mapping.format} needs `{name}`", f"add `{name}`")
    for name in sorted(given - needed - possible - _EVERYWHERE):
        takes = ", ".join(sorted(needed | possible))
        raise _fault(mapping, (name,), f"the format {mapping.format} does not take `{name}`", f"it takes: {takes}")
    _check_turns(mapping, given)
    _check_roles(mapping)
    _check_messages(mapping)


def _check_turns(mapping: ColumnMapping, given: set[str]) -> None:
    """Each record's messages have one origin, and every key has something to do."""
    turns = [name for name in TURNS if name in given]
    if mapping.format in (Format.CHAT, Format.SHAREGPT) and len(turns) != 1:
        why = f"has both `{turns[0]}` and `{turns[1]}`" if turns else "says nowhere what the messages are"
        raise _fault(mapping, (turns[1],) if turns else (), why, f"give one of: {', '.join(TURNS)}")
    if "messages" in given and "prompt" in given:
        raise _fault(mapping, ("prompt",), "has both `messages` and `prompt`", "give one of them")
    plain = {Format.PROMPT_COMPLETION, Format.PROMPT_ONLY, Format.UNPAIRED}
    if mapping.format in plain and not {"messages", "prompt"} & given:
        raise _fault(mapping, ("format",), f"the format {mapping.format} needs `prompt`", "add `prompt` or `messages`")
    if mapping.format in {*plain, Format.TRL_PREFERENCE} and mapping.system is not None and not mapping.messages:
        raise _fault(
            mapping, ("system",), "a prompt that is text has no place for a system prompt", "give `messages` instead"
        )
    if mapping.grouping is not None and mapping.format is Format.SHAREGPT and mapping.grouping.train != "all":
        raise _fault(mapping, ("grouping", "train"), "ShareGPT cannot say what is trained", "leave it out")
    if mapping.grouping is not None:
        for name in ("tools", "keep", "parse"):
            if getattr(mapping, name):
                raise _fault(mapping, (name,), "does nothing beside [grouping]", "leave it out")


def _check_roles(mapping: ColumnMapping) -> None:
    for author, role in mapping.roles.items():
        if role not in _ROLES:
            raise _fault(mapping, ("roles", author), f"{role!r} is no role", f"there are: {', '.join(_ROLES)}")
    if mapping.roles and mapping.messages:
        raise _fault(mapping, ("roles",), "does nothing beside [[messages]], which have roles", "leave it out")
    if mapping.grouping is not None and not mapping.roles:
        raise _fault(
            mapping, ("grouping",), "nobody says which author is who", 'add [roles], for example agent = "assistant"'
        )


def _check_messages(mapping: ColumnMapping) -> None:
    for index, message in enumerate(mapping.messages):
        if message.weight is not None and message.role != "assistant":
            raise _fault(
                mapping, ("messages", index, "weight"), f"a {message.role} message is never trained",
                "give `weight` to assistant messages only",
            )  # fmt: skip
    for location, text in _texts(mapping):
        try:
            parse_text(text)
        except TemplateError as error:
            raise _fault(mapping, location, str(error), "correct it there") from error


def _texts(mapping: ColumnMapping) -> Iterator[tuple[Location, str]]:
    """Every text with columns in braces."""
    for index, message in enumerate(mapping.messages):
        yield ("messages", index, "text"), message.text
    for name in _TEXTS:
        if getattr(mapping, name) is not None:
            yield (name,), getattr(mapping, name)
    if mapping.grouping is not None:
        yield ("grouping", "text"), mapping.grouping.text


def columns_in(mapping: ColumnMapping) -> Iterator[tuple[Location, str]]:
    """Every column that the template names, with its place there."""
    for location, text in _texts(mapping):
        for name in names_in(text):
            yield location, name
    for index, message in enumerate(mapping.messages):
        for key in ("when", "unless"):
            if getattr(message, key) is not None:
                yield ("messages", index, key), getattr(message, key)
    for key in ("conversation", "tools", "label"):
        if getattr(mapping, key) is not None:
            yield (key,), getattr(mapping, key)
    for key in ("parse", "keep"):
        for name in getattr(mapping, key):
            yield (key,), name
    if mapping.grouping is not None:
        for key in ("conversation", "author", "order"):
            if getattr(mapping.grouping, key) is not None:
                yield ("grouping", key), getattr(mapping.grouping, key)


def check_columns(mapping: ColumnMapping, columns: Iterable[str]) -> None:
    """Raise a WorkbenchError that names the first column of the template which is not among `columns`."""
    there = list(columns)
    for location, name in columns_in(mapping):
        if name in there or ("." in name and name.split(".")[0] in there):
            continue
        close = difflib.get_close_matches(name, there, 1)
        listed = ", ".join(there[:30]) + (", …" if len(there) > 30 else "")
        hint = f"the columns are: {listed}" + (f"; did you mean {close[0]!r}?" if close else "")
        raise WorkbenchError(mapping.place(location), f"there is no column {name!r}", hint, code="no_column")


def dump_mapping(mapping: ColumnMapping) -> str:
    """The template as TOML, with a table a message; the inverse of parse_mapping."""
    import tomli_w

    data: dict[str, Any] = mapping.model_dump(mode="json", exclude_defaults=True)
    tables = {key: data.pop(key) for key in ("messages", "roles", "grouping", "source") if key in data}
    parts = [tomli_w.dumps({"format": mapping.format.value} | data)]
    for key, value in tables.items():
        if key == "messages":
            parts += [f"[[messages]]\n{tomli_w.dumps(message)}" for message in value]
        else:
            parts.append(f"[{key}]\n{tomli_w.dumps(value)}")
    return "\n".join(parts)
