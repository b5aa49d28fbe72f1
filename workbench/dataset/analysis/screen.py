"""Says of most rows, quickly, that no rule has anything to say about them.

It must never call a row clean on which a rule would find something; a property test holds it to that. Rows that it is
not sure of go through the rules themselves. A rule that is not in COVERED is not taken into account here: the caller
runs it on every row.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
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
from workbench.dataset.rules.facts import canonical
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
    """Of the bytes that `rules.facts.canonical` would make of it."""


@dataclass(frozen=True, slots=True)
class _Tools:
    """A list of tools on which no rule finds anything."""

    schemas: Mapping[str, Any]
    """By name of the function; what its call's arguments must fit."""
    canonical: Raw
    counted: str
    """The JSON that is counted for them."""


class Screen:
    """The screen for chat records; `keys` are those that records may have beside the usual ones."""

    def __init__(self, context: Context, keys: Iterable[str]) -> None:
        self._decode = msgspec.json.Decoder(record_type(keys)).decode
        self._encode_into = msgspec.json.Encoder(order="sorted").encode_into
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
        tools = ""
        if record.tools is not UNSET or roles >= _CALLS:
            fitting = self._tools_fit(record)
            if fitting is None:
                return None
            tools = fitting
        canonical = self._canonical
        try:
            self._encode_into(record, canonical)
        except (UnicodeEncodeError, OverflowError, RecursionError):
            return None
        # J008: every message has two keys or more, so with no more than these in the bytes none is there twice. Else
        # the bytes have as many as the record once written anew, if its texts look the same there.
        if keys != 1 + 2 * len(messages) and (_ESCAPED_ASCII(raw) or keys != len(KEYS(canonical))):
            return None
        return Clean(messages, roles & 255, tools, roles >= _CALLS, xxh3_64_intdigest(canonical))

    def _tools_fit(self, record: Any) -> str | None:
        """The tools, as the JSON that is counted, if they are well described and calls of them can be read.

        In the record they are then written anew.
        """
        tools = None
        if record.tools is not UNSET:
            tools = self._tools(bytes(record.tools))
            if tools is None:
                return None
            record.tools = tools.canonical
        for message in record.messages:
            if type(message) is Assistant and message.tool_calls is not UNSET:
                if record.parallel_tool_calls is False and len(message.tool_calls) > 1:
                    return None
                if not all(_fits(call.function, tools) for call in message.tool_calls):
                    return None
        return tools.counted if tools is not None else ""

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
        return _Tools(schemas, Raw(canonical(tools, raw)), json_text(tools))


def _fits(function: Function, tools: _Tools | None) -> bool:
    """Whether a call's arguments are an object in JSON, one that the tool takes, if tools are declared."""
    try:
        arguments = _arguments(function.arguments)
    except (MsgspecError, UnicodeEncodeError, RecursionError):
        return False
    if tools is None or type(arguments) is not dict:
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
    before: type | None = None
    asked = trained = False
    roles = 0
    waiting: set[str] | None = None
    for message in messages:
        kind = type(message)
        if kind is Assistant:
            if waiting or not asked or before is Assistant:
                return 0
            content = message.content
            if type(content) is not str or message.tool_calls is not UNSET:
                waiting = _called(message)
                if waiting is None:
                    return 0
                roles |= _CALLS if waiting else 0
            elif content != content.strip():
                return 0
            trained = trained or message.weight != 0
        elif kind is User:
            if waiting or before is User:
                return 0
            asked = True
        elif kind is Tool:
            if not waiting or message.tool_call_id not in waiting:
                return 0
            waiting.remove(message.tool_call_id)
        elif before is not None and before is not System and before is not Developer:
            return 0
        before = kind
        roles |= BITS[kind]
    return roles if before is Assistant and trained else 0


def _called(message: Assistant) -> set[str] | None:
    """The ids of the calls of an answer that has calls or whose content is no text; None if a rule might object."""
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
