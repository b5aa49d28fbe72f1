"""M: one message at a time."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from workbench.catalog.limits import CHAT_ROLES, MESSAGE_KEYS
from workbench.dataset.formats import CHAT_LIKE, ChatRecord, kind_of
from workbench.dataset.rules.facts import Row
from workbench.dataset.rules.quote import quote
from workbench.dataset.rules.registry import Context, Problem, Severity, record_rule, row_rule

_CALL_KEYS = ("tool_calls", "function_call", "refusal", "audio")  # an assistant that has one needs no content


@row_rule("M001", "message_missing_key", Severity.ERROR, formats=CHAT_LIKE)
def message_missing_key(row: Row, context: Context) -> Iterator[Problem]:
    """A message has no `role` or no `content`.

    Content may be missing only where the message calls a tool or refuses.
    """
    messages = row.fields.get("messages") if row.fields is not None else None
    for index, message in enumerate(messages if isinstance(messages, list) else ()):
        if not isinstance(message, dict):
            yield Problem(f"the message is {kind_of(message)}, not an object with role and content", index)
            continue
        missing = [key for key in ("role", "content") if key not in message]
        if "content" in missing and any(message.get(key) for key in _CALL_KEYS):
            missing.remove("content")
        if missing:
            yield Problem(f"no {' and no '.join(quote(key) for key in missing)}", index)


@record_rule("M002", "message_unrecognized_key", Severity.ERROR)
def message_unrecognized_key(record: ChatRecord, context: Context) -> Iterator[Problem]:
    """A message has a key that chat APIs do not know.

    A spelling mistake (`contents`), or a key of the tool that wrote the file (`id`, `timestamp`). Uploads with it fail.
    """
    known = MESSAGE_KEYS if context.limits is None else context.limits.message_keys
    for index, message in enumerate(record.messages):
        for key in message.order:
            if key not in known:
                yield Problem(f"key {quote(key)} is not known", index)


_OTHER_NAMES = {
    "human": "user",
    "user": "user",
    "customer": "user",
    "gpt": "assistant",
    "chatgpt": "assistant",
    "bot": "assistant",
    "ai": "assistant",
    "model": "assistant",
    "assistant": "assistant",
    "system": "system",
    "tool": "tool",
    "developer": "developer",
}
"""What writers of files call the roles, in small letters."""


def _role_meant(role: object) -> str | None:
    """The role that another name can only mean."""
    return _OTHER_NAMES.get(role.strip().lower()) if isinstance(role, str) else None


def roles_by_name(value: Any) -> int:
    """Write roles under the names that chat APIs know (`human` as `user`, `GPT` as `assistant`)."""
    changed = 0
    for message in value["messages"]:
        role = message.get("role")
        meant = None if role in CHAT_ROLES else _role_meant(role)
        if meant is not None:
            message["role"] = meant
            changed += 1
    return changed


@record_rule("M003", "unrecognized_role", Severity.ERROR, fix=roles_by_name)
def unrecognized_role(record: ChatRecord, context: Context) -> Iterator[Problem]:
    """A message has a role that the provider does not know.

    Chat APIs accept a fixed set; anything else fails the whole upload. ShareGPT's `human` and `gpt` are the usual
    cause; the fix writes them, and roles in capital letters, as the API's.
    """
    roles = CHAT_ROLES if context.limits is None else context.limits.roles
    for index, message in enumerate(record.messages):
        if message.has("role") and message.role not in roles:
            role = message.extra.get("role", message.role)
            text = f"role {quote(role)}; expected one of {', '.join(roles)}"
            yield Problem(text, index, fixable=_role_meant(role) is not None)


@record_rule("M004", "missing_content", Severity.ERROR)
def missing_content(record: ChatRecord, context: Context) -> Iterator[Problem]:
    """A message has a `content` that is empty or neither text nor a list of parts.

    Content may be null only where the message calls a tool or refuses. What a tool gave back may be empty text.
    """
    for index, message in enumerate(record.messages):
        if not message.has("content"):
            continue
        if "content" in message.extra:
            yield Problem(f"content is {kind_of(message.extra['content'])}, not text", index)
        elif not message.content and not any(message.extra.get(key) for key in _CALL_KEYS) and not message.calls:
            if message.content == "" and message.role in ("tool", "function"):
                continue
            yield Problem("content is empty" if message.content is not None else "content is null", index)


_PART_KEYS = {
    "text": "text",
    "image_url": "image_url",
    "refusal": "refusal",
    "input_audio": "input_audio",
    "file": "file",
}


@record_rule("M005", "content_part", Severity.ERROR)
def content_part(record: ChatRecord, context: Context) -> Iterator[Problem]:
    """A part of a message's content is malformed.

    A part is an object with a `type` (`text`, `image_url`, …) and a key of that name.
    """
    for index, message in enumerate(record.messages):
        for number, part in enumerate(message.content if isinstance(message.content, list) else ()):
            if not isinstance(part, dict):
                yield Problem(f"content part {number} is {kind_of(part)}, not an object", index)
            elif not isinstance(part.get("type"), str) or part["type"] not in _PART_KEYS:
                yield Problem(f"content part {number} has the type {quote(part.get('type'))}", index)
            elif _PART_KEYS[part["type"]] not in part:
                yield Problem(f"content part {number} has no {quote(_PART_KEYS[part['type']])}", index)


@record_rule("M006", "name_characters", Severity.ERROR, profiles={"openai", "azure", "compatible"})
def name_characters(record: ChatRecord, context: Context) -> Iterator[Problem]:
    """A `name` has characters that the provider refuses.

    Letters of a to z, digits, `_` and `-`, 64 at most.
    """
    pattern = context.limits.name_pattern if context.limits is not None else None
    for index, message in enumerate(record.messages):
        if message.name is not None and pattern is not None and not re.fullmatch(pattern, message.name):
            yield Problem(f"name {quote(message.name)} may only have a-z, A-Z, 0-9, _ and -, 64 at most", index)


_OPTIONAL = ("name", "weight", "tool_calls", "tool_call_id", "function_call", "refusal", "audio")


def drop_null_values(value: Any) -> int:
    """Remove optional keys that are null (or, for tool calls, an empty list): they mean the same as no key."""
    dropped = 0
    if value.get("tools", ...) in (None, []):
        del value["tools"]
        dropped += 1
    for message in value["messages"]:
        for key in _OPTIONAL:
            if key in message and (message[key] is None or (key == "tool_calls" and message[key] == [])):
                del message[key]
                dropped += 1
    return dropped


@record_rule("M007", "null_value", Severity.WARNING, fix=drop_null_values)
def null_value(record: ChatRecord, context: Context) -> Iterator[Problem]:
    """An optional key is there but null.

    Table libraries write every column into every record (`"tool_calls": null`). Strict readers and chat templates see
    a key where there should be none. The fix removes it, which changes no meaning.
    """
    if "tools" in record.order and not record.tools and "tools" not in record.extra:
        yield Problem("`tools` is null or empty", fixable=True)
    for index, message in enumerate(record.messages):
        for key in message.order:
            if key not in _OPTIONAL or (key in message.extra and message.extra[key] is not None):
                continue
            value = getattr(message, key, None)
            if value is None or (key == "tool_calls" and value == []):
                yield Problem(f"{quote(key)} is null or empty", index, fixable=True)
