"""I: image parts, as the providers that train on images take them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from workbench.dataset.formats import ChatRecord, kind_of
from workbench.dataset.rules.facts import Facts
from workbench.dataset.rules.quote import quote
from workbench.dataset.rules.registry import Context, Problem, Severity, file_rule, record_rule

_PROVIDERS = ("openai", "azure")


def _images(record: ChatRecord) -> Iterator[tuple[int, int, dict[str, Any]]]:
    """Image parts with the number of their message and their own in it."""
    for index, message in enumerate(record.messages):
        if isinstance(message.content, list):
            for number, part in enumerate(message.content):
                if isinstance(part, dict) and part.get("type") == "image_url":
                    yield index, number, part


def _url(part: dict[str, Any]) -> str | None:
    image = part.get("image_url")
    url = image.get("url") if isinstance(image, dict) else None
    return url if isinstance(url, str) else None


@record_rule("I001", "image_role", Severity.ERROR, profiles=_PROVIDERS)
def image_role(record: ChatRecord, context: Context) -> Iterator[Problem]:
    """An image stands in a message that is neither the user's nor the assistant's.

    Images are taken from the user alone. (For the assistant's see `image_in_answer`.)
    """
    for index, _, _ in _images(record):
        role = record.messages[index].role
        if role not in ("user", "assistant"):
            yield Problem(f"a {role or 'nameless'} message has an image; only the user's may", index)


@record_rule("I002", "image_detail", Severity.ERROR, profiles=_PROVIDERS)
def image_detail(record: ChatRecord, context: Context) -> Iterator[Problem]:
    """An image's `detail` is not one that the provider knows.

    It is `low` (85 tokens, whatever the size), `high` or `auto`; without it, `auto`.
    """
    known = context.limits.image_details if context.limits is not None else ()
    for index, number, part in _images(record):
        image = part.get("image_url")
        if isinstance(image, dict) and "detail" in image and image["detail"] not in known:
            yield Problem(f"image {number} has the detail {quote(image['detail'])}, not {' or '.join(known)}", index)


_DATA_URL = re.compile(r"data:([^;,]*)((?:;[^;,]*)*),")
_BASE64 = re.compile(r"[A-Za-z0-9+/]*={0,2}")
_MAGIC = {"jpeg": "/9j/", "png": "iVBORw0KGgo", "webp": "UklGR", "gif": "R0lGOD"}
"""How each format's first bytes read in base 64."""


@record_rule("I003", "image_url", Severity.ERROR, profiles=_PROVIDERS)
def image_url(record: ChatRecord, context: Context) -> Iterator[Problem]:
    """An image's address is none that the provider can read.

    It is a public `https:` address, or the image itself as a data URL in base 64: `data:image/png;base64,…`, as JPEG,
    PNG or WEBP. The part is `{"type": "image_url", "image_url": {"url": …}}`.
    """
    for index, number, part in _images(record):
        url = _url(part)
        if url is None:
            held = part.get("image_url")
            what = "has no `url`" if isinstance(held, dict) else f"is {kind_of(held)}, not an object with `url`"
            if "image_url" in part:  # a part without it is `content_part`'s to tell
                yield Problem(f"image {number} {what}", index)
        elif url.startswith("data:"):
            fault = _data_fault(url, context.limits.image_formats if context.limits is not None else ())
            if fault:
                yield Problem(f"image {number} {fault}", index)
        elif not url.startswith(("https://", "http://")):
            yield Problem(f"image {number} has the address {quote(url)}, neither https: nor data:", index)


def _data_fault(url: str, formats: tuple[str, ...]) -> str | None:
    """What is wrong with an image as a data URL."""
    head = _DATA_URL.match(url)
    if head is None or not head[2].lower().endswith(";base64"):
        return "is a data URL without `;base64,`"
    kind = head[1].lower().removeprefix("image/").replace("jpg", "jpeg")
    if not head[1].lower().startswith("image/") or kind not in formats:
        return f"is {quote(head[1])}; taken are {', '.join(formats)}"
    data = url[head.end() :]
    if not data or _BASE64.fullmatch(data) is None:
        return "is not base 64" if data else "is empty"
    real = next((name for name, magic in _MAGIC.items() if data.startswith(magic)), None)
    return f"says it is {kind} but is {real}" if real is not None and real != kind else None


@record_rule("I004", "image_too_large", Severity.ERROR, profiles=_PROVIDERS)
def image_too_large(record: ChatRecord, context: Context) -> Iterator[Problem]:
    """An image in a data URL is larger than the provider takes.

    Make it smaller: with `detail: low` the model sees 512 by 512 pixels.
    """
    most = context.limits.image_bytes if context.limits is not None else None
    for index, number, part in _images(record):
        url = _url(part) or ""
        head = _DATA_URL.match(url)
        size = (len(url) - head.end()) * 3 // 4 if head is not None else 0
        if most is not None and size > most:
            yield Problem(f"image {number} has {size / 2**20:,.1f} MiB; the provider takes {most / 2**20:,.0f}", index)


@file_rule("I005", "too_many_image_records", Severity.ERROR, profiles=_PROVIDERS)
def too_many_image_records(facts: Facts, context: Context) -> Iterator[Problem]:
    """More records have images than the provider takes in one file.

    The upload fails. Take a part of them; a few thousand pictures teach more than duplicates of them.
    """
    most = context.limits.image_records if context.limits is not None else None
    if most is not None and facts.images > most:
        yield Problem(f"{facts.images:,} records have images; the provider takes {most:,}")
