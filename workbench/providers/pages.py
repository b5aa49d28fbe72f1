"""Lists of providers, page by page, also of those that do not quite do pages."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable
from typing import TYPE_CHECKING, Any

from workbench.providers.errors import speaking, strange
from workbench.providers.profiles import Profile

if TYPE_CHECKING:
    import openai


async def pages(
    first: Awaitable[Any], profile: Profile, what: str, client: openai.AsyncOpenAI
) -> AsyncIterator[list[Any]]:
    """Each page's items. `first` is the SDK's list call, not awaited yet.

    Raises `ProviderError`, with code `not_openai_shaped` where the answer is no list. Ends where a provider that
    ignores the cursor repeats itself.
    """
    seen: set[str] = set()
    with speaking(profile, what, client):
        try:
            page = await first
        except AttributeError:  # the SDK, given an event stream or a web page where a list should be
            page = None
    while True:
        data = getattr(page, "data", None)
        if not isinstance(data, list):
            raise strange(profile, what)
        ids = {str(getattr(item, "id", "") or index) for index, item in enumerate(data)}
        if not data or ids <= seen:
            return
        seen |= ids
        yield data
        with speaking(profile, what, client):
            if not page.has_next_page():
                return
            page = await page.get_next_page()


def as_dict(obj: Any) -> dict[str, Any]:
    """An SDK object as the JSON it came from (pydantic's own JSON mode would turn a loss of NaN into null)."""
    found: dict[str, Any] = obj.to_dict(mode="python") if hasattr(obj, "to_dict") else dict(obj)
    return found
