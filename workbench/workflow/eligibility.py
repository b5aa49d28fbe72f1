"""Whether a job can be had at all, looked up before anything is paid: dated facts, the provider's word, the data."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict

from workbench.catalog.encodings import base_name
from workbench.catalog.limits import example_tokens
from workbench.catalog.models import Lifecycle, lifecycle, lifecycles
from workbench.errors import WorkbenchError
from workbench.workflow.context import Context

if TYPE_CHECKING:
    from workbench.dataset.formats import Format
    from workbench.providers.profiles import Profile
    from workbench.providers.request import JobRequest

Standing = Literal["yes", "no", "unknown", "note"]
_CATALOGUE_METHODS = {"reinforcement": "rft"}
"""The catalogue's names for what the API calls otherwise."""
_AZURE_TIERS = {"standard": "regional", "globalstandard": "global", "developertier": "developer"}
"""Azure's `trainingType` in small letters, and the tier that its price stands under."""
_AZURE_DEFAULT = "standard"
"""What Azure takes where no `trainingType` is given."""
_TIER_NAMES = {"Standard": "regional", "GlobalStandard": "global", "developerTier": "developer"}
"""The same as they are typed; that of the data zone is not published for the API."""
SOON_DAYS = 90
"""A model that stops answering within so many days is said to."""
LARGEST_CHECKED = 64 * 1024 * 1024
"""Bytes of training data that are looked through on the way to a quote; larger files are for `dataset check`."""


class Finding(BaseModel):
    """One thing that was looked up."""

    model_config = ConfigDict(frozen=True)

    check: str
    """`training`, `method`, `version`, `tier`, `region`, `context`, `retirement`, `account`, `model`, `data`."""
    standing: Standing
    """`no`: the job will be refused, or would be of no use. `note`: it is possible, and this is to be known."""
    text: str
    source: str | None = None
    as_of: str | None = None


class Eligibility(BaseModel):
    """Everything that was looked up for one job. The provider has the last word: nothing here refuses anything."""

    model_config = ConfigDict(frozen=True)

    findings: tuple[Finding, ...]

    @property
    def eligible(self) -> bool | None:
        """False where something speaks against it, None where what decides is not known."""
        standings = {finding.standing for finding in self.findings}
        return False if "no" in standings else None if "unknown" in standings else True

    @property
    def warnings(self) -> tuple[str, ...]:
        """What a person should read, the worst first."""
        order: dict[Standing, int] = {"no": 0, "unknown": 1, "note": 2}
        told = [finding for finding in self.findings if finding.standing != "yes"]
        return tuple(_sentence(one) for one in sorted(told, key=lambda one: order[one.standing]))


async def eligibility(context: Context, request: JobRequest, *, today: date | None = None) -> Eligibility:
    """Look everything up. The provider is asked with calls that only read; one that cannot be asked is a finding."""
    profile, day = context.profile(request.profile), today or date.today()
    found: list[Finding] = []
    if profile.kind != "local":
        found += _by_catalogue(profile, request, day)
        found += await _by_provider(context, profile, request, day)
    found += await asyncio.to_thread(_by_data, context, profile, request)
    return Eligibility(findings=tuple(found))


def price_tier(profile: Profile, settings: Mapping[str, Any], usual: str | None = None) -> str | None:
    """The tier whose training price holds: that of `trainingType`, else `usual`, else what Azure takes by itself.

    None where the profile has no tiers, or this one is not known.
    """
    if profile.kind != "azure":
        return None
    asked = str(settings.get("trainingType") or "").lower()
    return _AZURE_TIERS.get(asked) if asked else usual or _AZURE_TIERS[_AZURE_DEFAULT]


def _by_catalogue(profile: Profile, request: JobRequest, day: date) -> Iterator[Finding]:
    known = lifecycle(request.model, profile.kind) if profile.kind in ("openai", "azure") else None
    if known is None:
        text = f"{request.model} is not in the catalogue: whether it can still be tuned is not known"
        yield Finding(check="training", standing="unknown", text=text)
    else:
        told = {"source": known.source, "as_of": known.as_of.isoformat()}
        yield _training(known, request.model, day, told)
        yield from _method(known, request, told)
        if known.note:
            yield Finding(check="account", standing="note", text=known.note, **told)
        if known.tuned_retires:
            what = f"models tuned from {base_name(request.model)}"
            yield _retirement(what, "stop", known.tuned_retires, day, told)
    if profile.kind == "azure":
        yield from _version(request)
        yield from _tier(request, known)
    if request.method == "reinforcement":
        yield from _reinforcement(request)
    if longest := example_tokens(request.model):
        text = f"an example longer than {longest:,} tokens is cut, not refused"
        yield Finding(check="context", standing="yes", text=text)


def _training(known: Lifecycle, model: str, day: date, told: Mapping[str, str]) -> Finding:
    match known.trainable(day):
        case False:
            text = f"{model} takes no new training jobs"
            text += f" since {known.training_ends}" if known.training_ends else ""
            return Finding(check="training", standing="no", text=text, **told)
        case None:
            return Finding(
                check="training", standing="yes", text=f"no end of training is published for {model}", **told
            )
    left = (known.training_ends - day).days if known.training_ends else 0
    text = f"{model} takes new training jobs until {known.training_ends} ({left} days)"
    return Finding(check="training", standing="note", text=text, **told)


def _method(known: Lifecycle, request: JobRequest, told: Mapping[str, str]) -> Iterator[Finding]:
    name = _CATALOGUE_METHODS.get(request.method, request.method)
    if known.methods and name not in known.methods:
        text = f"{request.model} is not offered for {name}, only for {', '.join(known.methods)}"
        yield Finding(check="method", standing="no", text=text, **told)


def _retirement(what: str, stop: str, retires: date, day: date, told: Mapping[str, str]) -> Finding:
    left = (retires - day).days
    if left <= 0:
        return Finding(check="retirement", standing="no", text=f"{what} stopped answering on {retires}", **told)
    text = f"{what} {stop} answering on {retires}, in {left} days"
    return Finding(check="retirement", standing="note", text=text, **told)


def _version(request: JobRequest) -> Iterator[Finding]:
    """Azure refuses a base model without its date by `invalidPayload`."""
    base = base_name(request.model).lower()
    names = {
        name for entry in lifecycles() if entry.provider == "azure" and base in entry.models for name in entry.models
    }
    dated = sorted(name for name in names if re.fullmatch(rf"{re.escape(base)}-\d{{4}}-\d{{2}}-\d{{2}}", name))
    if dated:
        text = f"Azure wants the model with its version: {', '.join(dated)}"
        yield Finding(check="version", standing="no", text=text)


def _tier(request: JobRequest, known: Lifecycle | None) -> Iterator[Finding]:
    """Which tiers a model is trained in at Azure, and where a resource must be for the one that stays there."""
    asked = str(request.settings.get("trainingType") or "")
    tier = _AZURE_TIERS.get(asked.lower() or _AZURE_DEFAULT)
    if tier is None:
        text = f"trainingType {asked!r} is not one of Standard, GlobalStandard, developerTier"
        yield Finding(check="tier", standing="unknown", text=text)
    if known is None or not known.tiers:
        return
    told = {"source": known.tiers_source, "as_of": known.tiers_as_of.isoformat() if known.tiers_as_of else None}
    offered = [name for name, tier in _TIER_NAMES.items() if tier in known.tiers]
    if tier is not None and tier not in known.tiers:
        text = f"{request.model} is not trained with trainingType={asked or 'Standard'}, only with {', '.join(offered)}"
        yield Finding(check="tier", standing="no", text=text, **told)
        return
    yield Finding(check="tier", standing="yes", text=f"{request.model} is trained with {', '.join(offered)}", **told)
    if tier == "regional" and known.regions:
        text = f"trainingType Standard trains where the resource is, and that must be {' or '.join(known.regions)}"
        yield Finding(check="region", standing="note", text=text, **told)


def _reinforcement(request: JobRequest) -> Iterator[Finding]:
    if not request.settings.get("grader"):
        yield Finding(check="method", standing="no", text="reinforcement needs a grader (--grader FILE)")
    if request.validation_file is None:
        yield Finding(check="method", standing="no", text="reinforcement needs a validation file")


async def _by_provider(context: Context, profile: Profile, request: JobRequest, day: date) -> list[Finding]:
    """What the provider itself says of the model and, at OpenAI, whether the account ever trained."""
    from workbench.providers.errors import ProviderError
    from workbench.providers.jobs import list_jobs
    from workbench.providers.models import describe_model

    try:
        async with await context.client(profile.name) as client:
            once = client.with_options(max_retries=0, timeout=15.0)
            jobs = await list_jobs(once, profile, limit=1) if profile.kind == "openai" else None
            raw = await describe_model(once, profile, request.model)
    except ProviderError as error:
        if error.status == 404:
            text = f"{profile.name} does not list the model {request.model}"
            return [Finding(check="model", standing="unknown", text=text, source=profile.name)]
        return [_not_asked(profile, error)]
    except WorkbenchError as error:
        return [_not_asked(profile, error)]
    found = list(_said_of_model(profile, request.model, raw, day))
    if jobs == []:
        text = "this account has no fine-tuning job, and OpenAI takes none from accounts that had none by 2026-05-07"
        text += " (it answers training_not_available)"
        found.append(Finding(check="account", standing="no", text=text, source=profile.name))
    return found


def _not_asked(profile: Profile, error: WorkbenchError) -> Finding:
    return Finding(check="model", standing="unknown", text=f"{profile.name} could not be asked ({error.message})")


def _said_of_model(profile: Profile, model: str, raw: Mapping[str, Any], day: date) -> Iterator[Finding]:
    """`shutdown_date` (OpenAI), `capabilities` and `deprecation` (Azure)."""
    told = {"source": f"{profile.name}, the model's own entry"}
    able = raw.get("capabilities")
    if isinstance(able, Mapping) and able.get("fine_tune") is False:
        yield Finding(check="training", standing="no", text=f"{model} cannot be fine-tuned here", **told)
    if raw.get("shutdown_date"):
        try:
            yield _retirement(model, "stops", date.fromisoformat(str(raw["shutdown_date"])), day, told)
        except ValueError:
            text = f"{model} has the shutdown date {raw['shutdown_date']}"
            yield Finding(check="retirement", standing="note", text=text, **told)
    table = raw.get("deprecation")
    for key, check, text in (("fine_tune", "training", "takes new jobs"), ("inference", "retirement", "answers")):
        at = table.get(key) if isinstance(table, Mapping) else None
        if isinstance(at, (int, float)) and not isinstance(at, bool) and at > 0:
            ends = datetime.fromtimestamp(at, tz=UTC).date()
            standing: Standing = "note" if ends > day else "no"
            until = f"{model} {text} until {ends}" if ends > day else f"{model} no longer {text}, since {ends}"
            yield Finding(check=check, standing=standing, text=until, **told)


def _by_data(context: Context, profile: Profile, request: JobRequest) -> list[Finding]:
    """The linter's word about both files, by the rules of this profile."""
    from workbench.workflow.prepare import check_dataset

    found = []
    for name, path in (("training file", request.training_file), ("validation file", request.validation_file)):
        if path is None:
            continue
        if path.stat().st_size > LARGEST_CHECKED:
            text = f"the {name} is too large to be looked through here; `ftwb dataset check` does"
            found.append(Finding(check="data", standing="note", text=text))
            continue
        try:
            report = check_dataset(path, profile=profile.kind, model=request.model)
        except WorkbenchError as error:
            found.append(Finding(check="data", standing="no", text=error.message))
            continue
        if (wrong := _wrong_format(profile, request, report.format)) is not None:
            text = f"the {name} is {report.format}, and {wrong}; `ftwb dataset convert` may make it that"
            found.append(Finding(check="data", standing="no", text=text))
            continue
        worst = Counter(f"{one.code} {one.name}" for one in report.findings if one.severity == "error")
        if worst:
            most = ", ".join(code for code, _ in worst.most_common(3))
            # Our own engine reads formats that the rules of hosted ones do not know, and says itself what it refuses.
            standing: Standing = "note" if profile.kind == "local" else "no"
            text = f"the {name} has {report.errors} errors ({most}); see `ftwb dataset check {path}`"
            found.append(Finding(check="data", standing=standing, text=text))
        else:
            text = f"the {name} has {report.records:,} records and no errors, {report.warnings} warnings"
            found.append(Finding(check="data", standing="yes", text=text))
    return found


def _wrong_format(profile: Profile, request: JobRequest, found: Format) -> str | None:
    """What a hosted method wants where that is known and the file is something else."""
    from workbench.dataset.formats import Format

    if profile.kind not in ("openai", "azure"):
        return None
    match request.method:
        case "dpo" if found is not Format.PREFERENCE:
            return "dpo trains on preference pairs"
        case "sft" if found in (Format.PREFERENCE, Format.TRL_PREFERENCE, Format.UNPAIRED, Format.PROMPT_ONLY):
            return "sft trains on chat"
        case "reinforcement" if found not in (Format.CHAT, Format.REINFORCEMENT):
            return "reinforcement trains on messages that end with the user's"
    return None


def _sentence(finding: Finding) -> str:
    if finding.as_of is None or finding.check == "account":
        return finding.text
    source = f", {finding.source}" if finding.source and finding.standing == "no" else ""
    return f"{finding.text} (as of {finding.as_of}{source})"
