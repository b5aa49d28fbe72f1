"""Tokens of clean chat records, without making dictionaries of them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import msgspec
from msgspec import UNSET

from workbench.dataset.analysis.screen import Clean
from workbench.dataset.analysis.shapes import BITS, Assistant, Tool, User
from workbench.dataset.counting import Counting
from workbench.dataset.fast_tokens import FastText
from workbench.dataset.formats import Format
from workbench.dataset.record_tokens import count_record
from workbench.dataset.tokens import (
    TOKENS_PER_MESSAGE,
    TOKENS_PER_NAME,
    TOKENS_PER_RECORD,
    Counter,
    FormulaCounter,
    json_text,
)

_REMEMBERED = 4096  # texts


class TextCounts:
    """What `counter` counts in clean records; the same numbers, faster where it is the cookbook's formula."""

    def __init__(self, counter: Counter | None, counting: Counting | None) -> None:
        self._counter = counter
        self._formula = isinstance(counter, FormulaCounter)
        self._text: Callable[[str], int] = counter.text if counter is not None else len
        self._fast: FastText | None = None
        if counting is not None and not counting.tokenizer:
            self._fast = FastText(counting.name, Path(counting.cache))
        self._known: dict[str, int] = {}
        roles = {kind: str(kind.__struct_config__.tag) for kind in BITS} if self._formula else {}
        self._around = {kind: TOKENS_PER_MESSAGE + self._text(role) for kind, role in roles.items()}

    def look_at(self, block: bytes) -> None:
        """The records that are counted next lie in these bytes."""
        if self._fast is not None:
            self._text = self._fast.quick if self._fast.plain(block) else self._fast.count

    def count(self, clean: Clean, raw: bytes) -> tuple[int, int, bool]:
        """Tokens of a record, those of the assistant, and whether the count is exact; raises RecordError."""
        if not self._formula:
            assert self._counter is not None
            counted = count_record(json.loads(raw), Format.CHAT, self._counter)
            return counted.total, counted.assistant, counted.exact
        total, answers, text, around = TOKENS_PER_RECORD, 0, self._text, self._around
        for message in clean.messages:
            kind = type(message)
            content = message.content
            total += around[kind]
            if type(content) is list:
                content = "".join([part.text for part in content])
            if kind is User:
                total += text(content)
            elif kind is Assistant:
                if content:
                    tokens = text(content)
                    answers += tokens
                    total += tokens
            elif kind is Tool:
                total += text(content) + text(message.tool_call_id)
            else:
                total += self._remembered(content)
            if message.name is not UNSET:
                total += text(message.name) + TOKENS_PER_NAME
        if clean.tools:
            total += self._remembered(clean.tools)
        if clean.calls:
            total += self._of_calls(raw)
        return total, answers, not clean.tools and not clean.calls

    def _of_calls(self, raw: bytes) -> int:
        """Tokens of a record's tool calls, which are counted as their JSON, keys in the order of the source."""
        messages = msgspec.json.decode(raw)["messages"]
        return sum(self._text(json_text(message["tool_calls"])) for message in messages if "tool_calls" in message)

    def _remembered(self, text: str) -> int:
        """Tokens of a system prompt or of the description of tools: most files have few."""
        tokens = self._known.get(text)
        if tokens is None:
            if len(self._known) >= _REMEMBERED:
                self._known.clear()
            tokens = self._known[text] = self._text(text)
        return tokens
