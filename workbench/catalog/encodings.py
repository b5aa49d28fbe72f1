"""Which token encoding a model uses.

tiktoken's own table maps by prefix and takes `ft:gpt-4.1-…` for a GPT-4 (`ft:gpt-4` is one of its prefixes), and it
knows neither Azure's `….ft-<hex>` names nor models newer than itself; so the mapping is ours.
"""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class EncodingChoice:
    """An encoding's name, and whether the model is known to use it (else counts are an estimate)."""

    name: str
    exact: bool


ESTIMATE = EncodingChoice("o200k_base", exact=False)
"""For a model we do not know: a modern vocabulary, said to be an estimate."""

# Ordered: the first pattern that matches the whole base name wins, so 4o, 4.1 and 4.5 stand before plain gpt-4.
_FAMILIES: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"(?:chatgpt|gpt)-4o(?:-.*)?"), "o200k_base"),
    (re.compile(r"gpt-4\.[15](?:-.*)?"), "o200k_base"),
    (re.compile(r"gpt-(?:[5-9]|1\d)(?:[.-].*)?"), "o200k_base"),
    (re.compile(r"o[1-9]\d*(?:-.*)?"), "o200k_base"),
    (re.compile(r"gpt-4(?:-.*)?"), "cl100k_base"),
    (re.compile(r"gpt-3\.?5(?:-.*)?"), "cl100k_base"),
    (re.compile(r"(?:babbage|davinci)-002"), "cl100k_base"),
    (re.compile(r"text-embedding-(?:3-.*|ada-002)"), "cl100k_base"),
)


def base_name(model: str) -> str:
    """The base model inside a tuned model's name; any other name as it is.

    OpenAI: `ft:gpt-4.1-mini-2025-04-14:org:suffix:id`; Azure: `gpt-4.1-mini-2025-04-14.ft-<hex>[-suffix]`.
    """
    name = model.strip()
    if name.startswith("ft:"):
        name = name.removeprefix("ft:").split(":", 1)[0]
    return name.split(".ft-", 1)[0]


def is_tuned(model: str) -> bool:
    """Whether the name is that of a fine-tuned model (OpenAI's and ours begin with `ft:`, Azure's hold `.ft-`)."""
    return model.strip().startswith("ft:") or ".ft-" in model


def encoding_for(model: str) -> EncodingChoice:
    """The encoding of a base or tuned model; an unknown one gives an estimate by `o200k_base`."""
    name = base_name(model).lower()
    for pattern, encoding in _FAMILIES:
        if pattern.fullmatch(name):
            return EncodingChoice(encoding, exact=True)
    return ESTIMATE
