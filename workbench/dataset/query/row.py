"""One row as a query looks at it: decoded when something asks, and then once."""

from __future__ import annotations

import json
import operator
from collections.abc import Callable, Collection, Iterable, Mapping
from functools import cached_property, lru_cache
from typing import Any, Final

from workbench.dataset.formats import PAIRS, Format, RecordError, parse_pair, to_chat
from workbench.dataset.query.nodes import (
    FLAGS,
    ROLES,
    SEVERITIES,
    And,
    Has,
    Label,
    Node,
    Not,
    Number,
    Or,
    Regex,
    Role,
    Rule,
    Severity,
    Text,
)
from workbench.dataset.search import encoded, regex_pattern, text_pattern

COMPARE: Final[Mapping[str, Callable[[Any, Any], Any]]] = {
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
    "=": operator.eq,
}
UNKNOWN: Final = -1
"""A number that nobody has counted yet; no comparison holds for it."""
_BETWEEN = "\0"
"""Between two texts of a record when they are searched at once."""

_STRUCTURE: Final = {
    "role": frozenset({"system", "user", "assistant", "tool", "developer", "function"}),
    "from": frozenset({"system", "human", "user", "gpt", "assistant", "tool", "observation"}),
    "type": frozenset({"text", "function", "image_url", "input_image", "input_audio", "file", "object", "string"}),
}
"""Values that belong to the shape of a record: whoever looks for `user` does not want every record."""


class QueryRow:
    """The bytes of a row and what the analysis knows of it."""

    def __init__(
        self,
        raw: bytes,
        fmt: Format,
        *,
        line: int | None = None,
        tokens: int = UNKNOWN,
        severity: int = 0,
        flags: int = 0,
        codes: Collection[str] = (),
        edited: bool = False,
    ) -> None:
        self.raw = raw
        self.format = fmt
        self.line = line
        """None for a row that is not in the file."""
        self.tokens = tokens
        self.severity = severity
        """Of the worst finding: 0 none, 1 warning, 2 error."""
        self.flags = flags
        self.codes = codes
        """Codes of the rules that found something."""
        self.edited = edited

    def fits(self, node: Node) -> bool:
        """Whether the node holds for this row."""
        match node:
            case And(parts):
                return all(self.fits(part) for part in parts)
            case Or(parts):
                return any(self.fits(part) for part in parts)
            case Not(inner):
                return not self.fits(inner)
            case Number(field, sign, value):
                number = self._number(field)
                return number != UNKNOWN and bool(COMPARE[sign](number, value))
            case Role(name):
                return bool(self.roles & ROLES[name])
            case Severity(name):
                return self.severity == SEVERITIES[name]
            case Rule(text):
                return not codes_of(text).isdisjoint(self.codes)
            case Has(kind):
                return self._has(kind)
            case Label(text):
                return self.label is not None and text_pattern(text.strip()).fullmatch(encoded(self.label)) is not None
            case Text(needle, role):
                return self._holds(needle, role)
            case Regex(pattern, flags, role):
                search = regex_pattern(pattern, flags).search
                return any(search(encoded(text)) is not None for text in self.texts(role))

    def _number(self, field: str) -> int:
        match field:
            case "tokens":
                return self.tokens
            case "turns":
                return self.turns
            case "size":
                return len(self.raw)
            case _:
                return UNKNOWN if self.line is None else self.line

    def _has(self, kind: str) -> bool:
        match kind:
            case "error":
                return self.severity == SEVERITIES["error"]
            case "warning":
                return not warning_codes().isdisjoint(self.codes)
            case "edited":
                return self.edited
            case "broken":
                return self.broken
            case "tools":
                return any(_has_tools(part) for part in (self.value, *self.messages))
            case "image":
                return any(_has_image(message.get("content")) for message in self.messages)
            case "weight":
                return any("weight" in message for message in self.messages)
            case _:
                return bool(self.flags & FLAGS[kind])

    def _holds(self, needle: str, role: str) -> bool:
        pattern = text_pattern(needle)
        if _BETWEEN in needle:
            return any(pattern.search(encoded(text)) is not None for text in self.texts(role))
        if role:
            return pattern.search(encoded(_BETWEEN.join(self.texts(role)))) is not None
        return pattern.search(self._all_text) is not None

    # What is in it --------------------------------------------------------------------------------------------------

    @cached_property
    def value(self) -> object:
        """The decoded row; None too where it is broken."""
        return None if self.broken else self._decoded[0]

    @cached_property
    def _decoded(self) -> tuple[object, ...]:
        """The value, or nothing where there is none."""
        import msgspec

        try:
            return (msgspec.json.decode(self.raw),)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            pass  # the standard library takes more: NaN, half characters
        try:
            return (json.loads(self.raw.decode()),)
        except (ValueError, RecursionError):
            return ()

    @property
    def broken(self) -> bool:
        """Whether it is not JSON."""
        return not self._decoded

    @cached_property
    def messages(self) -> list[dict[str, Any]]:
        """The messages in it, both answers of a pair among them; empty where it has not its format's shape."""
        try:
            if self.broken:
                return []
            if self.format in PAIRS:
                pair = parse_pair(self.value, self.format)
                return [*pair.prompt, *pair.preferred, *pair.other]
            return to_chat(self.value, self.format)
        except RecordError:
            return []

    @property
    def turns(self) -> int:
        """How many messages."""
        return len(self.messages)

    @cached_property
    def roles(self) -> int:
        """The roles of its messages as a bit mask."""
        mask = 0
        for message in self.messages:
            mask |= ROLES.get(str(message.get("role")), ROLES["other"])
        return mask

    @cached_property
    def label(self) -> str | None:
        """What the last message of the assistant says, in a pair that of the preferred answer."""
        if self.format in PAIRS and self.messages:
            answers = iter(reversed(parse_pair(self.value, self.format).preferred))
        else:
            answers = (message for message in reversed(self.messages) if message.get("role") == "assistant")
        content = next(answers, {"content": None}).get("content")
        return content.strip() if isinstance(content, str) else None

    def texts(self, role: str = "") -> Iterable[str]:
        """Every text of the record, or of its messages of one role; a broken row is one text, as it stands."""
        if role:
            return [text for message in self.messages if message.get("role") == role for text in strings_of(message)]
        return [self.raw.decode("utf-8", "surrogateescape")] if self.broken else strings_of(self.value)

    @cached_property
    def _all_text(self) -> bytes:
        return self.raw if self.broken else encoded(_BETWEEN.join(strings_of(self.value)))


def strings_of(value: object) -> list[str]:
    """Every text inside a JSON value, whole numbers too; keys and words of its structure are none."""
    found: list[str] = []
    _gather(value, found)
    return found


def _gather(value: object, found: list[str]) -> None:
    if type(value) is str:
        found.append(value)
    elif type(value) is dict:
        for key, item in value.items():
            if type(item) is str:
                if key not in _STRUCTURE or item not in _STRUCTURE[key]:
                    found.append(item)
            elif item is not None:
                _gather(item, found)
    elif type(value) is list:
        for item in value:
            _gather(item, found)
    elif type(value) is int:
        found.append(str(value))


def in_structure(needle: str) -> bool:
    """Whether the text is part of a word that is left out as structure."""
    return any(needle.lower() in word for words in _STRUCTURE.values() for word in words)


@lru_cache(maxsize=64)
def codes_of(text: str) -> frozenset[str]:
    """Codes of the rules that `rule:text` means."""
    from workbench.dataset.rules.registry import selected

    return frozenset(rule.code for rule in selected([text])) if text.strip(", ") else frozenset()


@lru_cache(maxsize=1)
def warning_codes() -> frozenset[str]:
    """Codes of the rules whose findings are warnings."""
    from workbench.dataset.rules import all_rules

    return frozenset(rule.code for rule in all_rules() if rule.severity == "warning")


def _has_tools(part: object) -> bool:
    keys = ("tools", "tool_calls", "functions", "function_call")
    return isinstance(part, Mapping) and any(part.get(key) for key in keys)


def _has_image(content: object) -> bool:
    if not isinstance(content, list):
        return False
    kinds = (part.get("type") for part in content if isinstance(part, Mapping))
    return any(isinstance(kind, str) and "image" in kind for kind in kinds)
