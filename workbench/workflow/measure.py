"""Measuring: every candidate on the same items by the same scorer, recorded as a run of the project."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from workbench.catalog.figure import Figure
from workbench.catalog.prices import PriceBook
from workbench.errors import WorkbenchError
from workbench.evaluate.asking import CONCURRENCY, Answerer
from workbench.evaluate.bench import outlook, set_up
from workbench.evaluate.budget import most_prompt_tokens
from workbench.evaluate.candidates import Candidate, parse_candidate
from workbench.evaluate.ledger import Answer, read_rows
from workbench.evaluate.prompting import PromptMaker
from workbench.evaluate.results import ItemResult, RunResult
from workbench.evaluate.retrieval import read_passages
from workbench.evaluate.runner import Progress, run
from workbench.evaluate.scorers import bind_scorer
from workbench.evaluate.task import TaskSpec, load_items
from workbench.evaluate.throughput import Sharing
from workbench.workflow.context import Context
from workbench.workflow.prepare import keep_bytes
from workbench.workflow.prices import price_book
from workbench.workflow.project import Project
from workbench.workflow.spend import call_cost

if TYPE_CHECKING:
    from openai import AsyncOpenAI

    from workbench.providers.profiles import Profile
    from workbench.workflow.reproduce import Siblings


@dataclass(frozen=True)
class ChatAnswerer:
    """A model of a profile as the runner sees it."""

    client: AsyncOpenAI
    profile: Profile
    model: str
    identity: str
    """Model content, host and precision: what a cached answer is keyed by."""
    sharing: Sharing
    """The calls of all candidates of this profile."""
    prices: PriceBook

    def costs_at_most(self, messages: Sequence[Mapping[str, Any]], max_tokens: int) -> float | None:
        """What such a call can cost; 0 on one's own machine, None where no price is known."""
        if self.profile.kind == "local":
            return 0.0
        return call_cost(self.profile, self.model, most_prompt_tokens(messages), max_tokens, prices=self.prices).value

    async def __call__(
        self, messages: Sequence[Mapping[str, Any]], *, max_tokens: int, temperature: float, seed: int
    ) -> Answer:
        from workbench.providers.chat import complete

        with self.sharing.call(self.model) as call:
            # The runner waits and tries again itself, so that no latency holds a pause and a limit is seen.
            reply = await complete(
                self.client.with_options(max_retries=0),
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
            cost=call_cost(
                self.profile,
                self.model,
                reply.prompt_tokens,
                reply.completion_tokens,
                cached_tokens=reply.cached_tokens,
                prices=self.prices,
            ).value,
            fingerprint=reply.fingerprint,
            cached_tokens=reply.cached_tokens,
            busy_s=call.busy_s,
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
    siblings: Sequence[Siblings] = (),
    progress: Callable[[Progress], None] = lambda _: None,
    fetching: Callable[[Mapping[str, Any]], None] = lambda _: None,
) -> RunResult:
    """Measure candidates on the task's test set, the trivial ones added, and record the run.

    A `run_id` that exists already is resumed: items that were answered are not asked again. What can be refused is
    refused before an engine is started, or `starter` fetched, which `fetching` hears of. `siblings` (see
    `reproduce.train_seeds`) are measured along to show the variation between training seeds.
    """
    spec, wanted = await _wanted(context, project, candidates, task, limit, siblings)
    await asyncio.to_thread(keep_bytes, context, Path(str(spec.test)))
    name = run_id or new_run_id()
    run_dir = context.home / "projects" / project.slug / "runs" / name
    async with AsyncExitStack() as stack:
        answerers = await _answerers(context, stack, wanted, fetching)
        result = await run(
            spec,
            wanted,
            answerers,
            run_dir=run_dir,
            cache_dir=context.cache / "answers",
            concurrency={
                one.profile: context.profile(one.profile).concurrency or CONCURRENCY
                for one in wanted
                if not one.is_trivial
            },
            limit=limit,
            repeat=repeat,
            seeds=[family.seeds for family in siblings],
            progress=progress,
        )
    context.store.update(f"projects/{project.slug}/runs/{name}/run.toml", RunResult, lambda _: result)
    return result


@dataclass(frozen=True)
class RunQuote:
    """What a run would ask of providers, and what that can cost."""

    calls: int
    """Those that no earlier run has an answer to; calls to one's own machine are not counted."""
    cost: Figure
    """At most: every prompt reckoned high, every answer as long as it may be."""
    needs_yes: bool
    """True where it can cost money."""


async def quote_run(
    context: Context,
    project: Project,
    candidates: Sequence[str],
    *,
    task: TaskSpec | None = None,
    limit: int | None = None,
    repeat: int = 1,
    run_id: str | None = None,
    siblings: Sequence[Siblings] = (),
) -> RunQuote:
    """The price of a run before it starts. Asks providers for their models only, and starts no engine."""
    spec, wanted = await _wanted(context, project, candidates, task, limit, siblings)
    hosted = [one for one in wanted if not one.is_trivial and context.profile(one.profile).kind != "local"]
    if not hosted:
        return RunQuote(0, Figure.not_measured("USD", "your own machine: no provider's price"), False)
    bench = await set_up(spec, hosted, limit)
    async with AsyncExitStack() as stack:
        answerers = await _answerers(context, stack, hosted, lambda _: None)
        run_dir = context.home / "projects" / project.slug / "runs" / (run_id or "none yet")
        found = await outlook(bench, answerers, run_dir=run_dir, cache_dir=context.cache / "answers", repeat=repeat)
    if found.cost is None:
        figure = Figure.not_measured("USD", f"no price is known for {', '.join(found.unpriced)}")
    else:
        source = f"at most: {found.calls:,} calls, prompts reckoned high, answers of {spec.max_tokens:,} tokens"
        figure = Figure.estimated(found.cost, "USD", source)
    return RunQuote(found.calls, figure, found.calls > 0)


async def _wanted(
    context: Context,
    project: Project,
    candidates: Sequence[str],
    task: TaskSpec | None,
    limit: int | None,
    siblings: Sequence[Siblings],
) -> tuple[TaskSpec, list[Candidate]]:
    """The task and the candidates of a run, refused early where something is wrong with them."""
    spec = task or project.task
    if not spec.test:
        raise WorkbenchError(
            f"project {project.slug!r}",
            "has no test set",
            "give one with --test FILE, or set it in project.toml",
            code="no_test_set",
        )
    apart = [text for family in siblings for text in family.seeds]
    wanted = [parse_candidate(text) for text in dict.fromkeys([*candidates, *apart])]
    await asyncio.to_thread(_refuse_early, context, spec, wanted, limit)
    return spec, wanted


def list_runs(context: Context, project: Project) -> list[RunResult]:
    """The project's finished runs, newest first."""
    folder = context.home / "projects" / project.slug / "runs"
    paths = sorted(folder.glob("*/run.toml"), reverse=True)
    runs = [context.store.read(str(path.relative_to(context.home)), RunResult) for path in paths]
    return sorted(runs, key=lambda result: result.created_at, reverse=True)


def run_items(context: Context, project: Project, run_id: str) -> list[ItemResult]:
    """Every answer of a run, item by item."""
    return read_rows(context.home / "projects" / project.slug / "runs" / run_id)


def _refuse_early(context: Context, spec: TaskSpec, candidates: Sequence[Candidate], limit: int | None) -> None:
    """Raise what `run` would raise once an engine runs: a bad file, scorer or technique, a profile that is no use."""
    if not candidates and not spec.train:
        raise WorkbenchError(
            "the run", "has nothing to measure", "name a model with --candidate", code="no_candidate", exit_code=2
        )
    for side in ("test", "train", "docs"):
        try:
            (getattr(spec, side) or "").encode()
        except UnicodeEncodeError:
            place, hint = repr(getattr(spec, side)), "rename it: a run records the names of its files"
            raise WorkbenchError(place, "is a name that is not valid Unicode", hint, code="not_unicode") from None
    for candidate in candidates:
        if not candidate.is_trivial:
            context.complete_profile(candidate.profile)
    bind_scorer(
        spec.scorer, spec.scorer_args, [item.reference for item in load_items(spec.test or "", spec.system, limit)]
    )
    if any(candidate.techniques for candidate in candidates):
        train = load_items(spec.train) if spec.train else []
        maker = PromptMaker(train=train, passages=read_passages(spec.docs) if spec.docs else (), prompts=spec.prompts)
        for candidate in candidates:
            maker.check(candidate)


async def _answerers(
    context: Context,
    stack: AsyncExitStack,
    candidates: Sequence[Candidate],
    fetching: Callable[[Mapping[str, Any]], None],
) -> dict[str, Answerer]:
    """One answerer a candidate; one client a profile, closed with the stack."""
    clients: dict[str, AsyncOpenAI] = {}
    sharing: dict[str, Sharing] = {}
    identities: dict[tuple[str, str], str] = {}
    prices = price_book(context)
    answerers: dict[str, Answerer] = {}
    for candidate in candidates:
        if candidate.is_trivial:
            continue
        if candidate.profile not in clients:
            clients[candidate.profile] = await stack.enter_async_context(await context.client(candidate.profile))
        client = clients[candidate.profile]
        key = (candidate.profile, candidate.model)
        if key not in identities:
            identities[key] = await identity_of(context, client, *key, fetching)
        answerers[candidate.text] = ChatAnswerer(
            client=client,
            profile=context.profile(candidate.profile),
            model=candidate.model,
            identity=identities[key],
            sharing=sharing.setdefault(candidate.profile, Sharing()),
            prices=prices,
        )
    return answerers


async def identity_of(
    context: Context,
    client: AsyncOpenAI,
    profile: str,
    model: str,
    fetching: Callable[[Mapping[str, Any]], None] = lambda _: None,
) -> str:
    """What answers under this name: content, host and precision where the server tells them, else id and date."""
    from workbench.providers.models import list_models

    if context.profile(profile).kind == "local":
        await ensure_model(context, model, fetching)
        return await _local_identity(context, model)
    for known in await list_models(client, context.profile(profile)):
        if known.id == model and known.sha256:
            return f"{known.sha256}/{known.host}/{known.precision}"
    return f"{profile}/{model}@{date.today().isoformat()}"


async def _local_identity(context: Context, model: str) -> str:
    """By any name that a chat takes, also a folder or a checkpoint, which no list holds."""
    from workbench.providers.engine_errors import EngineError

    try:
        known = (await context.engine.call("GET", f"/v1/models/{quote(model, safe='')}"))["ftwb"]
    except EngineError as error:
        if error.code != "model_not_found":
            raise
        raise WorkbenchError(
            f"local/{model}",
            "is not a model here",
            "see `ftwb model list`, or fetch one with `ftwb model pull`",
            code="unknown_model",
        ) from error
    return f"{known['sha256']}/{known['host']}/{known['precision']}"


async def ensure_model(
    context: Context, model: str, progress: Callable[[Mapping[str, Any]], None] = lambda _: None
) -> None:
    """Fetch `starter` on first need; other names must be there already."""
    if model != "starter":
        return
    async for line in context.engine.stream_call("POST", "pull", {"model": model}):
        progress(line)
