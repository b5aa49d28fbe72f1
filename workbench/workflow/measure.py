"""Measuring: every candidate on the same items by the same scorer, recorded as a run of the project."""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.errors import WorkbenchError
from workbench.evaluate.candidates import Candidate, parse_candidate
from workbench.evaluate.ledger import Answer, read_rows
from workbench.evaluate.results import ItemResult, RunResult
from workbench.evaluate.runner import Answerer, Progress, run
from workbench.evaluate.task import TaskSpec
from workbench.workflow.context import Context
from workbench.workflow.prepare import keep_bytes
from workbench.workflow.project import Project
from workbench.workflow.spend import call_cost

if TYPE_CHECKING:
    from openai import AsyncOpenAI

    from workbench.providers.profiles import Profile

LOCAL_CONCURRENCY = 4
"""The local host answers up to four requests at once (continuous batching)."""


@dataclass(frozen=True)
class ChatAnswerer:
    """A model of a profile as the runner sees it."""

    client: AsyncOpenAI
    profile: Profile
    model: str
    identity: str
    """Model content, host and precision: what a cached answer is keyed by."""

    async def __call__(
        self, messages: Sequence[Mapping[str, Any]], *, max_tokens: int, temperature: float, seed: int
    ) -> Answer:
        from workbench.providers.chat import complete

        reply = await complete(
            self.client,
            self.model,
            messages,
            temperature=temperature,
            max_tokens=max_tokens,
            seed=seed,
            profile=self.profile,
        )
        return Answer(
            text=reply.text,
            prompt_tokens=reply.prompt_tokens,
            completion_tokens=reply.completion_tokens,
            latency_s=reply.total_s,
            first_token_s=reply.first_token_s,
            cost=call_cost(self.profile, self.model, reply.prompt_tokens, reply.completion_tokens).value,
            fingerprint=reply.fingerprint,
        )


def new_run_id() -> str:
    """A run's name: sortable by time, unique on many machines."""
    return f"run-{time.strftime('%Y%m%d-%H%M%S', time.gmtime())}-{secrets.token_hex(3)}"


async def measure(
    context: Context,
    project: Project,
    candidates: Sequence[str],
    *,
    task: TaskSpec | None = None,
    limit: int | None = None,
    repeat: int = 1,
    run_id: str | None = None,
    progress: Callable[[Progress], None] = lambda _: None,
) -> RunResult:
    """Measure candidates on the task's test set, the trivial ones added, and record the run.

    A `run_id` that exists already is resumed: items that were answered are not asked again.
    """
    spec = task or project.task
    if not spec.test:
        raise WorkbenchError(
            f"project {project.slug!r}",
            "has no test set",
            "give one with --test FILE, or set it in project.toml",
            code="no_test_set",
        )
    keep_bytes(context, Path(spec.test))
    name = run_id or new_run_id()
    run_dir = context.home / "projects" / project.slug / "runs" / name
    async with AsyncExitStack() as stack:
        wanted, answerers = await _answerers(context, stack, [parse_candidate(text) for text in candidates])
        result = await run(
            spec,
            wanted,
            answerers,
            run_dir=run_dir,
            cache_dir=context.cache / "answers",
            concurrency=LOCAL_CONCURRENCY,
            limit=limit,
            repeat=repeat,
            progress=progress,
        )
    context.store.update(f"projects/{project.slug}/runs/{name}/run.toml", RunResult, lambda _: result)
    return result


def list_runs(context: Context, project: Project) -> list[RunResult]:
    """The project's finished runs, newest first."""
    folder = context.home / "projects" / project.slug / "runs"
    paths = sorted(folder.glob("*/run.toml"), reverse=True)
    runs = [context.store.read(str(path.relative_to(context.home)), RunResult) for path in paths]
    return sorted(runs, key=lambda result: result.created_at, reverse=True)


def run_items(context: Context, project: Project, run_id: str) -> list[ItemResult]:
    """Every answer of a run, item by item."""
    return read_rows(context.home / "projects" / project.slug / "runs" / run_id)


async def _answerers(
    context: Context, stack: AsyncExitStack, candidates: Sequence[Candidate]
) -> tuple[list[Candidate], dict[str, Answerer]]:
    """One answerer a candidate; one client a profile, closed with the stack."""
    clients: dict[str, AsyncOpenAI] = {}
    identities: dict[tuple[str, str], str] = {}
    answerers: dict[str, Answerer] = {}
    for candidate in candidates:
        if candidate.profile == "trivial":
            continue
        if candidate.profile not in clients:
            clients[candidate.profile] = await stack.enter_async_context(await context.client(candidate.profile))
        client = clients[candidate.profile]
        key = (candidate.profile, candidate.model)
        if key not in identities:
            identities[key] = await identity_of(context, client, *key)
        answerers[candidate.text] = ChatAnswerer(
            client=client,
            profile=context.profile(candidate.profile),
            model=candidate.model,
            identity=identities[key],
        )
    return list(candidates), answerers


async def identity_of(context: Context, client: AsyncOpenAI, profile: str, model: str) -> str:
    """What answers under this name: content, host and precision where the server tells them, else id and date."""
    from workbench.providers.models import list_models

    if context.profile(profile).kind == "local":
        await ensure_model(context, model)
    for known in await list_models(client, context.profile(profile)):
        if known.id == model and known.sha256:
            return f"{known.sha256}/{known.host}/{known.precision}"
    if context.profile(profile).kind == "local" and not re.match(r"^(/|\.|.*/)", model):
        raise WorkbenchError(
            f"local/{model}",
            "is not a model here",
            "see `ftwb model list`, or fetch one with `ftwb model pull`",
            code="unknown_model",
        )
    return f"{profile}/{model}@{date.today().isoformat()}"


async def ensure_model(
    context: Context, model: str, progress: Callable[[Mapping[str, Any]], None] = lambda _: None
) -> None:
    """Fetch `starter` on first need; other names must be there already."""
    if model != "starter":
        return
    async for line in context.engine.stream_call("POST", "pull", {"model": model}):
        progress(line)
