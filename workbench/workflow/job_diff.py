"""Two jobs beside each other: what changed in data and settings, and what became of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.catalog.figure import Origin
from workbench.errors import WorkbenchError
from workbench.workflow.compare import compare_datasets
from workbench.workflow.job_records import RecordedJob, recorded_jobs
from workbench.workflow.like import data_of
from workbench.workflow.reproduce import settings_of
from workbench.workflow.runs import list_runs

if TYPE_CHECKING:
    from workbench.evaluate.results import Comparison, RunResult
    from workbench.workflow.context import Context
    from workbench.workflow.follow import JobView
    from workbench.workflow.project import Project


@dataclass(frozen=True, slots=True)
class SettingChange:
    """A setting that the two jobs do not share; None where a job did not ask for it."""

    name: str
    old: str | None
    new: str | None


@dataclass(frozen=True, slots=True)
class DataChange:
    """What happened to one side of the data, in records; counts are None where a version is not here any more."""

    side: str
    """training or validation."""
    same: int | None = None
    added: int | None = None
    removed: int | None = None
    changed: int | None = None
    reordered: bool = False
    why: str | None = None
    """Why it cannot be counted, a sentence."""

    @property
    def identical(self) -> bool:
        """Whether both jobs had the same records in the same order."""
        return self.why is None and not self.reordered and not (self.added or self.removed or self.changed)


@dataclass(frozen=True, slots=True)
class NumberChange:
    """A number that at least one of the two reported last; None where a job did not."""

    name: str
    old: float | None
    new: float | None


@dataclass(frozen=True, slots=True)
class JobDiff:
    """The older job, the newer, and what differs."""

    old: str
    new: str
    data: tuple[DataChange, ...]
    settings: tuple[SettingChange, ...]
    numbers: tuple[NumberChange, ...]
    comparison: Comparison | None
    """New tuned model against old on the same items, of the newest run that has both; difference = new - old."""
    run: str | None
    missing: str | None
    """The command that measures both where no run has; None where one has, or a job made no model."""


def diff_jobs(context: Context, project: Project, views: tuple[JobView, JobView]) -> JobDiff:
    """Compare two jobs that were caught up with, in whatever order they are given.

    Reads both versions of the data: call it off the event loop. Raises `WorkbenchError` where one has no record here.
    """
    made = recorded_jobs(context)
    pairs = [(view, _recorded(made, view.job.id)) for view in views]
    (old_view, old), (new_view, new) = sorted(pairs, key=lambda pair: (pair[1].job.created_at or 0, pair[1].job.id))
    run, comparison = _measured(context, project, old, new)
    return JobDiff(
        old.job.id,
        new.job.id,
        data=tuple(change for side in ("train", "validation") if (change := _data(context, side, old, new))),
        settings=tuple(_settings(_asked(context, old), _asked(context, new))),
        numbers=tuple(_numbers(_reported(old_view), _reported(new_view))),
        comparison=comparison,
        run=run.run if run is not None else None,
        missing=_command(old, new) if comparison is None else None,
    )


def _recorded(made: Mapping[str, RecordedJob], job_id: str) -> RecordedJob:
    if job_id not in made:
        raise WorkbenchError(f"job {job_id}", "has no record here", "see `ftwb job list`", code="not_found")
    return made[job_id]


def _asked(context: Context, made: RecordedJob) -> dict[str, str]:
    """Everything a person chose, by name, as text."""
    job, profile = made.job, context.profiles().get(made.job.profile)
    found: dict[str, Any] = {"profile": job.profile, "model": job.model, "method": job.method, "seed": job.seed}
    found |= settings_of(made, profile) if profile is not None else job.settings
    return {name: _text(value) for name, value in found.items() if value is not None}


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _settings(old: Mapping[str, str], new: Mapping[str, str]) -> list[SettingChange]:
    return [
        SettingChange(name, old.get(name), new.get(name))
        for name in dict.fromkeys([*old, *new])
        if old.get(name) != new.get(name)
    ]


def _data(context: Context, side: str, old: RecordedJob, new: RecordedJob) -> DataChange | None:
    """None where neither job had that side."""
    name = "training" if side == "train" else side
    hashes = [getattr(made.record, f"{side}_sha256") for made in (old, new)]
    if hashes == [None, None]:
        return None
    for which, sha256, made in zip(("older", "newer"), hashes, (old, new), strict=True):
        if sha256 is None:
            return DataChange(name, why=f"the {which} job has no {name} file on record")
        if data_of(context, sha256, getattr(made.record, f"{side}_path")) is None:
            return DataChange(name, why=f"the {name} file of the {which} job is not kept in this workspace")
    found = compare_datasets(context, str(_place(context, old, side)), str(_place(context, new, side)))
    return DataChange(name, found.same, len(found.added), len(found.removed), len(found.changed), found.reordered)


def _place(context: Context, made: RecordedJob, side: str) -> Path | None:
    return data_of(context, getattr(made.record, f"{side}_sha256"), getattr(made.record, f"{side}_path"))


def _reported(view: JobView) -> dict[str, float]:
    """The last value of every series, and how long and how much was trained."""
    found = {name: points[-1][1] for name, points in view.series.items() if len(points)}
    job = view.job
    if job.trained_tokens:
        found["trained tokens"] = job.trained_tokens
    if job.created_at and job.finished_at:
        found["seconds"] = job.finished_at - job.created_at
    return {name: float(value) for name, value in found.items()}


def _numbers(old: Mapping[str, float], new: Mapping[str, float]) -> list[NumberChange]:
    return [NumberChange(name, old.get(name), new.get(name)) for name in dict.fromkeys([*old, *new])]


def _candidate(made: RecordedJob) -> str | None:
    return f"{made.job.profile}/{made.job.fine_tuned_model}" if made.job.fine_tuned_model else None


def _measured(
    context: Context, project: Project, old: RecordedJob, new: RecordedJob
) -> tuple[RunResult | None, Comparison | None]:
    """The newest run on a test set that measured both tuned models, as they are."""
    a, b = _candidate(new), _candidate(old)
    if a is None or b is None:
        return None, None
    for run in list_runs(context, project, "test"):
        found = run.comparison(a, b)
        if found is not None:
            return run, found
    return None, None


def _command(old: RecordedJob, new: RecordedJob) -> str | None:
    names = [_candidate(made) for made in (old, new)]
    if None in names:
        return None
    return "ftwb evaluate " + " ".join(f"--candidate {name}" for name in names)


def diff_rows(found: JobDiff) -> list[tuple[str, str, str]]:
    """For people, rows of three cells: what, older, newer; a row with the first alone is a heading or a sentence."""
    data = [(f"  {one.side}: {_said(one)}", "", "") for one in found.data] or [("  not on record", "", "")]
    settings = [(f"  {one.name}", one.old or "-", one.new or "-") for one in found.settings]
    numbers = [(f"  {one.name}", _number(one.old), _number(one.new)) for one in found.numbers]
    return [
        ("", f"older …{found.old[-8:]}", f"newer …{found.new[-8:]}"),
        ("Measured on the same items", "", ""),
        (f"  {_verdict(found)}", "", ""),
        ("", "", ""),
        ("Data", "", ""),
        *data,
        ("", "", ""),
        ("Settings that differ", "", ""),
        *(settings or [("  none", "", "")]),
        ("", "", ""),
        ("Reported last", "", ""),
        *(numbers or [("  nothing", "", "")]),
    ]


def _number(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:,.0f}" if value == round(value) else f"{value:.4g}"


def _said(data: DataChange) -> str:
    if data.why is not None:
        return data.why
    if data.identical:
        return f"the same {data.same:,} records"
    counts = {"the same": data.same, "added": data.added, "removed": data.removed, "changed": data.changed}
    return ", ".join(f"{count:,} {what}" for what, count in counts.items()) + (
        ", in another order" if data.reordered else ""
    )


def _verdict(found: JobDiff) -> str:
    one = found.comparison
    if one is None:
        return f"not measured together: {found.missing}" if found.missing else "not measured: a job made no model"
    if one.difference is None or one.ci95 is None:
        return f"{found.run}: no item was answered by both"
    low, high = one.ci95
    words = {"better": "the newer is better", "worse": "the newer is worse", "tied": "tied"}
    said = words[one.verdict] + (", underpowered" if one.underpowered else "")
    origin = "" if one.origin is Origin.MEASURED else f", {one.origin}"
    span = f"95 % {low:+.3f} to {high:+.3f}, {one.n} items"
    return f"{said}: newer - older = {one.difference:+.3f}, {span}, {found.run}{origin}"
