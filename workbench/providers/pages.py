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

    Raises `ProviderError`, with code `not_openai_shaped` where the answer is no list. A page that came already is asked
    for again, once: a cache repeats one. Ends where a provider that ignores the cursor goes on repeating itself.
    """
    seen: set[str] = set()
    before: Any = None
    page = await _page(first, profile, what, client)
    while page.data:
        ids = {str(getattr(item, "id", "") or item) for item in page.data}
        if not ids <= seen:
            seen |= ids
            yield page.data
            if not page.has_next_page():
                return
            before = page
        elif before is None:
            return
        else:
            page, before = before, None
        page = await _page(page.get_next_page(), profile, what, client)


async def _page(call: Awaitable[Any], profile: Profile, what: str, client: openai.AsyncOpenAI) -> Any:
    with speaking(profile, what, client):
        try:
            page = await call
        except AttributeError:  # the SDK, given an event stream or a web page where a list should be
            page = None
    if not isinstance(getattr(page, "data", None), list):
        raise strange(profile, what)
    return page


def as_dict(obj: Any) -> dict[str, Any]:
    """An SDK object as the JSON it came from (pydantic's own JSON mode would turn a loss of NaN into null)."""
    # A server that sends a number where the SDK expects a word would be complained about on stderr.
    found: dict[str, Any] = obj.to_dict(mode="python", warnings=False) if hasattr(obj, "to_dict") else dict(obj)
    return found
