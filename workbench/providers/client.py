"""One client for everything: the official SDK, on the network or on the engine's socket."""

from __future__ import annotations

import asyncio
import importlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.errors import WorkbenchError
from workbench.providers import entra
from workbench.providers.profiles import Profile, api_key, base_url, lacking, way_out

if TYPE_CHECKING:
    import openai

    from workbench.providers.local import LocalEngine

CONNECT_S = 10.0
READ_S = 600.0
"""The SDK's own: a model on a CPU may think for minutes before its first token."""


async def connect(
    profile: Profile,
    *,
    engine: LocalEngine | None = None,
    environ: Mapping[str, str] = os.environ,
    strict: bool = False,
    replay_state: Path | None = None,
) -> openai.AsyncOpenAI:
    """A client of the profile; for a local one the engine is started first.

    `strict` makes the SDK refuse answers that are not exactly of OpenAI's shape (for tests). Raises `WorkbenchError`
    with one sentence when the profile lacks something. `replay_state` is the file where what is created in a recording
    is remembered; without one it is gone with the client. The caller closes it (`async with`).
    """
    if profile.kind == "local" and engine is not None:
        await engine.ensure()
        return await _local(engine, strict)
    if lack := lacking(profile, environ):
        raise WorkbenchError(f"profile {profile.name}", lack, way_out(profile), code="not_configured", exit_code=2)
    if profile.kind == "local":
        raise WorkbenchError("profile local", "there is no engine here", "run this in a workspace")
    # Off the event loop: the key may come from a command, and the SDK takes a second to import.
    return await asyncio.to_thread(_remote, profile, environ, strict, replay_state)


def _remote(
    profile: Profile, environ: Mapping[str, str], strict: bool, replay_state: Path | None
) -> openai.AsyncOpenAI:
    sdk = importlib.import_module("openai")
    key: Any = (
        entra.async_token(profile.name, entra.OPENAI_SCOPE) if profile.auth == "entra" and not profile.replay else None
    )
    key = key or api_key(profile, environ)
    foreign = profile.kind != "openai"
    client: openai.AsyncOpenAI = sdk.AsyncOpenAI(
        api_key=key,
        base_url=base_url(profile, environ),
        http_client=_replaying(sdk, profile.replay, replay_state) if profile.replay else None,
        timeout=sdk.Timeout(READ_S, connect=CONNECT_S),
        # OPENAI_ORG_ID and OPENAI_PROJECT_ID are meant for OpenAI and would be sent to anybody.
        default_headers={"OpenAI-Organization": sdk.Omit(), "OpenAI-Project": sdk.Omit()} if foreign else None,
        _strict_response_validation=strict,
    )
    return client


def _replaying(sdk: Any, recording: str, state: Path | None) -> Any:
    from workbench.providers.replay import ReplayTransport

    return sdk.DefaultAsyncHttpx2Client(transport=ReplayTransport(recording, state))


async def _local(engine: LocalEngine, strict: bool) -> openai.AsyncOpenAI:
    import httpx2

    sdk = await asyncio.to_thread(importlib.import_module, "openai")
    timeout = httpx2.Timeout(READ_S, connect=CONNECT_S)
    client: openai.AsyncOpenAI = sdk.AsyncOpenAI(
        api_key=engine.key(),
        base_url="http://ftwb.local/v1",
        http_client=sdk.DefaultAsyncHttpx2Client(transport=engine.transport(), timeout=timeout),
        timeout=timeout,
        default_headers={"OpenAI-Organization": sdk.Omit(), "OpenAI-Project": sdk.Omit()},
        _strict_response_validation=strict,
    )
    return client
