"""What a job would cost, take and be warned of, before it exists."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from workbench.catalog.figure import Figure
from workbench.workflow.context import Context
from workbench.workflow.train import refuse_early

if TYPE_CHECKING:
    from workbench.providers.profiles import Profile
    from workbench.providers.request import JobRequest
    from workbench.workflow.eligibility import Eligibility


@dataclass(frozen=True)
class Quote:
    """What a job would cost and use, before it is created."""

    cost: Figure
    hosting: Figure | None
    """What the model costs an hour once it is deployed, asked or not; None where nothing is deployed."""
    memory: Figure
    seconds: Figure
    warnings: tuple[str, ...]
    """What would endanger it, or speaks against it, the worst first."""
    needs_yes: bool
    """True where it can cost money."""
    eligibility: Eligibility
    """What was looked up before."""


async def quote_job(context: Context, request: JobRequest) -> Quote:
    """Price, memory and time of a job before it exists, with what would endanger it."""
    from workbench.workflow.doctor import dangers_to_detached_jobs
    from workbench.workflow.eligibility import eligibility

    profile = context.profile(request.profile)
    refuse_early(request, profile)
    looked_up = await eligibility(context, request)
    if profile.kind == "local":
        estimate = await _local_estimate(context, request)
        warnings = [str(danger) for danger in dangers_to_detached_jobs(context.environ)]
        if not estimate.get("fits", True):
            warnings.insert(
                0, "needs more memory than is free: the job may be killed; a smaller batch or max_length helps"
            )
        return Quote(
            cost=Figure.not_measured("USD", "your own machine: no provider's price"),
            hosting=None,
            memory=Figure.model_validate(estimate["memory"]),
            seconds=Figure.model_validate(estimate["seconds"]),
            warnings=(*warnings, *looked_up.warnings),
            needs_yes=False,
            eligibility=looked_up,
        )
    cost = _hosted_price(context, request, profile)
    return Quote(
        cost=cost.replayed if profile.replay else cost,
        hosting=_hosting(context, request, profile),
        memory=Figure.not_measured("bytes", "trained at the provider"),
        seconds=Figure.not_measured("s", "the provider gives no estimate beforehand"),
        warnings=looked_up.warnings,
        needs_yes=profile.replay is None,
        eligibility=looked_up,
    )


async def _local_estimate(context: Context, request: JobRequest) -> dict[str, Any]:
    from workbench.dataset.rows import open_rows

    def measured() -> tuple[int, int]:
        with open_rows(request.training_file) as rows:
            return len(rows), rows.size

    records, size = await asyncio.to_thread(measured)
    # Four bytes a token is the usual rule for English text; the engine counts exactly when it prepares the job.
    mean_tokens = max(1, size // 4 // max(1, records))
    body = {
        "model": request.model,
        "n_records": records,
        "mean_tokens": mean_tokens,
        "max_tokens": mean_tokens * 4,
        "settings": request.settings,
    }
    estimate: dict[str, Any] = await context.engine.call("POST", "estimate", body)
    return estimate


def _hosted_price(context: Context, request: JobRequest, profile: Profile) -> Figure:
    from workbench.workflow.eligibility import price_tier
    from workbench.workflow.prepare import dataset_stats
    from workbench.workflow.prices import price_book

    prices = price_book(context)
    tier = price_tier(profile, request.settings)
    if tier is None and (asked := request.settings.get("trainingType")):
        return Figure.not_measured("USD", f"no price is known for the tier {asked}")
    per_million = prices.price(request.model, "training", provider=profile.kind, tier=tier, profile=request.profile)
    if per_million.value is None:
        return Figure.not_measured("USD", per_million.source)
    epochs = request.settings.get("n_epochs")
    counted = dataset_stats(
        context, request.training_file, model=request.model, n_epochs=epochs if isinstance(epochs, int) else None
    )
    tokens = counted.billable_tokens
    source = f"{tokens:,} tokens x {per_million.value:g} {per_million.unit}, {per_million.source}"
    return Figure.estimated(tokens / 1e6 * per_million.value, "USD", source, per_million.as_of)


def _hosting(context: Context, request: JobRequest, profile: Profile) -> Figure | None:
    from workbench.workflow.prices import price_book

    if not profile.capabilities.deployments:
        return None
    hour = price_book(context).price(request.model, "hosting_hour", provider=profile.kind, profile=request.profile)
    return hour.replayed if profile.replay and hour.value is not None else hour
