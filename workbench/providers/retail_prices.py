"""Azure's public retail price list over HTTP: no account, no key."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from workbench.errors import WorkbenchError

ADDRESS = "https://prices.azure.com/api/retail/prices"
_PARAMS = {
    "api-version": "2023-01-01-preview",
    "currencyCode": "USD",
    "$filter": "contains(productName, 'Azure OpenAI')",
}
TIMEOUT_S = 10.0
"""For each page; a proxy that swallows packets must not hold anybody up for long."""
MOST_PAGES = 300
"""The list has some dozens of pages of a hundred or a thousand rows."""


def fetch_rows(address: str = ADDRESS, *, timeout_s: float = TIMEOUT_S) -> list[dict[str, Any]]:
    """Every row about Azure OpenAI, page by page. Raises one sentence where the list cannot be had whole."""
    import httpx2

    rows: list[dict[str, Any]] = []
    try:
        with httpx2.Client(timeout=timeout_s, follow_redirects=True) as client:
            answer = client.get(address, params=_PARAMS)
            for _ in range(MOST_PAGES):
                page = _page(answer, address)
                rows += page["Items"]
                following = page.get("NextPageLink")
                if not following:
                    return rows
                if urlsplit(following).hostname != urlsplit(address).hostname:
                    raise _refused(address, "it goes on at another host")
                answer = client.get(following)
    except (httpx2.HTTPError, httpx2.InvalidURL) as error:
        slow = isinstance(error, httpx2.TimeoutException)
        raise _refused(address, "no answer in time" if slow else "it cannot be reached") from error
    raise _refused(address, f"it has more than {MOST_PAGES} pages")


def _page(answer: Any, address: str) -> dict[str, Any]:
    if answer.status_code != 200:
        raise _refused(address, f"it answered with HTTP {answer.status_code}")
    try:
        page = answer.json()
    except ValueError:
        page = None
    if not isinstance(page, dict) or not isinstance(page.get("Items"), list):
        raise _refused(address, "the answer is no price list")
    return {**page, "Items": [row for row in page["Items"] if isinstance(row, dict)]}


def _refused(address: str, why: str) -> WorkbenchError:
    hint = "the prices known so far stay in use; your own are set with `ftwb config set prices.PROFILE/MODEL.input 0.5`"
    return WorkbenchError(f"the price list at {address}", why, hint, code="prices_unreachable")
