"""What providers accept as training data: dated limits by kind of profile.

Sources, as of 2026-11-22: OpenAI's and Azure's fine-tuning guides (their parts on vision for images: count, size,
formats, detail) and Azure's quota page; the cookbook notebook `Chat_finetuning_data_prep` for the 16,385 tokens of
gpt-3.5-turbo; SmolLM2's configuration for the starter model.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from workbench.catalog.encodings import base_name
from workbench.errors import WorkbenchError

CHAT_ROLES = ("system", "developer", "user", "assistant", "tool", "function")
"""Roles that the chat API takes (OpenAI's OpenAPI document, `ChatCompletionRequestMessage`)."""

MESSAGE_KEYS = frozenset(
    {
        "role",
        "content",
        "name",
        "weight",
        "tool_calls",
        "tool_call_id",
        "function_call",
        "refusal",
        "audio",
    }
)
"""Keys a message may have: those of the chat API and the fine-tuning API's `weight`."""

PROMPT_CACHE_FROM, PROMPT_CACHE_STEP = 1_024, 128
"""Prompt caching as OpenAI and Azure document it: prompts of 1,024 tokens or more, in steps of 128."""

COOKBOOK_EXAMPLE_TOKENS = 16_385
"""MAX_TOKENS_PER_EXAMPLE of the cookbook's newest data preparation notebook."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What one kind of provider accepts."""

    kind: str
    min_records: int
    """Fewer, and the job does not start."""
    advised_records: int
    """Fewer rarely teach anything."""
    file_bytes: int | None
    """Largest single upload."""
    suffix_max: int | None
    """Characters of a model's suffix."""
    roles: tuple[str, ...] = CHAT_ROLES
    message_keys: frozenset[str] = MESSAGE_KEYS
    name_pattern: str | None = None
    """What a message's or a function's `name` must match from end to end."""
    bom_wanted: bool = False
    """Whether the provider's documents ask for a byte order mark."""
    arguments_as_text: bool = False
    """Whether a tool call's `arguments` must be a string of JSON."""
    images_per_example: int | None = None
    image_records: int | None = None
    """Most records with images in one file."""
    image_bytes: int | None = None
    """Largest image."""
    image_formats: tuple[str, ...] = ("jpeg", "png", "webp")
    image_details: tuple[str, ...] = ("low", "high", "auto")
    tokens_times_epochs: int | None = None
    """Tokens of a file times epochs in one job (Azure's quota page, July 2025)."""
    cached_from: int | None = None
    """Tokens from which on the beginning that prompts share is billed as cached input; None where nobody says."""
    cached_step: int = 1
    """What is cached comes in steps of as many tokens."""


_NAME = r"[A-Za-z0-9_-]{1,64}"
_MIB = 1024 * 1024

_LIMITS = {
    "openai": Limits(
        "openai",
        min_records=10,
        advised_records=50,
        file_bytes=512 * _MIB,
        suffix_max=64,
        name_pattern=_NAME,
        arguments_as_text=True,
        images_per_example=64,
        image_records=50_000,
        image_bytes=10 * _MIB,
        cached_from=PROMPT_CACHE_FROM,
        cached_step=PROMPT_CACHE_STEP,
    ),
    "azure": Limits(
        "azure",
        min_records=10,
        advised_records=50,
        file_bytes=512 * _MIB,
        suffix_max=18,
        name_pattern=_NAME,
        bom_wanted=True,
        arguments_as_text=True,
        images_per_example=64,
        image_records=50_000,
        image_bytes=10 * _MIB,
        tokens_times_epochs=2_000_000_000,
        cached_from=PROMPT_CACHE_FROM,
        cached_step=PROMPT_CACHE_STEP,
    ),
    "compatible": Limits(
        "compatible",
        min_records=1,
        advised_records=50,
        file_bytes=None,
        suffix_max=40,
        name_pattern=_NAME,
        arguments_as_text=True,
    ),
    "local": Limits(
        "local",
        min_records=1,
        advised_records=50,
        file_bytes=None,
        suffix_max=64,
        message_keys=MESSAGE_KEYS | {"reasoning_content", "thinking"},
    ),
}

KINDS = tuple(_LIMITS)
"""The kinds of profile that have limits of their own."""


def limits_for(kind: str) -> Limits:
    """The limits of a kind of profile; a WorkbenchError (usage) names the known kinds for any other."""
    try:
        return _LIMITS[kind]
    except KeyError:
        raise WorkbenchError(
            f"profile {kind!r}",
            "is not a kind of provider whose limits are known",
            f"use one of {', '.join(KINDS)}",
            code="unknown_profile",
            exit_code=2,
        ) from None


# Tokens of one training example; longer ones are cut by the provider, not refused.
_EXAMPLE_TOKENS: tuple[tuple[re.Pattern[str], int], ...] = (
    (re.compile(r"gpt-4\.1-nano(?:-.*)?"), 32_768),
    (re.compile(r"gpt-4(?:o|\.1)(?:-.*)?"), 65_536),
    (re.compile(r"gpt-3\.?5-turbo-0613"), 4_096),
    (re.compile(r"gpt-3\.?5-turbo(?:-.*)?"), COOKBOOK_EXAMPLE_TOKENS),
    (re.compile(r"(?:starter|smollm2-.*)"), 8_192),
)


def example_tokens(model: str) -> int | None:
    """The most tokens one training example of this model may have, or None where we do not know."""
    name = base_name(model).lower()
    return next((limit for pattern, limit in _EXAMPLE_TOKENS if pattern.fullmatch(name)), None)
