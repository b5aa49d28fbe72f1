"""What Azure's resource manager answers when it refuses, in sentences; roles above all."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from workbench.providers.errors import ProviderError, retry_after, scrub

if TYPE_CHECKING:
    import httpx2


def refusal(answer: httpx2.Response, where: str, secrets: tuple[str, ...]) -> ProviderError:
    """An answer that is no success."""
    status = answer.status_code
    code, message = _read(answer, secrets)
    hint = _way_out(status, code)
    passing = status in {408, 409, 429} or status >= 500
    return ProviderError(
        where,
        (message.removesuffix(".") if hint else message) or f"refused with HTTP status {status}",
        hint,
        code=code or f"http_{status}",
        status=status,
        retry_after_s=retry_after(answer.headers),
        passing=passing,
        ambiguous=status == 408 or status >= 500,
    )


def unreachable(error: Exception, where: str) -> ProviderError:
    """No answer at all."""
    import httpx2

    never_sent = isinstance(error, (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.InvalidURL))
    why = "no connection to the resource manager" if never_sent else "the connection broke"
    return ProviderError(
        where, why, "check the network and try again", code="offline", passing=True, ambiguous=not never_sent
    )


def _way_out(status: int, code: str) -> str:
    lower = code.lower()
    if status == 401:
        return "the token is not for the resource manager or has run out: sign in again with `az login`"
    if status == 403 or lower in ("authorizationfailed", "linkedauthorizationfailed"):
        return (
            "training needs the role Foundry User, deploying Foundry Owner (or Cognitive Services Contributor) on the "
            "resource: ask its owner for `az role assignment create`"
        )
    if "quota" in lower or "capacity" in lower:
        return "ask for less with --capacity, delete a deployment, or choose another --tier or region"
    if lower in ("subscriptionnotfound", "resourcegroupnotfound", "parentresourcenotfound"):
        return "check the profile's resource_id"
    if lower == "resourcenotfound":
        return "check the profile's resource_id and the name"
    if lower in ("deploymentmodelnotsupported", "invalidresourceproperties"):
        return "check the model's name, and that its base is offered in this region and tier"
    if status == 409:
        return "another change of the resource is under way: try again in a minute"
    if status == 429:
        return "wait a little and try again"
    if status >= 500:
        return "Azure's own trouble, or a model whose format it takes for another's; try again later"
    return ""


def _read(answer: httpx2.Response, secrets: tuple[str, ...]) -> tuple[str, str]:
    """ARM's `{"error": {"code", "message", "details"}}`, or whatever text came."""
    try:
        body: Any = answer.json()
    except ValueError:
        body = None
    error = body.get("error") if isinstance(body, Mapping) else None
    if not isinstance(error, Mapping):
        text = answer.text
        return "", "" if text.lstrip().startswith("<") else scrub(text, secrets)
    details = error.get("details")
    inner = [str(one.get("message")) for one in details if isinstance(one, Mapping) and one.get("message")] \
        if isinstance(details, list) else []  # fmt: skip
    said = " ".join(dict.fromkeys([str(error.get("message") or ""), *inner]))
    return str(error.get("code") or ""), scrub(said, secrets)
