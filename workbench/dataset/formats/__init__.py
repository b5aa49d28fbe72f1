"""The shapes a training record can have."""

from __future__ import annotations

from workbench.dataset.formats.chat import (
    ChatRecord,
    Message,
    content_text,
    dump_chat,
    dump_message,
    parse_chat,
    parse_message,
)
from workbench.dataset.formats.conversation import to_chat, tools_of
from workbench.dataset.formats.convert import TARGETS, Converted, convert, pair_up
from workbench.dataset.formats.detect import Detected, Odd, detect, format_of
from workbench.dataset.formats.pairs import Pair, parse_pair
from workbench.dataset.formats.record import CHAT_LIKE, PAIRS, Format, RecordError, kind_of

__all__ = [
    "CHAT_LIKE",
    "PAIRS",
    "TARGETS",
    "ChatRecord",
    "Converted",
    "Detected",
    "Format",
    "Message",
    "Odd",
    "Pair",
    "RecordError",
    "content_text",
    "convert",
    "detect",
    "dump_chat",
    "dump_message",
    "format_of",
    "kind_of",
    "pair_up",
    "parse_chat",
    "parse_message",
    "parse_pair",
    "to_chat",
    "tools_of",
]
