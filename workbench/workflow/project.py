"""Projects: a task, its data files, its recipe for training, its answers and verdicts."""

from __future__ import annotations

import itertools
import re
import shutil
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from workbench.errors import WorkbenchError
from workbench.evaluate.task import TaskSpec
from workbench.resources import samples_dir
from workbench.workflow.config import Remembered
from workbench.workflow.context import Context

FIRST_SAMPLE = "recipes"
"""What a new workspace opens with."""
FIRST_SLUG = "default"

Amount = Annotated[float, Field(ge=0, allow_inf_nan=False)]
"""Of money, time or power."""


class Training(BaseModel):
    """How the project's model is trained when nothing else is said."""

    model_config = ConfigDict(extra="allow")

    profile: str = "local"
    model: str = "starter"
    method: str = "sft"
    suffix: str | None = None
    seed: int = 0
    settings: dict[str, Any] = Field(default_factory=dict)


class Costs(BaseModel):
    """What only the person knows of the costs; None where they have not said it. Dollars are US dollars."""

    model_config = ConfigDict(extra="allow")

    hardware_per_hour: Amount | None = None
    """Their own machine: dollars for an hour, rented or written off."""
    watts: Amount | None = None
    """Drawn while it works."""
    per_kwh: Amount | None = None
    """Dollars for a kilowatt hour."""
    always_on: bool = False
    """The machine is paid for by the month, whether it works or not."""
    data_hours: Amount | None = None
    """Spent on preparing the training data."""
    hourly_rate: Amount | None = None
    """Dollars for an hour of that work."""
    retrain_months: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None
    """The model is trained again every so many months."""
    tier: Literal["global", "data-zone", "regional", "developer"] | None = None
    """Azure's kind of deployment and of training; None: global."""


class Answered(BaseModel):
    """A person's answer to one question of the checklist."""

    status: str
    """`yes`, `no` or `open`."""
    text: str = ""
    answered_at: int = 0


class VerdictRecord(BaseModel):
    """One verdict that was given, so that a year later it can be read again."""

    model_config = ConfigDict(extra="allow")

    stage: str
    verdict: str
    run: str | None = None
    created_at: int


class ProjectDocument(BaseModel):
    """`projects/<slug>/project.toml`. Paths are relative to the project's folder or absolute."""

    model_config = ConfigDict(extra="allow")

    schema_version: int = 1
    title: str = ""
    purpose: str = ""
    """What the model is for, in one or two sentences."""
    sample: str | None = None
    """The bundled sample it was made from."""
    created_at: int = 0
    task: TaskSpec = Field(default_factory=TaskSpec)
    candidates: list[str] = Field(default_factory=lambda: ["local/starter", "local/starter+few-shot:5"])
    """The untuned candidates that the project measures first."""
    training: Training = Field(default_factory=Training)
    requests_per_month: int | None = None
    costs: Costs = Field(default_factory=Costs)
    checklist: dict[str, Answered] = Field(default_factory=dict)
    verdicts: list[VerdictRecord] = Field(default_factory=list)


@dataclass(frozen=True)
class Project:
    """A project as it was when it was read."""

    slug: str
    folder: Path
    document: ProjectDocument

    @property
    def title(self) -> str:
        """What a person calls it."""
        return self.document.title or self.slug

    @property
    def relative(self) -> str:
        """The place of its document in the workspace."""
        return f"projects/{self.slug}/project.toml"

    @property
    def task(self) -> TaskSpec:
        """The task with its files as absolute paths."""
        spec = self.document.task
        return spec.model_copy(
            update={
                side: str(self.folder / value)
                for side in ("train", "validation", "test", "docs")
                if (value := getattr(spec, side))
            }
        )

    @property
    def files(self) -> dict[str, Path]:
        """The data files that the project names, by side."""
        task = self.task
        return {side: Path(value) for side in ("train", "validation", "test") if (value := getattr(task, side))}


def slug_of(name: str) -> str:
    """A folder name for a project called `name`: lower-case letters, digits and dashes, at most 40."""
    slug = _slug(name)
    if not slug:
        raise WorkbenchError(
            repr(name), "has no letter or digit to make a folder name of", "choose another name", exit_code=2
        )
    return slug


def _slug(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:40].strip("-")


def list_projects(context: Context) -> list[Project]:
    """Every project of the workspace, by slug; a new workspace has `default`."""
    ensure_first_project(context)
    folder = context.home / "projects"
    return [_read(context, path.parent.name) for path in sorted(folder.glob("*/project.toml"))]


def open_project(context: Context, slug: str | None = None) -> Project:
    """The project `slug`, or as it was named, else the one that was open last, else the first one."""
    ensure_first_project(context)
    wanted = slug or context.remembered.open_project or FIRST_SLUG
    if slug and not _exists(context, slug):
        wanted = _slug(slug) or slug
    if not _exists(context, wanted):
        if slug is None and _exists(context, FIRST_SLUG):
            return _read(context, FIRST_SLUG)
        names = ", ".join(project.slug for project in list_projects(context))
        raise WorkbenchError(
            f"project {slug or wanted!r}", "does not exist", f"projects here: {names}", code="unknown_project"
        )
    return _read(context, wanted)


def remember_project(context: Context, project: Project) -> None:
    """Make `project` the open one, for every later command and start."""

    def change(remembered: Remembered) -> Remembered:
        return remembered.model_copy(update={"open_project": project.slug})

    context.store.update("workspace.toml", Remembered, change)


def new_project(context: Context, name: str, sample: str | None = None, title: str | None = None) -> Project:
    """Make a project, empty or with a copy of a bundled sample's data."""
    slug = slug_of(name)
    if _exists(context, slug):
        raise WorkbenchError(
            f"project {slug!r}", "exists already", "open it, or choose another name", code="project_exists"
        )
    document = ProjectDocument(title=title or name)
    if sample is not None:
        document = _copy_sample(context, slug, sample, title)
    document.created_at = int(time.time())
    context.store.update(f"projects/{slug}/project.toml", ProjectDocument, lambda _: document)
    return _read(context, slug)


def known_scorer(name: str) -> str:
    """The name itself; raises a sentence for a scorer that does not exist."""
    from workbench.evaluate.scorers import SCORERS, ScorerError

    if name not in SCORERS:
        raise ScorerError(name, "there is no such scorer", f"choose from {', '.join(SCORERS)}")
    return name


def update_project(context: Context, project: Project, **changes: Any) -> Project:
    """Write changed fields of the project's document; returns the project as it is then."""

    def change(document: ProjectDocument) -> ProjectDocument:
        return ProjectDocument.model_validate(document.model_dump() | changes)

    context.store.update(project.relative, ProjectDocument, change)
    return _read(context, project.slug)


def with_costs(costs: Costs, said: Mapping[str, Any]) -> Costs:
    """The costs with what was said now; raises WorkbenchError for an amount that cannot be one."""
    try:
        return Costs.model_validate(costs.model_dump() | dict(said))
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0]).replace("_", " ")
        raise WorkbenchError(
            name, f"does not take {first['input']!r}: {first['msg']}", "give another", code="bad_value", exit_code=2
        ) from None


def remember_costs(context: Context, project: Project, costs: Costs, requests_per_month: int | None) -> Project:
    """Keep what the person said of the costs with the project; the volume too, where one is given."""
    changes: dict[str, Any] = {"costs": costs.model_dump(exclude_none=True)}
    if requests_per_month is not None:
        changes["requests_per_month"] = requests_per_month or None
    return update_project(context, project, **changes)


def ensure_first_project(context: Context) -> None:
    """A workspace without a project gets `default`, made of the bundled recipes."""
    if not any((context.home / "projects").glob("*/project.toml")):
        new_project(context, FIRST_SLUG, FIRST_SAMPLE)


def sample_project(context: Context, sample: str) -> Project:
    """The project that was made of a sample under its name, made on first need.

    A project of the same name that is the person's own is left alone: then it is `SAMPLE-2`.
    """
    if sample not in sample_names():
        raise _no_sample(sample)
    for number in itertools.count(1):
        slug = sample if number == 1 else f"{sample}-{number}"
        if not _exists(context, slug):
            return new_project(context, slug, sample)
        if (project := _read(context, slug)).document.sample == sample:
            return project
    raise AssertionError("counting does not end")


def sample_names() -> list[str]:
    """The bundled samples that have a ready project."""
    return sorted(path.parent.name for path in samples_dir().glob("*/project.toml"))


def _copy_sample(context: Context, slug: str, sample: str, title: str | None) -> ProjectDocument:
    import tomllib

    source = samples_dir() / sample
    if sample not in sample_names():
        raise _no_sample(sample)
    document = ProjectDocument.model_validate(tomllib.loads((source / "project.toml").read_text("utf-8")))
    target = context.home / "projects" / slug / "data"
    try:
        target.mkdir(parents=True, exist_ok=True)
        for file in sorted(source.glob("*.jsonl")):
            shutil.copyfile(file, target / file.name)
    except OSError as error:
        raise WorkbenchError(
            str(target),
            f"cannot be written ({error.strerror})",
            "choose another place with --workspace DIR or FTWB_HOME",
            code="workspace_unwritable",
        ) from error
    task = document.task.model_copy(
        update={
            side: f"data/{value}" for side in ("train", "validation", "test") if (value := getattr(document.task, side))
        }
    )
    return document.model_copy(update={"task": task, "sample": sample, "title": title or document.title})


def _no_sample(sample: str) -> WorkbenchError:
    return WorkbenchError(f"sample {sample!r}", "does not exist", f"samples: {', '.join(sample_names())}", exit_code=2)


def _exists(context: Context, slug: str) -> bool:
    """Whether there is such a project; a name that leads elsewhere is none."""
    if slug in ("", ".", "..") or "/" in slug:
        return False
    return (context.home / "projects" / slug / "project.toml").is_file()


def _read(context: Context, slug: str) -> Project:
    document = context.store.read(f"projects/{slug}/project.toml", ProjectDocument)
    return Project(slug=slug, folder=context.home / "projects" / slug, document=document)
