"""A bulk rewrite by a model of any profile: the price first, then the answers, then one step of a recipe."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workbench.catalog.figure import Figure
from workbench.catalog.prices import price
from workbench.dataset.formats import Format, detect
from workbench.dataset.recipe.build import entries_of, source_of
from workbench.dataset.recipe.document import write_recipe
from workbench.dataset.recipe.entry import Shelf
from workbench.dataset.recipe.record import recipe_of
from workbench.dataset.recipe.rewrite import Failure, Request, requests_for, rewrite, tokens_of
from workbench.dataset.recipe.steps.rewrite import Rewrite
from workbench.dataset.rows import open_rows
from workbench.errors import WorkbenchError
from workbench.evaluate.asking import CONCURRENCY
from workbench.workflow.answering import ensure_model
from workbench.workflow.context import Context
from workbench.workflow.prepare import counter_of
from workbench.workflow.recipe import services_of
from workbench.workflow.spend import PER


@dataclass(frozen=True, slots=True)
class RewritePlan:
    """What a rewrite would ask, and about what it would cost. Nothing was asked yet."""

    profile: str
    model: str
    prompt: str
    role: str
    requests: tuple[Request, ...]
    records: int
    """Different records with something to rewrite."""
    prompt_tokens: Figure
    completion_tokens: Figure
    """If every answer is as long as what it replaces."""
    cost: Figure


@dataclass(frozen=True, slots=True)
class Rewrote:
    """What the model made of it."""

    step: dict[str, Any]
    """The step of the recipe, with all answers: preview it, then it is one undo step."""
    failures: tuple[Failure, ...]
    """Texts that stay as they are, and why."""
    prompt_tokens: int | None
    completion_tokens: int | None
    """As the provider counted; None where it did not."""


def plan_rewrite(
    context: Context,
    records: Iterable[tuple[int, bytes]],
    fmt: Format,
    *,
    profile: str,
    model: str,
    prompt: str,
    role: str = "assistant",
) -> RewritePlan:
    """What would be asked about these records (key, bytes), and an estimate of its price; starts and asks nothing.

    Raises WorkbenchError for an unknown or unconfigured profile, and where there is nothing to rewrite.
    """
    known = context.complete_profile(profile)
    if not prompt.strip():
        raise WorkbenchError("the prompt", "is empty", "say what to do with each text", code="usage", exit_code=2)
    requests = tuple(requests_for(records, fmt, prompt, role))
    if not requests:
        raise WorkbenchError(
            "the rewrite",
            f"finds no text of the role {role!r}",
            "choose another role, or other records",
            code="nothing",
        )
    counter = counter_of(context, model)
    prompts, answers = tokens_of(requests, counter)
    source = f"{counter.name}{'' if counter.exact else ', not known to be the model’s'}"
    return RewritePlan(
        profile=profile,
        model=model,
        prompt=prompt,
        role=role,
        requests=requests,
        records=len({request.record for request in requests}),
        prompt_tokens=Figure.estimated(prompts, "tokens", source),
        completion_tokens=Figure.estimated(answers, "tokens", f"{source}; answers as long as what they replace"),
        cost=_cost(known.kind, model, prompts, answers),
    )


def _cost(kind: str, model: str, prompts: int, answers: int) -> Figure:
    """Estimated tokens times the catalogue's prices; not measured for one's own machine and without a price."""
    if kind == "local":
        return Figure.not_measured("USD", "your own machine: no provider's price")
    told, said = price(model, "input", provider=kind), price(model, "output", provider=kind)
    if told.value is None or said.value is None:
        return Figure.not_measured("USD", (told if told.value is None else said).source)
    dollars = (prompts * told.value + answers * said.value) / PER
    return Figure.estimated(dollars, "USD", f"estimated tokens x {told.source}", told.as_of)


async def run_rewrite(
    context: Context,
    plan: RewritePlan,
    *,
    progress: Callable[[int, int, int], None] = lambda done, total, failed: None,
    fetching: Callable[[Mapping[str, Any]], None] = lambda _: None,
) -> Rewrote:
    """Ask the model; `progress` gets texts done, in all, and failed; `fetching` hears of a model being fetched.

    An answer that was cut off at its limit counts as failed. Raises what the provider said where the first calls all
    fail. Cancelling leaves the records as they were.
    """
    from workbench.providers.chat import complete

    profile = context.complete_profile(plan.profile)
    counts: list[tuple[int | None, int | None]] = []
    async with await context.client(plan.profile) as client:
        if profile.kind == "local":
            await ensure_model(context, plan.model, fetching)

        async def ask(messages: Sequence[Mapping[str, Any]]) -> str:
            # The provider's own temperature: reasoning models refuse any other, and the answers are kept anyway.
            reply = await complete(client, plan.model, messages, temperature=None, profile=profile)
            counts.append((reply.prompt_tokens, reply.completion_tokens))
            if reply.finish_reason == "length":
                raise WorkbenchError("the answer", "was cut off at its limit", "shorten the text, or its prompt")
            return reply.text

        outcome = await rewrite(plan.requests, ask, concurrency=profile.concurrency or CONCURRENCY, progress=progress)
    step = Rewrite(
        prompt=plan.prompt, profile=plan.profile, model=plan.model, role=plan.role, rewritten=outcome.rewritten
    )
    prompts, answers = (_total([one[side] for one in counts]) for side in (0, 1))
    return Rewrote(step.recorded(), tuple(outcome.failures), prompts, answers)


def _total(counts: Sequence[int | None]) -> int | None:
    known = [count for count in counts if count is not None]
    return sum(known) if len(known) == len(counts) else None


def plan_file(
    context: Context, path: Path, *, profile: str, model: str, prompt: str, role: str = "assistant", where: str = ""
) -> RewritePlan:
    """The same about the records of a file, keyed by row; `where` is a filter that chooses among them."""
    with open_rows(path) as rows:
        fmt = detect(rows.sample()).format
        matches = None
        if where and (query := services_of(context).query) is not None:
            matches = query(where, fmt)
        chosen = (
            (entry.key or 0, entry.raw) for entry in entries_of(rows, Shelf()) if matches is None or matches(entry)
        )
        return plan_rewrite(context, chosen, fmt, profile=profile, model=model, prompt=prompt, role=role)


async def rewrite_file(
    context: Context,
    plan: RewritePlan,
    path: Path,
    recipe: Path,
    *,
    where: str = "",
    progress: Callable[[int, int, int], None] = lambda done, total, failed: None,
    fetching: Callable[[Mapping[str, Any]], None] = lambda _: None,
) -> Rewrote:
    """Ask the model, and keep its answers as a recipe of one step, to be built on `path` and on next month's file."""
    made_on = await asyncio.to_thread(source_of, path)
    done = await run_rewrite(context, plan, progress=progress, fetching=fetching)
    step = done.step | ({"where": where} if where else {})
    write_recipe(recipe_of([step], name=f"rewrite of {path.name}", made_on=made_on), recipe)
    return Rewrote(step, done.failures, done.prompt_tokens, done.completion_tokens)
