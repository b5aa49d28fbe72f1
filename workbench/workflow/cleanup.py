"""What lingers at providers and what it costs by the month; only what is named is deleted."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Literal

from pydantic import BaseModel, ConfigDict

from workbench.catalog.figure import Figure, Origin
from workbench.errors import WorkbenchError
from workbench.providers.profiles import Profile, missing
from workbench.workflow.context import Context
from workbench.workflow.deployments import Hosted, azure_profiles, list_deployments, same_by_az

Kind = Literal["deployment", "model", "file"]


class Lingering(BaseModel):
    """A tuned model or a file at a provider."""

    model_config = ConfigDict(frozen=True)

    id: str
    profile: str
    kind: Kind
    about: str
    """A file's name and purpose, a model's base."""
    size: int | None = None
    """Bytes."""
    age_s: float | None = None
    cost_per_month: Figure
    used_by: str | None = None
    """What would break without it: a running job, a deployment."""


class Leftovers(BaseModel):
    """Everything that was found, deployments first because they cost."""

    model_config = ConfigDict(frozen=True)

    deployments: tuple[Hosted, ...] = ()
    models: tuple[Lingering, ...] = ()
    files: tuple[Lingering, ...] = ()
    notes: tuple[str, ...] = ()
    """What could not be asked."""

    @property
    def cost_per_month(self) -> Figure:
        """Of all hosting whose price is known."""
        known = [one.cost_per_month.value for one in self.deployments if one.cost_per_month.value is not None]
        if not known:
            return Figure.not_measured("USD per month", "nothing here has a price by the month")
        total = Figure.estimated(sum(known), "USD per month", f"hosting of {len(known)} deployments")
        recorded = any(one.cost_per_month.origin is Origin.RECORDED for one in self.deployments)
        return total.replayed if recorded else total


async def leftovers(
    context: Context,
    names: Sequence[str] = (),
    *,
    now: float | None = None,
    told: Callable[[Leftovers], None] = lambda _: None,
) -> Leftovers:
    """What the profiles hold: those named, else every hosted one that can be asked; `told` after each profile.

    Azure's resource manager is asked with a key of its own: a profile that names its resource has deployments to show
    also while its key is not set.
    """
    deploying = set(azure_profiles(context))
    chosen = [context.complete_profile(name) for name in names] or [
        profile
        for profile in context.profiles().values()
        if profile.kind != "local" and (profile.name in deploying or not missing(profile, context.environ))
    ]
    found, at = Leftovers(), time.time() if now is None else now
    for profile in chosen:
        one = await _of_profile(context, profile, at)
        found = Leftovers(
            deployments=found.deployments + one.deployments,
            models=found.models + one.models,
            files=found.files + one.files,
            notes=found.notes + one.notes,
        )
        told(found)
    return found


def named(found: Leftovers, ids: Sequence[str]) -> list[tuple[str, Kind, str]]:
    """(profile, kind, id) of everything that is to be deleted. Raises where one is not there, means two, or is used."""
    everything: list[tuple[str, Kind, str, str | None]] = [
        *((one.profile, "deployment", one.name, None) for one in found.deployments),
        *((one.profile, one.kind, one.id, one.used_by) for one in (*found.models, *found.files)),
    ]
    chosen: list[tuple[str, Kind, str]] = []
    for wanted in dict.fromkeys(ids):
        hits = [one for one in everything if one[2] == wanted]
        if not hits:
            raise WorkbenchError(repr(wanted), "is not among what was found", "see `ftwb cleanup`", code="not_found")
        if len(hits) > 1:
            where = ", ".join(f"{kind} of {profile}" for profile, kind, _, _ in hits)
            raise WorkbenchError(
                repr(wanted), f"is several things ({where})", "name one with --profile", code="several"
            )
        chosen.append(hits[0][:3])
    return deletable(found, chosen)


def deletable(found: Leftovers, chosen: Sequence[tuple[str, Kind, str]]) -> list[tuple[str, Kind, str]]:
    """What was chosen in the order in which it can go. Raises where one is used by what stays."""
    stays = [one for one in found.deployments if (one.profile, "deployment", one.name) not in chosen]
    used = {(one.profile, one.kind, one.id): one.used_by for one in found.files}
    used |= {(one.profile, "model", one.model): f"deployment {one.name}" for one in stays}
    for profile, kind, name in chosen:
        if user := used.get((profile, kind, name)):
            raise WorkbenchError(f"{kind} {name}", f"is used by {user}", "end that first", code="in_use")
    order = {"deployment": 0, "model": 1, "file": 2}
    return sorted(chosen, key=lambda one: order[one[1]])


def deleted_by_az(context: Context, chosen: Sequence[tuple[str, Kind, str]]) -> list[str]:
    """The `az` commands that do the same, of what is Azure's."""
    from workbench.providers.az_commands import deletion

    commands: list[str] = []
    for profile_name, kind, name in chosen:
        profile = context.profile(profile_name)
        if profile.kind != "azure":
            continue
        if kind == "deployment":
            commands.append(same_by_az(context, profile_name, "delete", name))
        else:
            commands.append(deletion(profile, kind, name, context.environ))
    return commands


async def delete(
    context: Context, chosen: Sequence[tuple[str, Kind, str]], *, done: Callable[[str], None] = lambda _: None
) -> None:
    """Delete what was chosen, one after the other, telling each; the first refusal ends it."""
    from workbench.providers.models import delete_model
    from workbench.providers.stored import delete_file
    from workbench.workflow.deployments import delete_deployment

    for name, kind, what in chosen:
        if kind == "deployment":
            await delete_deployment(context, name, what)
        else:
            async with await context.client(name) as client:
                await (delete_model if kind == "model" else delete_file)(client, context.profile(name), what)
        done(what)


async def _of_profile(context: Context, profile: Profile, now: float) -> Leftovers:
    from workbench.providers.jobs import list_jobs
    from workbench.providers.models import list_models
    from workbench.providers.stored import list_files

    notes: list[str] = []
    deployments: list[Hosted] = []
    if profile.kind == "azure":
        try:
            deployments = await list_deployments(context, profile.name, now=now)
        except WorkbenchError as error:
            notes.append(f"deployments of {profile.name} are not known: {error.message}; {error.hint}")
    served: dict[str, str] = {}
    for one in deployments:
        served[one.model] = f"{served[one.model]}, {one.name}" if one.model in served else f"deployment {one.name}"
    if lacking := missing(profile, context.environ):
        notes.append(f"models and files of {profile.name} are not known: {lacking}")
        return Leftovers(deployments=tuple(deployments), notes=tuple(notes))
    free = Figure.not_measured("USD per month", "no provider publishes a price for storing it")
    models: list[Lingering] = []
    files: list[Lingering] = []
    async with await context.client(profile.name) as client:
        try:
            for model in await list_models(client, profile):
                if model.kind == "tuned":
                    models.append(
                        Lingering(
                            id=model.id, profile=profile.name, kind="model", about=model.base or "",
                            age_s=_age(model.created, now), cost_per_month=free, used_by=served.get(model.id),
                        )
                    )  # fmt: skip
        except WorkbenchError as error:
            notes.append(error.message)
        try:
            running: dict[str, str] = {}
            for job in await list_jobs(client, profile):
                if not job.ended:
                    running |= {file: f"job {job.id}" for file in (job.training_file, job.validation_file) if file}
            for file in await list_files(client, profile):
                files.append(
                    Lingering(
                        id=file.id, profile=profile.name, kind="file", about=f"{file.name} ({file.purpose})",
                        size=file.size, age_s=_age(file.created_at, now), cost_per_month=free,
                        used_by=running.get(file.id),
                    )
                )  # fmt: skip
        except WorkbenchError as error:
            notes.append(error.message)
    return Leftovers(deployments=tuple(deployments), models=tuple(models), files=tuple(files), notes=tuple(notes))


def _age(created: int | None, now: float) -> float | None:
    return max(0.0, now - created) if created else None
