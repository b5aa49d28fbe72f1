"""Says of most rows, quickly, that no rule has anything to say about them.

It must never call a row clean on which a rule would find something; a property test holds it to that. Rows that it is
not sure of go through the rules themselves. A rule that is not in COVERED is not taken into account here: the caller
runs it on every row.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import msgspec
from msgspec import UNSET, MsgspecError, Raw
from xxhash import xxh3_64_intdigest

from workbench.dataset.analysis.lines import KEYS
from workbench.dataset.analysis.shapes import (
    BITS,
    Assistant,
    Developer,
    Function,
    System,
    Tool,
    User,
    record_type,
)
from workbench.dataset.formats import Format
from workbench.dataset.rules.lines import keys_in
from workbench.dataset.rules.look import look_at, row_findings
from workbench.dataset.rules.registry import Context, all_rules
from workbench.dataset.rules.schemas import functions_of, unfit
from workbench.dataset.tokens import json_text

COVERED = frozenset(
    {"A001", "A002", "A003", "A004", "I001", "I002", "I003", "I004", "J001", "J006", "J007", "J008"}
    | {"O001", "O002", "O003", "O004", "O006"}
    | {"M001", "M002", "M003", "M004", "M005", "M006", "M007", "R001", "R002", "R003", "W001", "W002", "W003"}
    | {"T001", "T002", "T003", "T004", "T005", "T006", "T007", "T008", "T009", "T010", "T011", "T012"}
)
"""Codes of the rules about rows that find nothing on a row that is clean."""

_ESCAPED_ASCII = re.compile(rb"\\u00[2-7]").search
_KEYS_IN_TEXT = re.compile(r'" *:').findall  # other white space is escaped in the bytes of a text
_CALL_KEYS = 5  # a call's id, type, function, name and arguments
_KNOWN_TOOLS = 4096  # different lists of tools that are remembered


class Clean(msgspec.Struct, gc=False):
    """A row on which no rule of COVERED finds anything."""

    messages: Any
    """A list of the types in `shapes`."""
    roles: int
    """Which roles occur, as the column has it."""
    tools: str
    """The tools it declares, as the JSON that is counted for them; empty where it declares none."""
    calls: bool
    """Whether a message calls a tool."""
    digest: int
    """As `rules.facts.row_digest` would have it."""


@dataclass(frozen=True, slots=True)
class _Tools:
    """A list of tools on which no rule finds anything."""

    schemas: Mapping[str, Any] | None
    """By name of the function; what its call's arguments must fit. None: any function may be called."""
    canonical: Raw
    counted: str
    """The JSON that is counted for them."""
    keys: int
    """How many `KEYS` they have in the record, with the one that they stand under."""


_NO_TOOLS = _Tools(None, Raw(b""), "", 0)


class Screen:
    """The screen for chat records; `keys` are those that records may have beside the usual ones."""

    def __init__(self, context: Context, keys: Iterable[str]) -> None:
        record = record_type(keys)
        self._decode = msgspec.json.Decoder(record).decode
        self._others = [name for name in record.__struct_fields__ if name not in ("messages", "tools")]
        self._encode_into = msgspec.msgpack.Encoder(order="deterministic").encode_into
        self._canonical = bytearray()
        self._rules = [rule for rule in all_rules() if rule.check_file is None and rule.applies(context)]
        self._context = context
        self._known: dict[bytes, _Tools | None] = {}

    def clean(self, raw: bytes, keys: int) -> Clean | None:
        """What is known of a row that is surely clean; None for any other. `keys`: how many `KEYS` it has."""
        try:
            record = self._decode(raw)
        except (MsgspecError, UnicodeDecodeError, RecursionError):
            return None
        messages = record.messages
        roles = roles_in_order(messages)
        if not roles:
            return None
        tools = _NO_TOOLS
        if record.tools is not UNSET:
            declared = self._tools(bytes(record.tools))
            if declared is None:
                return None
            tools = declared
        if roles >= _CALLS and not _calls_fit(record, tools):
            return None
        # J008: every message has two keys or more, so with no more than these in the bytes none is there twice.
        if keys != 1 + 2 * len(messages) and not self._no_key_twice(record, tools, raw, keys):
            return None
        if tools is not _NO_TOOLS:
            record.tools = tools.canonical
        canonical = self._canonical
        try:
            self._encode_into(record, canonical)
        except (UnicodeEncodeError, OverflowError, RecursionError):
            return None
        return Clean(messages, roles & 255, tools.counted, roles >= _CALLS, xxh3_64_intdigest(canonical))

    def _no_key_twice(self, record: Any, tools: _Tools, raw: bytes, keys: int) -> bool:
        """Whether the bytes have just the keys of the record, or as many `KEYS` as once it is written anew."""
        if b"\\u00" in raw and _ESCAPED_ASCII(raw):  # texts may look different there
            return False
        try:
            return keys == _keys_of(record, tools, self._others) or keys == len(KEYS(msgspec.json.encode(record)))
        except (UnicodeEncodeError, OverflowError, RecursionError):
            return False

    def _tools(self, raw: bytes) -> _Tools | None:
        """The tools in these bytes, if the rules find nothing on a record that has them; most files have few lists."""
        if raw not in self._known:
            if len(self._known) >= _KNOWN_TOOLS:
                self._known.clear()
            self._known[raw] = self._judged(raw)
        return self._known[raw]

    def _judged(self, raw: bytes) -> _Tools | None:
        stub = b'{"messages":[{"role":"user","content":"?"},{"role":"assistant","content":"!"}],"tools":%s}' % raw
        row = look_at(stub, Format.CHAT)
        if row.record is None or not row.record.tools or any(row_findings(row, self._context, self._rules)):
            return None
        schemas = {function["name"]: function.get("parameters") for function in functions_of(row.record)}
        tools = row.record.tools
        try:
            written = msgspec.msgpack.encode(tools, order="deterministic")
        except (UnicodeEncodeError, OverflowError, RecursionError):
            return None
        return _Tools(schemas, Raw(written), json_text(tools), 1 + len(KEYS(raw)))


def _keys_of(record: Any, tools: _Tools, others: Iterable[str]) -> int:
    """How many keys a record has, and what looks like one in the arguments of its calls and in their results.

    `others` are its fields beside the messages and the tools.
    Its bytes have as many `KEYS` if none is there twice and no other text looks like one, and never fewer.
    """
    count = 1 + tools.keys
    for message in record.messages:
        kind, content = type(message), message.content
        count += 2 if type(content) is str else 1 if content is UNSET else 2 + 2 * len(content or ())
        if message.name is not UNSET:
            count += 1
        if kind is Assistant:
            if message.weight is not UNSET:
                count += 1
            if message.tool_calls is not UNSET:
                count += 1
                for call in message.tool_calls:
                    count += _CALL_KEYS + len(_KEYS_IN_TEXT(call.function.arguments))
        elif kind is Tool:
            count += 1 + len(_KEYS_IN_TEXT(content))
    for name in others:
        value = getattr(record, name)
        if value is not UNSET:
            count += 1 + keys_in(value)
    return count


def _calls_fit(record: Any, tools: _Tools) -> bool:
    """Whether no rule has anything to say about what the calls of a record call, and with what."""
    for message in record.messages:
        if type(message) is Assistant and message.tool_calls is not UNSET:
            if record.parallel_tool_calls is False and len(message.tool_calls) > 1:
                return False
            if not all(_fits(call.function, tools) for call in message.tool_calls):
                return False
    return True


def _fits(function: Function, tools: _Tools) -> bool:
    """Whether a call's arguments are an object in JSON, one that the tool takes, if tools are declared."""
    try:
        arguments = _arguments(function.arguments)
    except (MsgspecError, UnicodeEncodeError, RecursionError):
        return False
    if tools.schemas is None or type(arguments) is not dict:
        return type(arguments) is dict
    if function.name not in tools.schemas:
        return False
    schema = tools.schemas[function.name]
    return not isinstance(schema, dict) or next(unfit(arguments, schema), None) is None


_arguments = msgspec.json.Decoder().decode


_CALLS = 256
"""A bit beyond those of the roles: some message calls a tool."""


def roles_in_order(messages: Sequence[Any]) -> int:
    """Which roles occur, and _CALLS; 0 if a rule might say something about their order or about the texts."""
    order = _order(tuple(map(type, messages)))
    if order is None:
        return 0
    roles, answers = order
    trained, plain = False, not roles & BITS[Tool]
    for number in answers:
        message = messages[number]
        content = message.content
        if type(content) is not str or message.tool_calls is not UNSET:
            plain = False
        elif content != content.strip():
            return 0
        if not trained and (message.weight is UNSET or message.weight):
            trained = True
    if not trained:
        return 0
    return roles if plain else _roles_with_calls(messages, roles)


@lru_cache(maxsize=1024)
def _order(kinds: Sequence[type]) -> tuple[int, Sequence[int]] | None:
    """Of messages of these kinds: which roles occur, and the places of the assistant's; None for a bad order.

    Few orders occur in a file. What tools give back is not looked at here.
    """
    before: type | None = None
    asked, roles = False, 0
    for kind in kinds:
        if kind is Assistant:
            in_order = asked and before is not Assistant
        elif kind is User:
            in_order = before is not User
            asked = True
        else:
            in_order = kind is Tool or before is None or before is System or before is Developer
        if not in_order:
            return None
        before = kind
        roles |= BITS[kind]
    if before is not Assistant:
        return None
    return roles, [number for number, kind in enumerate(kinds) if kind is Assistant]


def _roles_with_calls(messages: Iterable[Any], roles: int) -> int:
    """The same roles, and _CALLS where a tool is called; 0 if a rule might object to the calls or what follows them."""
    waiting: set[str] = set()
    for message in messages:
        kind = type(message)
        if kind is Tool:
            if message.tool_call_id not in waiting:
                return 0
            waiting.remove(message.tool_call_id)
        elif waiting:
            return 0
        elif kind is Assistant:
            called = _called(message)
            if called is None:
                return 0
            waiting = called
            roles |= _CALLS if called else 0
    return roles


def _called(message: Assistant) -> set[str] | None:
    """The ids of the calls of an answer; None if a rule might object to them or to its content."""
    content = message.content
    text = content if type(content) is str else ""
    if type(content) is list:
        text = "".join([part.text for part in content])
    if text != text.strip():
        return None
    if message.tool_calls is UNSET:
        return set() if text else None
    called = {call.id for call in message.tool_calls}
    return called if len(called) == len(message.tool_calls) else None
