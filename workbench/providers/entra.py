"""Tokens of Microsoft Entra through azure-identity (the `azure` extra): who is signed in needs no key."""

from __future__ import annotations

import asyncio
import importlib
import importlib.util
from collections.abc import Awaitable, Callable
from typing import Any

from workbench.errors import WorkbenchError

OPENAI_SCOPE = "https://cognitiveservices.azure.com/.default"
ARM_SCOPE = "https://management.azure.com/.default"


def installed() -> bool:
    """Whether azure-identity is there. Imports nothing of it."""
    try:
        return importlib.util.find_spec("azure.identity") is not None
    except (ImportError, ValueError):
        return False


def token(profile: str, scope: str) -> Callable[[], str]:
    """What gives a valid token whenever it is called; it keeps one and renews it in time. Its calls block.

    Raises one sentence where azure-identity is missing, or nobody is signed in.
    """
    try:
        identity: Any = importlib.import_module("azure.identity")
    except ImportError:
        raise WorkbenchError(
            f"profile {profile}",
            "needs azure-identity",
            "pip install 'ftwb[azure]', or name a key or a token command",
            code="not_installed",
            exit_code=2,
        ) from None
    ask = identity.get_bearer_token_provider(identity.DefaultAzureCredential(), scope)

    def give() -> str:
        try:
            return str(ask())
        except Exception as error:  # noqa: BLE001 - azure-core's errors have no base that can be named without it
            # Their message lists every way that was tried, over a page; its first line says what it is.
            first = str(error).strip().splitlines()[0][:200] if str(error).strip() else type(error).__name__
            raise WorkbenchError(
                f"profile {profile}", f"Entra gives no token ({first})", "sign in with `az login`", code="no_token"
            ) from None

    return give


def async_token(profile: str, scope: str) -> Callable[[], Awaitable[str]]:
    """The same for the SDK's asynchronous client, which asks before every call."""
    give = token(profile, scope)

    async def ask() -> str:
        return await asyncio.to_thread(give)

    return ask
