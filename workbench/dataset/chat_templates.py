"""Chat templates that belong to no model: data, to look at records with and to train base models on.

Their names are those of AutoTrain's `chat_template` setting.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

_SAID: Final = (
    "{% macro said(message) %}"
    "{% if message.content is string %}{{ message.content }}"
    "{% elif message.content %}{% for part in message.content %}"
    "{% if part is mapping and part.text is defined %}{{ part.text }}"
    "{% elif part is mapping %}{{ '<' ~ part.type ~ '>' }}{% endif %}"
    "{% endfor %}{% endif %}"
    "{% for call in message.tool_calls or [] %}{{ call | tojson }}{% endfor %}"
    "{% endmacro %}"
)
"""What a message says: its text or the texts of its parts, other parts by their type, tool calls as JSON."""

CHATML: Final = (
    _SAID + "{% for message in messages %}"
    "{{ '<|im_start|>' ~ message.role ~ '\n' ~ said(message) ~ '<|im_end|>\n' }}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
"""Turns between `<|im_start|>` and `<|im_end|>`, the role on the first line."""

ZEPHYR: Final = (
    _SAID + "{% set end = eos_token or '</s>' %}"
    "{% for message in messages %}"
    "{{ '<|' ~ message.role ~ '|>\n' ~ said(message) ~ end ~ '\n' }}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|assistant|>\n' }}{% endif %}"
)
"""The role as a mark on a line of its own, the end-of-text token after each turn."""

NONE: Final = (
    _SAID + "{% for message in messages %}"
    "{% if not loop.first %}{{ '\n' }}{% endif %}{{ said(message) }}"
    "{% endfor %}"
    "{% if add_generation_prompt and messages %}{{ '\n' }}{% endif %}"
)
"""Nothing added: the texts, a line end between them."""

BUILT_IN: Final[Mapping[str, str]] = {"chatml": CHATML, "zephyr": ZEPHYR, "none": NONE}
"""By name."""

MARKS: Final[Mapping[str, tuple[str, ...]]] = {
    "chatml": ("<|im_start|>", "<|im_end|>"),
    "zephyr": ("</s>",),
    "none": (),
}
"""What a tokenizer that was made for the template has as one token each."""
