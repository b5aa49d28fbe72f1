"""Which calls a profile answers, and how fast: only calls that read and cost nothing."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from workbench.errors import WorkbenchError
from workbench.providers.errors import speaking, strange
from workbench.providers.models import Model, list_models
from workbench.providers.profiles import Profile

if TYPE_CHECKING:
    import openai


@dataclass(frozen=True, slots=True)
class Probe:
    """One call that was tried."""

    call: str
    """`models`, `jobs`, `events`, `checkpoints`, `files`."""
    ok: bool
    seconds: float
    detail: str
    """What came, or in one sentence why not."""


@dataclass(frozen=True, slots=True)
class Probed:
    """What a profile answers."""

    probes: tuple[Probe, ...]
    models: tuple[Model, ...]

    @property
    def ok(self) -> bool:
        """Everything that the profile claims to have answers."""
        return all(probe.ok for probe in self.probes)


async def probe(client: openai.AsyncOpenAI, profile: Profile, told: Callable[[Probe], None] = lambda _: None) -> Probed:
    """Try the calls that the profile claims to have, one after the other, each once; `told` of each as it answers."""
    once = client.with_options(max_retries=0)
    models: list[Model] = []

    async def ask_models() -> str:
        models.extend(await list_models(once, profile))
        tuned = sum(model.kind != "base" for model in models)
        return f"{len(models)} models, {tuned} of them tuned"

    newest: list[str] = []

    async def ask_jobs() -> str:
        newest.extend(await _ids(once, profile, "listing jobs", lambda: once.fine_tuning.jobs.list(limit=1)))
        return f"the newest is {newest[0]}" if newest else "no jobs yet"

    async def ask_files() -> str:
        found = await _ids(once, profile, "listing files", lambda: once.files.list(limit=1))
        return "there are files" if found else "no files yet"

    async def ask_events() -> str:
        found = await _ids(
            once, profile, "listing events", lambda: once.fine_tuning.jobs.list_events(newest[0], limit=1)
        )
        return "there are events" if found else "no events"

    async def ask_checkpoints() -> str:
        jobs = once.fine_tuning.jobs
        found = await _ids(once, profile, "listing checkpoints", lambda: jobs.checkpoints.list(newest[0], limit=1))
        return "there are checkpoints" if found else "no checkpoints"

    tried: list[Probe] = []

    async def attempt(call: str, ask: Callable[[], Awaitable[str]]) -> None:
        tried.append(await _try(call, ask))
        told(tried[-1])

    await attempt("models", ask_models)
    able = profile.capabilities
    if able.jobs:
        await attempt("jobs", ask_jobs)
        await attempt("files", ask_files)
    if newest and able.events:
        await attempt("events", ask_events)
    if newest and able.checkpoints:
        await attempt("checkpoints", ask_checkpoints)
    return Probed(tuple(tried), tuple(models))


async def _try(call: str, ask: Callable[[], Awaitable[str]]) -> Probe:
    begun = time.perf_counter()
    try:
        detail, ok = await ask(), True
    except WorkbenchError as error:
        detail, ok = f"{error.why}; {error.hint}" if error.hint else error.why, False
    return Probe(call, ok, time.perf_counter() - begun, detail)


async def _ids(client: openai.AsyncOpenAI, profile: Profile, what: str, ask: Callable[[], Awaitable[Any]]) -> list[str]:
    with speaking(profile, what, client):
        try:
            page = await ask()
        except AttributeError:  # the SDK, given an event stream or a web page where a list should be
            page = None
    data = getattr(page, "data", None)
    if not isinstance(data, list):
        raise strange(profile, what)
    return [str(getattr(item, "id", "") or "") for item in data]
