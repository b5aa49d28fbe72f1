"""What providers answer when they refuse, in sentences a person can act on; a key is never part of one."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

from workbench.errors import WorkbenchError
from workbench.providers.addresses import secrets_in

if TYPE_CHECKING:
    import openai

    from workbench.providers.profiles import Profile

LONGEST = 400
"""Characters of a provider's own message that we repeat."""

_VERSION = re.compile(r"\b20\d\d-\d\d-\d\d\b")
_SECRET = re.compile(r"(?i)\b(?:sk|hf|xai|gsk)[-_][A-Za-z0-9_*-]{6,}|\bBearer\s+\S+")


class ProviderError(WorkbenchError):
    """A provider refused, failed or could not be reached."""

    code = "provider_error"

    def __init__(
        self,
        what: str,
        why: str,
        hint: str = "",
        *,
        code: str | None = None,
        status: int | None = None,
        param: str | None = None,
        retry_after_s: float | None = None,
        passing: bool = False,
        ambiguous: bool = False,
    ) -> None:
        super().__init__(what, why, hint, code=code)
        self.status = status
        """The HTTP status; None when there was no answer."""
        self.param = param
        self.retry_after_s = retry_after_s
        """How long the provider asks us to wait."""
        self.passing = passing
        """It may well work later with nothing changed: the network, a limit, the provider's own trouble."""
        self.ambiguous = ambiguous
        """The request may have been carried out all the same."""


@dataclass(frozen=True, slots=True)
class _Answer:
    """What a provider's error body says, whatever its shape."""

    status: int
    message: str
    code: str | None
    param: str | None


def scrub(text: str, secrets: tuple[str, ...] = ()) -> str:
    """`text` on one line, without keys and not longer than anybody reads."""
    for secret in secrets:
        if len(secret) >= 4:
            text = text.replace(secret, "***")
    text = " ".join(_SECRET.sub("***", text).split())
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"


def holds_secret(text: str) -> bool:
    """Something in it looks like a key."""
    return _SECRET.search(text) is not None


@contextmanager
def speaking(profile: Profile, what: str, client: openai.AsyncOpenAI | None = None) -> Iterator[None]:
    """Turn whatever the SDK raises inside into a `ProviderError` about `what`.

    The SDK's exception is not chained: its request holds the key.
    """
    import httpx2
    import openai

    try:
        yield
    except (openai.OpenAIError, httpx2.HTTPError, httpx2.InvalidURL, httpx2.StreamError) as error:
        translated = translate(error, profile, what, client)
    except json.JSONDecodeError:  # the SDK passes it on: a body that says it is JSON and is none, or half of one
        translated = strange(profile, what)
    else:
        return
    raise translated from None


def translate(
    error: Exception, profile: Profile, what: str, client: openai.AsyncOpenAI | None = None
) -> WorkbenchError:
    """The sentence for one exception of the SDK or its transport."""
    import httpx2
    import openai

    secrets = _secrets(client)
    where = f"{profile.name}: {what}"
    if isinstance(error, openai.APIStatusError):
        return _refusal(error, profile, where, secrets)
    if isinstance(error, openai.APIResponseValidationError):
        return strange(profile, what)
    if isinstance(error, (openai.APITimeoutError, httpx2.TimeoutException)):
        sent = not isinstance(_deepest(error, httpx2.ConnectTimeout), httpx2.ConnectTimeout)
        return ProviderError(where, "no answer in time", "try again", code="timeout", passing=True, ambiguous=sent)
    if isinstance(error, (openai.APIConnectionError, httpx2.HTTPError)):
        return _unreachable(error, profile, where, secrets, client)
    message = scrub(getattr(error, "message", "") or str(error), secrets)
    if isinstance(error, openai.APIError):  # an error that arrived inside a stream of a 200 answer
        return ProviderError(where, message or "the provider broke off", code=error.code or "provider_error")
    return ProviderError(where, message or type(error).__name__)


def _secrets(client: openai.AsyncOpenAI | None) -> tuple[str, ...]:
    """What must not be repeated: the key, and what somebody put into the address."""
    if client is None:
        return ()
    return tuple(one for one in (client.api_key, *secrets_in(str(client.base_url))) if one)


def strange(profile: Profile, what: str) -> ProviderError:
    """The sentence for an answer that is not of OpenAI's shape. What was asked for may have been done all the same."""
    return ProviderError(
        f"{profile.name}: {what}",
        "the answer is not in the shape of OpenAI's API",
        "check the profile's address (it usually ends in /v1) and what that server supports",
        code="not_openai_shaped",
        ambiguous=True,
    )


def _refusal(error: openai.APIStatusError, profile: Profile, where: str, secrets: tuple[str, ...]) -> ProviderError:
    answer = _read(error, secrets)
    hint, code = _way_out(answer, profile)
    passing = answer.status in {408, 409, 425, 429} or answer.status >= 500 or answer.code == "DeploymentNotReady"
    return ProviderError(
        where,
        (answer.message.removesuffix(".") if hint else answer.message) or f"refused with HTTP status {answer.status}",
        hint,
        code=code or answer.code or f"http_{answer.status}",
        status=answer.status,
        param=answer.param,
        retry_after_s=retry_after(error.response.headers),
        passing=passing and answer.code != "insufficient_quota",
        ambiguous=answer.status in {408, 409} or answer.status >= 500,
    )


def _way_out(answer: _Answer, profile: Profile) -> tuple[str, str | None]:
    """The hint, and our own code where the provider's would say less."""
    key = profile.api_key_env or ("the key command" if profile.api_key_command else "the key")
    match answer.status, answer.code:
        case _, "training_not_available":
            return "train with another profile, such as --profile local", None
        case 400, "invalidPayload":
            versions = ", ".join(dict.fromkeys(_VERSION.findall(answer.message)))
            known = f"one of these versions: {versions}" if versions else "its version, as gpt-4.1-mini-2025-04-14"
            return f"name the base model with {known}", None
        case 401, _:
            return f"check {key}", "unauthorized"
        case 403, _:
            return f"{key} may not do this; ask who manages the account", answer.code or "forbidden"
        case 404, "DeploymentNotFound":
            return "Azure answers by a deployment's name: make one with `ftwb deployment create MODEL --name N`", None
        case _, "DeploymentNotReady":
            return "it has only just come up: try again in a minute", None
        case 404, _ if answer.param == "model" or answer.code == "model_not_found":
            return f"`ftwb model list --profile {profile.name}` shows what there is", answer.code
        case 404, _:
            return "it may have been deleted; check the id and the profile", answer.code or "not_found"
        case 429, "insufficient_quota":
            return "the account's budget is spent; check its billing page", answer.code
        case 429, _:
            return "wait a little and try again", "rate_limited"
        case status, _ if status >= 500:
            return "it is the provider's own trouble; try again later", answer.code or "provider_failed"
    return "", None


def _read(error: openai.APIStatusError, secrets: tuple[str, ...]) -> _Answer:
    """The message of an OpenAI body, of `{"detail": …}`, of plain text, of a proxy's web page."""
    body: Any = error.body
    status, code, param = error.status_code, error.code, error.param
    if isinstance(body, Mapping) and isinstance(body.get("error"), Mapping):
        body = body["error"]
        code, param = code or _text(body.get("code")), param or _text(body.get("param"))
    if isinstance(body, Mapping):
        said = body.get("message") or body.get("detail") or body.get("error_description") or body.get("error") or body
    else:
        said = body if body is not None else error.response.text
    if isinstance(said, list):  # FastAPI's list of what is wrong
        said = "; ".join(_complaint(item) for item in said)
    message = scrub(_text(said) or "", secrets)
    if message.startswith("<"):
        message = f"a web page with HTTP status {status} instead of an answer; check the profile's address"
    return _Answer(status, message, code and scrub(code, secrets), param and scrub(param, secrets))


def _complaint(item: Any) -> str:
    if isinstance(item, Mapping) and "msg" in item:
        place = ".".join(str(part) for part in item.get("loc", ()) if part != "body")
        return f"{place}: {item['msg']}" if place else str(item["msg"])
    return str(item)


def _text(value: Any) -> str | None:
    return None if value is None else str(value)


def _unreachable(
    error: Exception, profile: Profile, where: str, secrets: tuple[str, ...], client: openai.AsyncOpenAI | None
) -> WorkbenchError:
    import httpx2

    if isinstance(ours := _deepest(error, WorkbenchError), WorkbenchError):
        return ours  # the local engine could not be started, and said why
    cause = _deepest(error, httpx2.HTTPError)
    if isinstance(cause, (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.UnsupportedProtocol)):
        if profile.kind == "local":
            return ProviderError(
                where, "the engine is not running", "`ftwb engine start` starts it", code="offline", passing=True
            )
        address = f" at {client.base_url.host}" if client is not None else ""
        return ProviderError(
            where,
            f"no connection{address} ({scrub(str(cause), secrets) or 'refused'})",
            "check the network and the profile's address",
            code="offline",
            passing=True,
        )
    why = scrub(str(cause), secrets) if cause is not None else ""
    return ProviderError(
        where,
        f"the connection broke ({why})" if why else "the connection broke",
        "try again",
        code="connection_broke",
        passing=True,
        ambiguous=True,
    )


def _deepest(error: BaseException, kind: type[BaseException]) -> BaseException | None:
    """The exception of `kind` nearest to the cause."""
    found: BaseException | None = None
    current: BaseException | None = error
    while current is not None:
        found = current if isinstance(current, kind) else found
        current = current.__cause__ or current.__context__
    return found


def retry_after(headers: Mapping[str, str], longest_s: float = 120.0) -> float | None:
    """Seconds from a `Retry-After` header (seconds or a date) or OpenAI's `retry-after-ms`; never past `longest_s`."""
    try:
        if value := headers.get("retry-after-ms"):
            return min(max(float(value) / 1000, 0.0), longest_s)
        value = headers.get("retry-after")
        if not value:
            return None
        if re.fullmatch(r"\s*\d+(\.\d+)?\s*", value):
            return min(float(value), longest_s)
        at, now = parsedate_to_datetime(value), headers.get("date")
        if now is None:
            return None  # our clock may be off: without the server's we do not guess
        return min(max((at - parsedate_to_datetime(now)).total_seconds(), 0.0), longest_s)
    except (ValueError, TypeError, OverflowError):
        return None
