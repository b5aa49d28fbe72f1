"""Azure deployments with what they cost by the hour, what they have cost so far, and when they end by themselves."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ConfigDict

from workbench.catalog.encodings import is_tuned
from workbench.catalog.figure import Figure, Origin
from workbench.decide.cost import HOURS_PER_MONTH
from workbench.errors import WorkbenchError
from workbench.providers.arm import Arm, Deployment, az_command, connect_arm, create_body
from workbench.providers.profiles import Profile
from workbench.workflow.context import Context
from workbench.workflow.prices import price_book

DEVELOPER_HOURS = 24
"""After so long Azure deletes a deployment of the developer tier."""
IDLE_DAYS = 15
"""After so long without a call Azure deletes any deployment of a tuned model; the model is kept."""
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


class Hosted(BaseModel):
    """A deployment with its meter."""

    model_config = ConfigDict(frozen=True)

    name: str
    model: str
    status: str
    tier: str
    capacity: int | None
    created_at: int | None
    age_s: float | None
    """Seconds since it was made."""
    cost_per_month: Figure
    """Of hosting alone; tokens come on top."""
    cost_so_far: Figure
    expires: str | None
    """When it ends by itself, a sentence."""
    profile: str


@dataclass(frozen=True, slots=True)
class Meter:
    """What deployments cost together, of those whose price is known."""

    per_hour: Figure
    per_month: Figure
    so_far: Figure


def azure_profiles(context: Context) -> list[str]:
    """Names of the profiles that can have deployments: Azure's that name their resource, or play a recording."""
    return [
        name
        for name, profile in sorted(context.profiles().items())
        if profile.kind == "azure" and (profile.resource_id or profile.replay)
    ]


async def list_deployments(context: Context, name: str, *, now: float | None = None) -> list[Hosted]:
    """All deployments of a profile's resource."""
    profile = context.profile(name)
    async with _connected(context, profile) as arm:
        found = await arm.deployments()
    return [hosted(context, profile, one, now) for one in found]


def hosting(context: Context, profile: Profile, model: str, tier: str) -> Figure:
    """What a deployment of the model costs by the month, whether anybody asks it or not."""
    if not _is_made(model):
        return Figure.not_measured("USD per month", "a base model is billed by the token (or by its units)")
    hour = price_book(context).price(model, "hosting_hour", provider="azure", tier=tier, profile=profile.name)
    if hour.value is None:
        return Figure.not_measured("USD per month", hour.source)
    source = f"{hour.value:g} USD an hour x {HOURS_PER_MONTH} ({hour.source})"
    month = Figure.estimated(hour.value * HOURS_PER_MONTH, "USD per month", source, hour.as_of)
    return month.replayed if profile.replay else month


def hosted(context: Context, profile: Profile, one: Deployment, now: float | None = None) -> Hosted:
    """One deployment with its meter as it stands now."""
    came_up = not one.ended or one.status.lower() == "succeeded"
    nothing = Figure.not_measured("USD per month", "it did not come up, so nothing is hosted")
    month = hosting(context, profile, one.model, one.tier) if came_up else nothing
    unknown = Figure.not_measured("USD", "its age is not known")
    found = Hosted(
        name=one.name, model=one.model, status=one.status, tier=one.tier, capacity=one.capacity,
        created_at=one.created_at, age_s=None, cost_per_month=month, cost_so_far=unknown, expires=None,
        profile=profile.name,
    )  # fmt: skip
    return metered(found, now)


def metered(one: Hosted, now: float | None = None) -> Hosted:
    """The same deployment with its meter read again; nobody is asked."""
    at = time.time() if now is None else now
    age = max(0.0, at - one.created_at) if one.created_at else None
    month = one.cost_per_month
    if month.value is None or age is None:
        so_far = Figure.not_measured("USD", month.source if month.value is None else "its age is not known")
    else:
        spent = month.value / HOURS_PER_MONTH * age / 3600
        so_far = Figure.estimated(spent, "USD", f"{age / 3600:,.1f} hours of hosting", month.as_of)
    if month.origin is Origin.RECORDED:
        so_far = so_far.replayed
    expires = _expires(one, age, at)
    return one.model_copy(update={"age_s": age, "cost_so_far": so_far, "expires": expires})


def meter(found: Sequence[Hosted]) -> Meter:
    """What they cost by the hour and by the month, and have cost so far."""
    priced = [one for one in found if one.cost_per_month.value is not None]
    if not priced:
        nothing = "nothing here has a price by the hour"
        return Meter(*(Figure.not_measured(unit, nothing) for unit in ("USD per hour", "USD per month", "USD")))
    source = f"hosting of {len(priced)} of {len(found)} deployments"
    month = sum(one.cost_per_month.value or 0.0 for one in priced)
    spent = sum(one.cost_so_far.value or 0.0 for one in priced)
    amounts = ((month / HOURS_PER_MONTH, "USD per hour"), (month, "USD per month"), (spent, "USD"))
    recorded = any(one.cost_per_month.origin is Origin.RECORDED for one in priced)
    figures = [Figure.estimated(value, unit, source) for value, unit in amounts]
    return Meter(*(figure.replayed if recorded else figure for figure in figures))


async def create_deployment(
    context: Context,
    name: str,
    model: str,
    deployment: str,
    *,
    tier: str = "global",
    capacity: int = 10,
    source: str | None = None,
    wait: bool = True,
    progress: Callable[[str], None] = lambda _: None,
) -> Hosted:
    """Make a deployment of a tuned model or checkpoint, and wait until it has come up.

    Raises `WorkbenchError`: one of that name is there already, Azure refuses, or it came up `Failed`.
    """
    profile = context.profile(name)
    body = planned(model, deployment, tier, capacity, source)
    async with _connected(context, profile) as arm:
        if (there := await arm.deployment(deployment)) is not None:
            raise WorkbenchError(
                f"deployment {deployment}",
                f"is there already, with {there.model}",
                "choose another name, or delete it with `ftwb deployment delete`",
                code="exists",
            )
        made = await arm.create(deployment, body)
        if wait:
            made = await arm.wait(made, each=lambda now: progress(f"{now.name}: {now.status}"))
    if made.ended and made.status.lower() != "succeeded":
        raise WorkbenchError(
            f"deployment {deployment}", f"ended {made.status}", "its resource's activity log says why", code="failed"
        )
    return hosted(context, profile, made)


async def delete_deployment(context: Context, name: str, deployment: str) -> None:
    """Delete a deployment; its model is kept and can be deployed again. Raises where there is none."""
    async with _connected(context, context.profile(name)) as arm:
        if await arm.deployment(deployment) is None:
            raise WorkbenchError(
                f"deployment {deployment!r}", "does not exist", "see `ftwb deployment list`", code="not_found"
            )
        await arm.delete(deployment)


def _connected(context: Context, profile: Profile) -> AbstractAsyncContextManager[Arm]:
    return connect_arm(profile, context.environ, replay_state=context.replay_state(profile.name))


def planned(model: str, deployment: str, tier: str, capacity: int, source: str | None = None) -> dict[str, Any]:
    """The body that would be sent. Raises WorkbenchError for a name that Azure does not take."""
    if not _NAME.fullmatch(deployment):
        hint = "use letters, digits, dots, dashes and underscores, 64 at most"
        raise WorkbenchError(f"deployment {deployment!r}", "is no name for one", hint, code="usage", exit_code=2)
    return create_body(model, tier, capacity, source)


def same_by_az(context: Context, name: str, action: str, deployment: str | None = None, body: Any = None) -> str:
    """The `az` command that does the same."""
    return az_command(context.profile(name), action, deployment, body)


def _is_made(model: str) -> bool:
    """A tuned model or a checkpoint of one, whose deployments cost by the hour and are deleted when nobody calls."""
    return is_tuned(model) or model.startswith("ftchkpt-")


def ends_soon(one: Hosted) -> bool:
    """It ends by itself within a day."""
    return one.tier == "developer" and one.expires is not None


def _expires(one: Hosted, age_s: float | None, now: float) -> str | None:
    if one.status.lower() in ("failed", "canceled", "cancelled"):
        return None
    if one.tier == "developer":
        if age_s is None:
            return f"Azure deletes it {DEVELOPER_HOURS} hours after it was made"
        left = DEVELOPER_HOURS - age_s / 3600
        return f"Azure deletes it in {left:.0f} hours" if left > 0 else "Azure deletes it any moment"
    if not _is_made(one.model):
        return None
    rule = f"Azure deletes it after {IDLE_DAYS} days without a call"
    left_s = IDLE_DAYS * 86_400 - (age_s or 0.0)
    if age_s is None or left_s <= 0:
        return f"{rule}; call it now and then"
    return f"{rule}: on {time.strftime('%Y-%m-%d', time.localtime(now + left_s))} if it is never called"
